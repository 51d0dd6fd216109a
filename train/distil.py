"""A smaller detector that learns what a trained one says of each picture, beside what is known of it.

Hinton, Vinyals and Dean 2015, https://arxiv.org/abs/1503.02531.
"""

from pathlib import Path
from typing import Final

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from train.checkpoint import load_snapshot, save_snapshot
from train.config import DetectorConfig, DistilConfig
from train.data.dataset import Examples
from train.data.mnist import Digits
from train.data.targets import Targets
from train.detector.learner import (
    DIGIT_WEIGHT,
    DOMAIN_WEIGHT,
    ClassWeights,
    DetectorLearner,
    Outputs,
    balanced_weights,
    detector_loss,
)
from train.detector.model import CHUNK, Detector
from train.detector.train import STAGE, keep_calibration, load_detector, load_examples, read_calibration
from train.errors import ConfigError
from train.loop import Schedule, run_loop, steps_per_epoch
from train.run import Run

TAUGHT: Final = "taught.safetensors"


def train_distilled(config: DistilConfig, run: Run) -> None:
    """Keep what the teacher says of its examples, learn it, calibrate: each is kept, and none is done twice.

    Raises:
        DataError, RunError: the data or the teacher cannot be had, or the folder cannot be written.
    """
    torch.set_num_threads(config.threads)
    teacher = Run(Path(config.teacher))
    product = teacher.config(DetectorConfig)
    examples = load_examples("train", product, teacher)
    taught = kept_taught(run.folder / TAUGHT, load_detector(product, teacher), examples)
    device = torch.device(config.device)
    learner = Distiller(config, examples.codes.to(device), taught.to(device))
    schedule = Schedule(
        learner.total, config.batch_size, [learner.total], config.save_every, config.log_every, config.seed
    )
    # A picture's label is its place, by which the learner finds its code and what the teacher says of it.
    numbered = Digits(examples.images.to(device), torch.arange(len(taught), device=device))
    run_loop(learner, numbered, schedule, Run(run.folder / STAGE), lambda _: {})
    keep_calibration(run, learner.deployed, load_examples("validation", product, teacher))


def check_teacher(config: DistilConfig) -> None:
    """Raises RunError where the teacher is no finished product, ConfigError where its data are others."""
    teacher = Run(Path(config.teacher))
    product = teacher.config(DetectorConfig)
    if product.dataset != config.dataset:
        raise ConfigError(
            f"{teacher.folder} learnt from {product.dataset}; give --dataset {product.dataset} "
            "or another --teacher."
        )
    read_calibration(teacher)


def kept_taught(path: Path, teacher: Detector, examples: Examples) -> torch.Tensor:
    """What the teacher says of every example, float32 [n, 12]: fake logit, digits' logits, domain logit.

    Computed and saved first where there is no such file.

    Raises:
        RunError: the file cannot be read or written.
    """
    if not path.exists():
        save_snapshot(path, {"taught": said_of(teacher, examples.images)}, {})
    return load_snapshot(path)[0]["taught"]


@torch.no_grad()
def said_of(teacher: Detector, images: torch.Tensor) -> torch.Tensor:
    """A detector's outputs of uint8 [n, 28, 28], side by side: float32 [n, 12]."""
    rows = []
    for part in images.split(CHUNK):
        pictures = (part[:, None].float() / 255).contiguous(memory_format=torch.channels_last)
        fake_logit, digit_logits, domain_logit = teacher(pictures)
        rows.append(torch.cat([fake_logit[:, None], digit_logits, domain_logit[:, None]], 1))
    return torch.cat(rows)


class Distiller(DetectorLearner):
    """A detector that learns half from the codes, half from a teacher. Labels are places in the examples."""

    def __init__(self, config: DistilConfig, codes: torch.Tensor, taught: torch.Tensor) -> None:
        """codes: int64 [n] of `train.data.targets`. taught: float32 [n, 12], the teacher's answers."""
        steps = max(1, config.epochs * steps_per_epoch(config.batch_size, len(codes)))
        super().__init__(
            steps,
            config.seed,
            ClassWeights.of(codes),
            codes.device,
            config.widths,
            config.precision,
            config.cycles,
        )
        self.codes = codes
        self.taught = taught

    def step(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """As `DetectorLearner.step`; labels: int64 [batch], places in the examples."""
        taught = self.taught[labels]

        def objective(outputs: Outputs, targets: Targets) -> torch.Tensor:
            told = detector_loss(outputs, targets, self.balance)
            return (told + distillation_loss(outputs, taught, targets, self.balance)) / 2

        return self.learn(images, self.codes[labels], objective)


def distillation_loss(
    outputs: Outputs, taught: torch.Tensor, targets: Targets, balance: ClassWeights
) -> torch.Tensor:
    """The cross-entropies to a teacher's beliefs, float32 [3], of the same three questions and weights.

    taught: float32 [batch, 12], the teacher's fake logit, digits' logits and domain logit.
    """
    fake_logit, digit_logits, domain_logit = outputs
    digits = 1 - balance.other

    fake = binary_cross_entropy_with_logits(fake_logit, taught[:, 0].sigmoid(), reduction="none")
    fake = fake * (
        balanced_weights(targets.real, balance.real) + balanced_weights(targets.fake, balance.fake)
    )

    digit = cross_entropy(digit_logits, taught[:, 1:-1].softmax(1), reduction="none") * ~targets.other

    domain = binary_cross_entropy_with_logits(domain_logit, taught[:, -1].sigmoid(), reduction="none")
    domain = domain * (
        balanced_weights(~targets.other, digits) + balanced_weights(targets.other, balance.other)
    )

    return torch.stack([fake.mean(), DIGIT_WEIGHT * digit.mean(), DOMAIN_WEIGHT * domain.mean()])
