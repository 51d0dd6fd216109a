"""How good a run's discriminator is on pictures it never saw: the test digits and fresh fakes."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from train import data
from train.gan import load_pair
from train.metrics import auroc
from train.run import Run

EVALUATION_SEED = 1_000_000


def evaluate_tutorial(run: Run, step: int | None = None) -> dict[str, Any]:
    """Score all test digits and as many fakes of the run's own generator, as a file would hold them.

    Returns the run's name, its step, and `figures`.

    Raises:
        DataError, RunError: the data set or the run cannot be read.
    """
    config = run.config()
    digits = data.load(config.dataset, "test")
    pair, step = load_pair(run, step)
    fakes = torch.from_numpy(pair.sample(len(digits.images), EVALUATION_SEED))
    with torch.no_grad():
        real, fake = (
            pair.discriminator(data.scaled(pictures)).numpy() for pictures in (digits.images, fakes)
        )
    return {"run": run.folder.name, "step": step, **figures(real, fake)}


def figures(real_logits: NDArray[np.floating], fake_logits: NDArray[np.floating]) -> dict[str, Any]:
    """The tutorial's figures, from logits [n] and [m], under the names that the model card uses.

    AUROC's positive class is fake; a picture is called fake where P(fake) >= 0.5.
    """
    return {
        "reals": len(real_logits),
        "fakes": len(fake_logits),
        "auroc_own_generator": auroc(real_logits, fake_logits),
        "real_called_fake": float(np.mean(real_logits >= 0)),
        "fake_called_fake": float(np.mean(fake_logits >= 0)),
    }
