"""Training: an epoch of the tutorial pair against the notebook's own way, and 1,000 steps of the detector."""

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

import numpy as np
import torch
from PIL import Image
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils.data import DataLoader, Dataset

from export.benchmark.harness import Options, Report, in_turn, report, rows_from
from train.config import DetectorConfig, TutorialConfig, from_preset
from train.data import mnist
from train.data.targets import fake_targets
from train.detector.learner import ClassWeights, DetectorLearner
from train.device import fast_bfloat16
from train.loop import epoch_order, steps_per_epoch
from train.tutorial.gan import TutorialPair
from train.tutorial.models import MlpDiscriminator, MlpGenerator

STEPS: Final = 150
NOTEBOOK: Final = "the notebook's way"
TUTORIAL: Final = "python -m train tutorial"
DETECTOR: Final = "python -m train detector --preset full"
NOT_ON_CUDA: Final = "Not measured on CUDA: PyTorch finds no working GPU here."


class PilImages(Dataset[tuple[torch.Tensor, int]]):
    """MNIST as the notebook loads it: the same operations as torchvision's `MNIST` and `ToTensor`."""

    def __init__(self, digits: mnist.Digits) -> None:
        self.data = digits.images.cpu()
        self.targets = digits.labels.cpu()

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        """Return float32 [1, height, width] in [0, 1], and the digit."""
        picture, digit = Image.fromarray(self.data[index].numpy()), int(self.targets[index])
        levels = torch.from_numpy(np.array(picture, np.uint8, copy=True))
        levels = levels.view(picture.size[1], picture.size[0], len(picture.getbands()))
        return levels.permute((2, 0, 1)).contiguous().to(torch.get_default_dtype()).div(255), digit


def measure(options: Options) -> Report:
    """Measure wall time, 128 pictures per step, on CUDA if there is a GPU.

    Raises:
        DataError: MNIST is not available.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    digits = mnist.load("mnist", "train")
    steps = 5 if options.quick else STEPS
    pair, detector = TutorialConfig(), from_preset(DetectorConfig, {"preset": "full"})
    epoch = steps_per_epoch(pair.batch_size, len(digits.images))
    pairs = {NOTEBOOK: timed(notebook_steps(digits, pair, device), steps, epoch, device)}
    detectors = {}
    for precision in ("float32", "bfloat16") if fast_bfloat16(device.type) else ("float32",):
        stepping = pair_steps(digits.images, replace(pair, precision=precision), device)
        pairs[f"{TUTORIAL} --precision {precision}"] = timed(stepping, steps, epoch, device)
        stepping = detector_steps(digits, replace(detector, precision=precision), device)
        detectors[f"{DETECTOR} --precision {precision}"] = timed(stepping, max(1, steps // 5), 1000, device)
    rows = []
    for task, contestants in (
        ("one epoch of the tutorial pair", pairs),
        ("1,000 steps of the detector", detectors),
    ):
        seconds = in_turn(contestants, options.rounds)
        rows += rows_from(f"{task} on {device.type}", "s", seconds, next(iter(seconds)))
    notes = [
        f"Wall time, scaled up from {steps} steps of the pair and a fifth of that of the detector; "
        f"{torch.get_num_threads()} threads.",
        "The notebook and this project update the same two networks on 128 real pictures per step. This "
        "project also rounds the fakes to 8 bits and makes half of the discriminator's fakes with the "
        "deployed statistics.",
    ]
    return report("training", rows, notes if device.type == "cuda" else [*notes, NOT_ON_CUDA])


def timed(stepping: Iterator[None], steps: int, scale: int, device: torch.device) -> Callable[[], float]:
    """Return a function that runs `steps` steps and returns the seconds that `scale` steps would take."""

    def run() -> float:
        began = time.perf_counter()
        for _ in range(steps):
            next(stepping)
        if device.type == "cuda":
            torch.cuda.synchronize()
        return (time.perf_counter() - began) / steps * scale

    return run


def pair_steps(images: torch.Tensor, config: TutorialConfig, device: torch.device) -> Iterator[None]:
    """Do this project's steps, without end: pictures and losses stay on the device."""
    pair = TutorialPair(config, (28, 28), device)
    images = images.to(device)
    window = torch.zeros(len(pair.watched), device=device)
    for chosen in batches(len(images), config, device):
        window += pair.step(images[chosen], chosen)
        yield


def detector_steps(digits: mnist.Digits, config: DetectorConfig, device: torch.device) -> Iterator[None]:
    """Do the detector's steps, without end, on real digits of which every other is labelled fake."""
    codes = torch.where(torch.arange(len(digits.labels)) % 2 == 0, digits.labels, fake_targets(digits.labels))
    images, codes = digits.images.to(device), codes.to(device)
    learner = DetectorLearner(
        1_000_000, config.seed, ClassWeights.of(codes), device, config.widths, config.precision
    )
    for chosen in batches(len(images), config, device):
        learner.step(images[chosen], codes[chosen])
        yield


def batches(
    count: int, config: TutorialConfig | DetectorConfig, device: torch.device
) -> Iterator[torch.Tensor]:
    """Yield the indices of each step's pictures, epoch after epoch, without end."""
    for epoch in itertools.count():
        yield from epoch_order(config.seed, epoch, count).to(device).split(config.batch_size)


def notebook_steps(digits: mnist.Digits, config: TutorialConfig, device: torch.device) -> Iterator[None]:
    """Do the notebook's steps, without end, with its loader, its losses and its running means."""
    generator = MlpGenerator(config.latent, digits.images[0].numel()).to(device)
    discriminator = MlpDiscriminator(digits.images[0].numel()).to(device)
    generator_optimizer = torch.optim.Adam(generator.parameters(), lr=config.learning_rate)
    discriminator_optimizer = torch.optim.Adam(discriminator.parameters(), lr=config.learning_rate)
    loader = DataLoader(PilImages(digits), batch_size=config.batch_size, shuffle=True)
    mean_discriminator_loss = mean_generator_loss = 0.0
    while True:
        for pictures, _ in loader:
            real = pictures.view(len(pictures), -1).to(device)
            discriminator_optimizer.zero_grad()
            fake = generator(torch.randn(len(real), config.latent, device=device))
            fake_prediction = discriminator(fake.detach())
            fake_loss = binary_cross_entropy_with_logits(fake_prediction, torch.ones_like(fake_prediction))
            real_prediction = discriminator(real)
            real_loss = binary_cross_entropy_with_logits(real_prediction, torch.zeros_like(real_prediction))
            discriminator_loss = (fake_loss + real_loss) / 2
            discriminator_loss.backward(retain_graph=True)
            discriminator_optimizer.step()

            generator_optimizer.zero_grad()
            prediction = discriminator(generator(torch.randn(len(real), config.latent, device=device)))
            generator_loss = binary_cross_entropy_with_logits(prediction, torch.zeros_like(prediction))
            generator_loss.backward()
            generator_optimizer.step()

            mean_discriminator_loss += discriminator_loss.item() / 500
            mean_generator_loss += generator_loss.item() / 500
            yield
