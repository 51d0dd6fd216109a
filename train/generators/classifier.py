"""The digit classifier. Its features measure how similar two sets of pictures are."""

import math
from collections.abc import Mapping
from typing import ClassVar, Final, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from train.data.mnist import CLASSES
from train.loop import Learner, Part

FEATURES: Final = 64
"""Few, so that the Fréchet distance of 10,000 samples has little bias."""

WIDTHS: Final = (32, 64, 128)
CHUNK: Final = 500

LEARNING_RATE: Final = 4e-3
WARM_UP: Final = 0.2
WEIGHT_DECAY: Final = 1e-2

# Roughly the range of handwriting; much more could turn a 9 into a 6, or a 1 into a slash.
TURN: Final = math.radians(10)
SHEAR: Final = 0.15
STRETCH: Final = 0.1
SHIFT: Final = 2 / 14
"""Two pixels, in units of half the picture's width."""


class DigitClassifier(nn.Module):
    """Six 3x3 convolutions on 28x28 pictures, with pooling after every second, then 64 features.

    Takes float32 [batch, 1, 28, 28] in [0, 1]; returns the digits' logits, float32 [batch, 10].
    """

    def __init__(self) -> None:
        super().__init__()
        first, second, third = WIDTHS
        self.convolutions = nn.Sequential(
            block(1, first),
            block(first, first),
            nn.MaxPool2d(2),
            block(first, second),
            block(second, second),
            nn.MaxPool2d(2),
            block(second, third),
            block(third, third),
            nn.MaxPool2d(2),
        )
        # BatchNorm without weights gives every feature the same influence on a distance.
        self.narrowing = nn.Sequential(
            nn.Flatten(), nn.Linear(third * 3 * 3, FEATURES), nn.BatchNorm1d(FEATURES, affine=False)
        )
        self.head = nn.Linear(FEATURES, CLASSES)

    def features(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return float32 [batch, 64], of mean 0 and variance 1 over real digits; input as for `forward`."""
        return cast(torch.Tensor, self.narrowing(self.convolutions(pictures)))

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, self.head(self.features(pictures)))


def block(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


def one_cycle_rate(step: int, total: int, peak: float = LEARNING_RATE) -> float:
    """Return a learning rate that rises linearly over the first fifth of the steps, then falls as a cosine.

    step: from 0. Smith and Topin 2017, https://arxiv.org/abs/1708.07120.
    """
    warm = WARM_UP * total
    if step < warm:
        return peak * (step + 1) / (warm + 1)
    return peak * (1 + math.cos(math.pi * (step - warm) / (total - warm))) / 2


def random_affine(pictures: torch.Tensor, stream: torch.Generator) -> torch.Tensor:
    """Rotate, shear, stretch and shift each picture at random.

    pictures: float32 [batch, 1, height, width] in [0, 1], and so is the result; what moves in is 0.
    stream: on the same device.
    """

    def uniform(reach: float) -> torch.Tensor:
        drawn = torch.rand(len(pictures), device=pictures.device, generator=stream)
        return (drawn * 2 - 1) * reach

    turn, shear = uniform(TURN), uniform(SHEAR)
    across, down = 1 + uniform(STRETCH), 1 + uniform(STRETCH)
    # Rotation · shear · stretch, then the shift.
    rows = (
        torch.stack([turn.cos() * across, (turn.cos() * shear - turn.sin()) * down, uniform(SHIFT)], 1),
        torch.stack([turn.sin() * across, (turn.sin() * shear + turn.cos()) * down, uniform(SHIFT)], 1),
    )
    grid = functional.affine_grid(torch.stack(rows, 1), list(pictures.shape), align_corners=False)
    return functional.grid_sample(pictures, grid, align_corners=False)


class ClassifierLearner(Learner):
    """A digit classifier with its optimiser, schedule and random stream."""

    watched: ClassVar[tuple[str, ...]] = ("loss", "accuracy")

    def __init__(self, total: int, seed: int, device: torch.device, precision: str = "float32") -> None:
        """total: steps of the whole run."""
        self.total = total
        self.device = device
        self.precision = precision
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.classifier = DigitClassifier().to(device)
            # Twice as fast in bfloat16 on a CPU.
            self.classifier.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = torch.optim.AdamW(
            self.classifier.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY, fused=True
        )
        self.stream = torch.Generator(device).manual_seed(seed)
        self.done = torch.tensor(0)

    def step(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        for group in self.optimizer.param_groups:
            group["lr"] = one_cycle_rate(int(self.done), self.total)
        self.classifier.train()
        pictures = random_affine(images[:, None].float() / 255, self.stream)
        with self.autocast():
            logits = self.classifier(pictures.contiguous(memory_format=torch.channels_last)).float()
        loss = functional.cross_entropy(logits, labels)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.done += 1
        return torch.stack([loss.detach(), (logits.argmax(1) == labels).float().mean()])

    def parts(self) -> Mapping[str, Part]:
        return {
            "classifier": self.classifier,
            "optimizer": self.optimizer,
            "stream": self.stream,
            "done": self.done,
        }


@torch.no_grad()
def features_and_digits(
    classifier: DigitClassifier, images: NDArray[np.uint8]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the features float32 [n, 64] of uint8 [n, 28, 28], and the most probable digits int64 [n]."""
    classifier.eval()
    device = classifier.head.weight.device
    features = torch.cat(
        [
            classifier.features(part[:, None].to(device).float() / 255)
            for part in torch.from_numpy(images).split(CHUNK)
        ]
    )
    return features.cpu().numpy(), classifier.head(features).argmax(1).cpu().numpy()
