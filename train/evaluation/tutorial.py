"""How good a run's discriminator is on pictures it never saw: the test digits and fresh fakes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from train.config import TutorialConfig
from train.data import mnist
from train.evaluation.metrics import auroc
from train.normalize import SIDE, normalize
from train.run import Run
from train.tutorial.gan import load_pair

EVALUATION_SEED = 1_000_000


def evaluate_tutorial(run: Run, step: int | None = None) -> dict[str, Any]:
    """Score all test digits and as many fakes of the run's own generator, as a file would hold them.

    Returns the run's name, its step, and `both_ways`.

    Raises:
        DataError, RunError: the data set or the run cannot be read.
    """
    config = run.config(TutorialConfig)
    reals = mnist.load(config.dataset, "test").images.numpy()
    pair, step = load_pair(run, step)

    def logits(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        with torch.no_grad():
            result: NDArray[np.float32] = pair.discriminator(mnist.scaled(torch.from_numpy(pixels))).numpy()
        return result

    fakes = pair.sample(len(reals), EVALUATION_SEED)
    return {"run": run.folder.name, "step": step, **both_ways(logits, reals, fakes)}


def both_ways(
    logits: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    reals: NDArray[np.uint8],
    fakes: NDArray[np.uint8],
) -> dict[str, Any]:
    """`figures` through the normaliser, as the app scores, and of raw pixels, as the pair was trained.

    logits: scores uint8 [n, height, width]. The normaliser makes 28x28 pixels, so for pictures of
    another shape its figures are None.
    """
    raw = figures(logits(reals), logits(fakes))
    if reals.shape[1:] != (SIDE, SIDE):
        return {"normalized": None, "raw": raw}
    seen = (np.stack([normalize(each[..., None]) for each in pixels]) for pixels in (reals, fakes))
    return {"normalized": figures(*map(logits, seen)), "raw": raw}


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
