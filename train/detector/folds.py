"""The folds: detectors that are trained without some generators, to learn how unseen ones are judged."""

from collections.abc import Mapping
from typing import Final

MEMBERS: Final = (
    *("conditional_gan", "conditional_gan_early", "sharp_vae", "sharp_vae_redrawn"),
    *("morphs", "mixed"),
)
"""The best generators of the kinds that have several, their early stages, and what is derived from them."""
KINDS: Final = ("adversarial", "variational", "flow", "autoregressive", "classical")
FOLDS: Final = (*KINDS, "members")
"""Detectors that are trained without some generators: without one kind, or without `MEMBERS`."""


def left_out(fold: str, kinds: Mapping[str, str]) -> set[str]:
    """Return the generators that a fold's detector is not trained on; kinds: generator → its kind."""
    if fold == "members":
        return set(MEMBERS) & set(kinds)
    return {name for name, kind in kinds.items() if kind == fold}


def folds_of(kinds: Mapping[str, str]) -> list[str]:
    """Return the folds that leave any of the generators out."""
    return [fold for fold in FOLDS if left_out(fold, kinds)]
