"""Real digits redrawn by many small random autoencoders: hard fakes, of which only the details are generated.

One of them leaves few marks, which a detector soon learns by heart; a hundred of random structure teach it
what decoders have in common. Every seventh is held out, to choose detectors by.
"""

import dataclasses
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import conv2d, softplus

from train.checkpoint import load_snapshot, save_snapshot
from train.config import GeneratorsConfig
from train.data import mnist
from train.data.mnist import Digits, to_pixels
from train.data.splits import Split, own_seed
from train.errors import RunError
from train.generators.base import Generator, Kind, Sampler, altered_digits
from train.generators.decoder_networks import (
    Autoencoder,
    PatchAdversary,
    Structure,
    clipped,
    draw_structure,
    reconstruction_loss,
)
from train.generators.learned import chunks, minimize
from train.run import Run

DECODERS: Final = "decoders"
NAMES: Final[Mapping[str, Kind]] = {DECODERS: "variational", f"{DECODERS}_adversarial": "adversarial"}
"""The generators. The names are part of the seeds: renaming one changes its pictures."""
COUNT: Final = 100
FEWEST: Final = 12
"""Autoencoders of a smoke test."""
STEPS: Final = 1000
BATCH: Final = 32
LEARNING_RATE: Final = 6e-3
WARM_UP: Final = 0.1
"""Share of the steps in which the learning rate rises; then it falls to 0 along a cosine."""
ADVERSARY_WEIGHT: Final = 0.003
LARGEST_ERROR: Final = 10.0
"""Levels of 255: autoencoders whose mean error is larger are not used."""
LARGEST_NOISE: Final = 0.2
"""Standard deviations of the codes."""
LARGEST_SHARE: Final = 0.6
"""Of a real digit in a mixture."""
MEASURED: Final = 1000


@dataclass(frozen=True)
class Decoder:
    """A trained autoencoder.

    error: its mean absolute error on digits that it has not learnt from, 0 to 255.
    seconds: CPU time of its training.
    """

    index: int
    network: Autoencoder
    error: float
    seconds: float

    @property
    def kind(self) -> Kind:
        return "adversarial" if self.network.structure.adversary else "variational"

    @property
    def held_out(self) -> bool:
        """Whether it is for validation only."""
        return self.index % 7 == 4


def decoder_count(config: GeneratorsConfig) -> int:
    """Return how many autoencoders a run has."""
    return min(COUNT, max(FEWEST, round(COUNT * config.effort)))


def decoder_path(run: Run, index: int) -> Path:
    return run.folder / DECODERS / f"{index:03d}.safetensors"


def train_decoder(config: GeneratorsConfig, run: Run, index: int) -> None:
    """Train one autoencoder and save it with float16 weights, unless its file exists.

    Raises:
        DataError, RunError: the data set is missing, or the file cannot be written.
    """
    path = decoder_path(run, index)
    if path.exists():
        return
    torch.set_num_threads(config.threads)
    device = torch.device(config.device)
    known, unknown = mnist.hold_out(mnist.load(config.dataset, "train", device))
    structure = draw_structure(config.seed, index, decoder_count(config))
    began = time.process_time()
    network = fit(structure, known.images, own_seed(config.seed, f"decoder {index}"), config.effort)
    seconds = time.process_time() - began
    weights = {
        name: tensor.half() if tensor.is_floating_point() else tensor
        for name, tensor in network.state_dict().items()
    }
    measured = unknown.images[:MEASURED].cpu().numpy()
    # Of the saved weights, which are rounded.
    redrawn = decode(restore_network(structure, weights), measured)
    error = float(np.abs(redrawn.astype(float) - measured).mean())
    header = {"structure": dataclasses.asdict(structure), "error": error, "seconds": seconds}
    save_snapshot(path, weights, header)


def restore_network(structure: Structure, weights: Mapping[str, torch.Tensor]) -> Autoencoder:
    """Return an autoencoder with the weights, for decoding alone, in float32 on the CPU."""
    network = Autoencoder(structure)
    network.load_state_dict(weights)
    return network.eval().requires_grad_(False)


def fit(structure: Structure, images: torch.Tensor, seed: int, effort: float) -> Autoencoder:
    """Train an autoencoder on pictures uint8 [n, 28, 28] for `STEPS` times `effort` steps."""
    device = images.device
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network, adversary = Autoencoder(structure).to(device), PatchAdversary().to(device)
    for module in (network, adversary):
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    random = np.random.default_rng(seed)
    steps = max(2, round(STEPS * effort))
    optimizer = torch.optim.Adam(network.parameters(), fused=True)
    # Without normalization, larger steps end in black pictures.
    highest = LEARNING_RATE if structure.norm != "none" else LEARNING_RATE / 3
    opponent = torch.optim.Adam(adversary.parameters(), lr=1e-3, betas=(0.5, 0.99), fused=True)
    for step in range(steps):
        chosen = torch.from_numpy(random.integers(len(images), size=BATCH)).to(device)
        pictures = shifted(images[chosen][:, None].float() / 255, random)
        values = network(pictures)
        loss = reconstruction_loss(structure, values, pictures)
        if structure.adversary:
            decoded = clipped(values)
            minimize(
                softplus(-adversary(pictures)).mean() + softplus(adversary(decoded.detach())).mean(), opponent
            )
            loss = loss + ADVERSARY_WEIGHT * softplus(-adversary(decoded)).mean()
        for group in optimizer.param_groups:
            group["lr"] = highest * rate(step / steps)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
    network.eval()
    with torch.no_grad():
        codes = network.encoder(images[:MEASURED][:, None].float() / 255)
        dimensions = (0, 2, 3) if codes.ndim == 4 else (0,)
        network.spread.copy_(codes.std(dimensions).reshape(network.spread.shape))
    return network


def rate(progress: float) -> float:
    """Return the factor of the learning rate at a share of the training, 0 to 1."""
    if progress < WARM_UP:
        return 0.1 + 0.9 * progress / WARM_UP
    return 0.5 + 0.5 * math.cos(math.pi * (progress - WARM_UP) / (1 - WARM_UP))


def shifted(pictures: torch.Tensor, random: np.random.Generator) -> torch.Tensor:
    """Shift half of the pictures, float32 [n, 1, 28, 28], by a fraction of a pixel, the same for all."""
    across, down = random.uniform(-1, 1, 2)
    weights = np.outer(linear(down), linear(across)).astype(np.float32)
    kernel = torch.from_numpy(weights).to(pictures.device)[None, None]
    half = len(pictures) // 2
    return torch.cat([pictures[:half], conv2d(pictures[half:], kernel, padding=1)])


def linear(shift: float) -> NDArray[np.float64]:
    """Return the weights of three neighbours that shift a signal by -1 to 1 pixels."""
    return np.array([max(0.0, shift), 1 - abs(shift), max(0.0, -shift)])


@torch.no_grad()
def decode(
    network: Autoencoder,
    images: NDArray[np.uint8],
    noise: NDArray[np.float32] | None = None,
    kept: NDArray[np.float32] | None = None,
) -> NDArray[np.uint8]:
    """Redraw pictures uint8 [n, 28, 28].

    noise: float32 [n, *code_shape], added to the codes, in their standard deviations.
    kept: float32 [n], 0 to 1, the share of each picture in a mixture with its reconstruction.
    """
    parts = []
    for part in chunks(len(images)):
        pictures = torch.from_numpy(images[part])[:, None].float() / 255
        codes = network.encoder(pictures.contiguous(memory_format=torch.channels_last))
        if noise is not None:
            codes = codes + network.spread * torch.from_numpy(noise[part])
        decoded = network.decode(codes).clamp(0, 1)
        if kept is not None:
            decoded = torch.lerp(decoded, pictures, torch.from_numpy(kept[part])[:, None, None, None])
        parts.append(to_pixels(decoded[:, 0]))
    return np.concatenate(parts)


def redraw(
    decoders: Sequence[Decoder], images: NDArray[np.uint8], random: np.random.Generator
) -> NDArray[np.uint8]:
    """Redraw pictures uint8 [n, 28, 28], each by a random autoencoder: a fake of each.

    A third are plain reconstructions, a third come from codes with a little noise, and a third are mixtures
    with the original. Hundreds of pictures at once take much less time each than few.
    """
    redrawn = np.empty_like(images)
    chosen = random.integers(len(decoders), size=len(images))
    for index in np.unique(chosen):
        network, places = decoders[index].network, np.flatnonzero(chosen == index)
        manner = random.integers(3, size=len(places))
        amounts = np.where(manner == 1, random.uniform(0, LARGEST_NOISE, len(places)), 0).astype(np.float32)
        kept = np.where(manner == 2, random.uniform(0, LARGEST_SHARE, len(places)), 0).astype(np.float32)
        noise = random.standard_normal((len(places), *network.code_shape), np.float32)
        noise *= amounts.reshape(-1, *(1 for _ in network.code_shape))
        redrawn[places] = decode(network, images[places], noise, kept)
    return redrawn


def decoder_generators(run: Run, digits: Digits, split: Split) -> list[Generator]:
    """Return generators that redraw digits by a run's autoencoders: for training, or the held-out ones.

    One is of kind `variational`; the other, of kind `adversarial`, has those that learnt with an adversary.

    Raises:
        RunError: there are no autoencoders, or one cannot be read.
    """
    offered = [decoder for decoder in load_decoders(run) if decoder.held_out == (split != "train")]
    generators = []
    for name, kind in NAMES.items():
        if members := [decoder for decoder in offered if decoder.kind == kind]:
            seconds = sum(member.seconds for member in members)
            generators.append(altered_digits(name, kind, seconds, digits, alteration(name, members)))
    return generators


def alteration(
    name: str, decoders: Sequence[Decoder]
) -> Callable[[Sampler, int, NDArray[np.int64]], NDArray[np.uint8]]:
    """Return what `altered_digits` takes: `redraw` with a seed of its own."""

    def alter(originals: Sampler, seed: int, labels: NDArray[np.int64]) -> NDArray[np.uint8]:
        own = own_seed(seed, name)
        return redraw(decoders, originals(len(labels), own, labels), np.random.default_rng(own))

    return alter


def load_decoders(run: Run) -> list[Decoder]:
    """Return a run's autoencoders that are trained so far, without those of a large error.

    Raises:
        RunError: there are none, or a file cannot be read.
    """
    decoders = all_decoders(run)
    limit = error_limit(decoders)
    return [decoder for decoder in decoders if decoder.error <= limit]


def all_decoders(run: Run) -> list[Decoder]:
    """Return a run's autoencoders whatever their errors; see `load_decoders`."""
    decoders = []
    for path in sorted((run.folder / DECODERS).glob("[0-9]*.safetensors")):
        weights, header = load_snapshot(path)
        network = restore_network(Structure(**header["structure"]), weights)
        decoders.append(Decoder(int(path.stem), network, header["error"], header["seconds"]))
    if not decoders:
        raise RunError(
            f"{run.folder / DECODERS} holds no decoder; train them with "
            f"`python -m train generators --resume --only {DECODERS}` first."
        )
    return decoders


def error_limit(decoders: Sequence[Decoder]) -> float:
    """Return the largest error of those to use; a smoke test, where all are bad, drops only the worst."""
    return max(LARGEST_ERROR, 2 * float(np.median([decoder.error for decoder in decoders])))


def summarize(run: Run) -> str:
    """Describe a run's autoencoders in a line."""
    decoders = all_decoders(run)
    errors = [decoder.error for decoder in decoders]
    dropped = [f"{each.index} ({each.error:.1f})" for each in decoders if each.error > error_limit(decoders)]
    return (
        f"{len(decoders)} decoders; mean error in levels of 255: {min(errors):.1f} to {max(errors):.1f}, "
        f"median {np.median(errors):.1f}; dropped: {', '.join(dropped) or 'none'}"
    )
