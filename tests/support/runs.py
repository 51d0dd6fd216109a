"""Tiny runs of the training commands, made in seconds: generators, a detector, a digit classifier."""

import functools
import shutil
from pathlib import Path
from typing import Final

import pytest
import torch

from tests.support.shared import built_once
from train.cli import main
from train.data.mnist import hold_out, load
from train.generators.classifier import ClassifierLearner, DigitClassifier

# One job, because other processes would not know a data set that a test has added.
GENERATORS: Final = "--preset smoke --effort 1e-9 --count 100 --jobs 1 --threads 1"
DETECTOR: Final = (
    "--preset smoke --reals 100 --samples 12 --redrawn 12 --styled 12 --validation 12 --non-digits 20 "
    "--evaluation 10 --corrupted-fakes 2 --corrupted-reals 10 --fold-steps 2 --width 4 --jobs 1 --threads 1"
)
STEPS: Final = 40
BATCH: Final = 32


def generators_command(runs: Path, dataset: str, *more: str) -> list[str]:
    return ["generators", *GENERATORS.split(), "--dataset", dataset, "--runs", str(runs), *more]


def detector_command(runs: Path, dataset: str, *more: str) -> list[str]:
    options = [*DETECTOR.split(), "--generators", str(runs / "generators-smoke")]
    return ["detector", *options, "--dataset", dataset, "--runs", str(runs), *more]


def built_generators(factory: pytest.TempPathFactory, dataset: str) -> Path:
    """The folder of a run of generators, built in two commands; shared by all tests."""

    def build(runs: Path) -> None:
        assert main(generators_command(runs, dataset, "--only", "vae", "morphs")) == 0
        assert not (runs / "generators-smoke" / "report.json").exists()
        assert main(generators_command(runs, dataset, "--resume")) == 0

    return built_once(factory, "generators", build) / "generators-smoke"


def copied_generators(factory: pytest.TempPathFactory, dataset: str) -> Path:
    """A copy of that folder, which a test may change."""
    source = built_generators(factory, dataset)
    return Path(shutil.copytree(source, factory.mktemp("runs") / source.name))


def evaluated_detector(factory: pytest.TempPathFactory, dataset: str) -> Path:
    """The folder of a detector's run with its report; shared by all tests."""

    def build(runs: Path) -> None:
        shutil.copytree(built_generators(factory, dataset), runs / "generators-smoke")
        assert main(detector_command(runs, dataset)) == 0
        assert main(["evaluate", str(runs / "detector-smoke")]) == 0

    return built_once(factory, "evaluated", build) / "detector-smoke"


@functools.cache
def trained_classifier(dataset: str) -> DigitClassifier:
    """A digit classifier after 40 small batches, which tells most digits apart."""
    digits, _ = hold_out(load(dataset, "train"))
    learner = ClassifierLearner(STEPS, 0, torch.device("cpu"))
    stream = torch.Generator().manual_seed(0)
    for _ in range(STEPS):
        chosen = torch.randint(len(digits.images), (BATCH,), generator=stream)
        learner.step(digits.images[chosen], digits.labels[chosen])
    return learner.classifier
