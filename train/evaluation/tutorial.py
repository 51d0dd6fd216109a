"""Evaluate the tutorial's discriminator on the test digits and new fakes of its own generator."""

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


def evaluate_tutorial(run: Run) -> dict[str, Any]:
    """Score all test digits and as many 8-bit fakes with a run's last networks.

    Returns the run's name, its step, and `raw_and_normalized`.

    Raises:
        DataError, RunError: the data set or the run cannot be read.
    """
    config = run.config(TutorialConfig)
    reals = mnist.load(config.dataset, "test").images.numpy()
    pair, step = load_pair(run)

    def logits(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        with torch.no_grad():
            result: NDArray[np.float32] = pair.discriminator(mnist.to_float(torch.from_numpy(pixels))).numpy()
        return result

    fakes = pair.sample(len(reals), EVALUATION_SEED)
    return {"run": run.folder.name, "step": step, **raw_and_normalized(logits, reals, fakes)}


def raw_and_normalized(
    logits: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    reals: NDArray[np.uint8],
    fakes: NDArray[np.uint8],
) -> dict[str, Any]:
    """Return `figures` on raw pixels, as in training, and on normalized ones, as in the app.

    logits: scores uint8 [n, height, width]. `normalized` is None unless the pictures are 28x28, since the
    normalizer returns that shape.
    """
    raw = figures(logits(reals), logits(fakes))
    if reals.shape[1:] != (SIDE, SIDE):
        return {"normalized": None, "raw": raw}
    normalized = (np.stack([normalize(each[..., None]) for each in pixels]) for pixels in (reals, fakes))
    return {"normalized": figures(*map(logits, normalized)), "raw": raw}


def figures(real_logits: NDArray[np.floating], fake_logits: NDArray[np.floating]) -> dict[str, Any]:
    """Return the figures of logits [n] and [m], under the names used in the model card.

    AUROC's positive class is fake; a picture is called fake if P(fake) >= 0.5.
    """
    return {
        "reals": len(real_logits),
        "fakes": len(fake_logits),
        "auroc_own_generator": auroc(real_logits, fake_logits),
        "real_called_fake": float(np.mean(real_logits >= 0)),
        "fake_called_fake": float(np.mean(fake_logits >= 0)),
    }
