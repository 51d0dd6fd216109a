"""A tiny class-conditional generator without training, the same weights each time."""

from typing import Final

import torch

from train.generators.networks import ConvGenerator

LATENT: Final = 64


def tiny_generator() -> ConvGenerator:
    """(noise float32 [batch, LATENT], digit int64 [batch]) → float32 [batch, 1, 28, 28] in (0, 1)."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return ConvGenerator(LATENT, 4, True).eval()
