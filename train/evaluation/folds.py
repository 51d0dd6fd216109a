"""Detectors that never saw some generators: what a figure on the never-seen is taken from."""

from collections.abc import Mapping
from typing import Final

from train.config import DetectorConfig
from train.data.dataset import Examples
from train.detector.model import Detector
from train.detector.train import fit, keep_calibration
from train.run import Run

MEMBERS: Final = ("conditional_gan", "sharp_vae", "sharp_vae_redrawn", "morphs", "mixed")
"""The best of the kinds that have several members, and what is made of one: other members are learnt from."""
KINDS: Final = ("adversarial", "variational", "flow", "autoregressive", "classical")
FOLDS: Final = (*KINDS, "members")


def left_out(fold: str, kinds: Mapping[str, str]) -> set[str]:
    """The generators that a fold neither learns from nor is calibrated by; kinds: generator → its kind."""
    if fold == "members":
        return set(MEMBERS) & set(kinds)
    return {name for name, kind in kinds.items() if kind == fold}


def train_fold(
    fold: str, config: DetectorConfig, run: Run, learnt_from: Examples, validation: Examples
) -> Detector:
    """A fold's detector, trained and calibrated first where it is not, as the product is, for
    `config.fold_steps`.

    run: the fold's own. learnt_from, validation: the product's, with all generators.

    Raises:
        RunError: the folder cannot be written or read.
    """
    known = learnt_from.without(left_out(fold, learnt_from.kinds))
    learner = fit(known, config.fold_steps, 1, config, run)
    keep_calibration(run, learner.deployed, validation.without(left_out(fold, validation.kinds)))
    return learner.deployed
