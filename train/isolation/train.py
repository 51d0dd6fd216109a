"""Train the locator and the segmenter: first make photographs, in parts that are kept, then train each."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import save

from train.checkpoint import load_snapshot, save_snapshot, write_atomically
from train.config import IsolationConfig
from train.data.mnist import Digits
from train.isolation.examples import make_examples
from train.isolation.layers import WEIGHTS
from train.isolation.learner import IsolationLearner, LocatorLearner, SegmenterLearner
from train.loop import Schedule, run_loop
from train.processes import Workers
from train.run import Run

PART: Final = 250
"""Photographs per file."""


def train_isolation(config: IsolationConfig, run: Run) -> Path:
    """Train both networks; return the file of their weights, for `train/isolation/`. Finished parts are kept.

    Raises:
        DataError, RunError: the digits cannot be read, or the folder cannot be written.
    """
    torch.set_num_threads(config.threads)
    pages, digits, crops = load_examples(config, run)
    device = torch.device(config.device)
    locator = LocatorLearner(config.steps, config.seed, device, config.precision)
    locator.digits = digits.to(device)
    segmenter = SegmenterLearner(config.steps, config.seed, device, config.precision)
    fit(locator, pages, config, Run(run.folder / "locator"))
    fit(segmenter, crops, config, Run(run.folder / "segmenter"))
    weights = {
        f"{name}.{key}": tensor.contiguous()
        for name, learner in (("locator", locator), ("segmenter", segmenter))
        for key, tensor in learner.deployed.tensors().items()
    }
    path = run.folder / WEIGHTS.name
    write_atomically(path, save(weights))
    return path


def fit(learner: IsolationLearner, pictures: torch.Tensor, config: IsolationConfig, run: Run) -> None:
    known = Digits(pictures.to(learner.device), torch.arange(len(pictures), device=learner.device))
    run_loop(learner, known, Schedule(config.steps, config.batch_size, [config.steps], config), run)


def load_examples(config: IsolationConfig, run: Run) -> Sequence[torch.Tensor]:
    """Return pages, digits and crops of all photographs, see `make_examples`; make those that are missing."""
    parts = {
        run.folder / f"photographs-{first:06d}.safetensors": (first, min(PART, config.photographs - first))
        for first in range(0, config.photographs, PART)
    }
    missing = [(path, config, *part) for path, part in parts.items() if not path.exists()]
    with Workers(config.jobs) as workers:
        workers.starmap(save_part, missing)
    loaded = [load_snapshot(path)[0] for path in parts]
    return [torch.cat([part[name] for part in loaded]) for name in ("pages", "digits", "crops")]


def save_part(path: Path, config: IsolationConfig, first: int, count: int) -> None:
    torch.set_num_threads(1)
    save_snapshot(path, make_examples(config.seed, first, count, config.dataset), {})
