"""A variational autoencoder with a sharper decoder, sampled from mixtures fitted to its codes."""

import math
import time
from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from train.checkpoint import load_snapshot, prefixed, unprefixed
from train.config import GeneratorsConfig
from train.data.mnist import Digits, to_pixels
from train.generators.base import wanted_digits
from train.generators.learned import LearnedFamily, chunks, means, minimize
from train.generators.mixture import (
    MIXTURES,
    Mixture,
    fit_classes,
    kept_mixtures,
    mixtures_of,
    sample_classes,
)
from train.generators.networks import ConvGenerator
from train.generators.vae import kl_from_normal
from train.loop import Part
from train.run import Run

RECENT: Final = 20_000
"""Number of the newest codes that are kept, to fit the mixtures to."""


class SharpVae(LearnedFamily):
    """Convolutional; the decoder's variance is its error, so codes carry the edges of the strokes.

    Sigma-VAE: Rybkin et al. 2021, https://arxiv.org/abs/2006.13202. Such codes do not fill the prior, so
    samples come from mixtures fitted to the codes afterwards, one per digit: Ghosh et al. 2020,
    https://arxiv.org/abs/1903.12436.
    """

    kind = "variational"
    conditional = True
    steps = 2500
    learning_rate = 1e-3
    watched = ("error", "divergence")
    sampling_parts = ("average.", "encoder.")
    latent: ClassVar[int] = 24
    width: ClassVar[int] = 32
    components: ClassVar[int] = 40

    def __init__(self, config: GeneratorsConfig) -> None:
        super().__init__(config)
        self.codes = torch.zeros(RECENT, self.latent, device=self.device)
        self.labels = torch.zeros(RECENT, dtype=torch.int64, device=self.device)
        self.mixtures: list[Mixture] = []

    def build(self) -> Mapping[str, nn.Module]:
        return {
            "generator": ConvGenerator(self.latent, self.width, conditional=False),
            "encoder": nn.Sequential(
                nn.Conv2d(1, self.width, 4, stride=2, padding=1),
                nn.LeakyReLU(0.2),
                nn.Conv2d(self.width, 2 * self.width, 4, stride=2, padding=1),
                nn.LeakyReLU(0.2),
                nn.Flatten(),
                nn.Linear(98 * self.width, 256),
                nn.LeakyReLU(0.2),
                nn.Linear(256, 2 * self.latent),
            ),
        }

    def update(self, pictures: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        with self.autocast():
            center, log_variance = self.networks["encoder"](pictures).float().chunk(2, 1)
            codes = center + torch.exp(log_variance / 2) * self.normal(*center.shape)
            decoded = self.networks["generator"](codes, labels)
        # Eq. 7 of Rybkin et al.: a Gaussian likelihood whose variance is the batch's mean squared error.
        error = (decoded - pictures).square().mean()
        likelihood = math.prod(pictures.shape[1:]) / 2 * error.log()
        divergence = kl_from_normal(center, log_variance).mean()
        minimize(likelihood + divergence, *self.optimizers.values())
        self.remember(codes.detach(), labels)
        return means([error, divergence])

    def fit(self, digits: Digits, run: Run) -> float:
        seconds = super().fit(digits, run)
        began = time.monotonic()
        self.mixtures = kept_mixtures(run.folder / MIXTURES, self.fit_mixtures)
        return seconds + time.monotonic() - began

    def sampling_tensors(self, run: Run) -> dict[str, torch.Tensor]:
        mixtures, _ = load_snapshot(run.folder / MIXTURES)
        return {**super().sampling_tensors(run), **prefixed("mixtures", mixtures)}

    def load(self, tensors: Mapping[str, torch.Tensor], digits: Digits) -> None:
        super().load(tensors, digits)
        self.networks["encoder"].load_state_dict(unprefixed("encoder", tensors))
        self.mixtures = mixtures_of(unprefixed("mixtures", tensors))

    def fit_mixtures(self) -> list[Mixture]:
        """Fit one mixture per digit to the newest codes."""
        known = min(RECENT, int(self.done) * self.batch_size)
        codes, labels = self.codes[:known].cpu(), self.labels[:known].cpu()
        return fit_classes(codes, labels, self.components, self.config.seed)

    def remember(self, codes: torch.Tensor, labels: torch.Tensor) -> None:
        """Prepend the newest codes and drop the oldest."""
        self.codes = torch.cat([codes, self.codes])[:RECENT]
        self.labels = torch.cat([labels, self.labels])[:RECENT]

    def generate(
        self, random: np.random.Generator, count: int, digits: NDArray[np.int64] | None
    ) -> torch.Tensor:
        chosen = wanted_digits(random, count, digits)
        codes = sample_classes(self.mixtures, random, chosen).to(self.device)
        pictures: torch.Tensor = self.average(codes, torch.from_numpy(chosen).to(self.device))
        return pictures

    @torch.no_grad()
    def reconstruct(self, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Encode and decode digits uint8 [n, 28, 28], bright ink on dark; labels: int64 [n]."""
        encoder = self.networks["encoder"].eval()
        parts = []
        for part in chunks(len(images)):
            codes = encoder(torch.from_numpy(images[part]).to(self.device)[:, None].float() / 255)
            center, _ = codes.chunk(2, 1)
            pictures = self.average(center, torch.from_numpy(labels[part]).to(self.device))
            parts.append(to_pixels(pictures[:, 0]))
        return np.concatenate(parts)

    def parts(self) -> Mapping[str, Part]:
        return {**super().parts(), "codes": self.codes, "labels": self.labels}
