"""A family that learns step by step: networks, optimisers, a weight average and a random stream."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.optim.swa_utils import AveragedModel

from train.checkpoint import unprefixed
from train.config import GeneratorsConfig
from train.data.mnist import Digits, to_pixels
from train.errors import RunError
from train.generators.base import Family
from train.loop import Learner, Part, Schedule, run_loop
from train.run import Run

CHUNK = 256
AVERAGE_DECAY = 0.999


class LearnedFamily(Family, Learner):
    """Subclasses build the networks and define an update.

    steps: updates at effort 1. batch_size: real pictures per update. sampling_parts: prefixes of the tensors
    in a snapshot that sampling needs.
    """

    steps: ClassVar[int]
    batch_size: ClassVar[int] = 128
    learning_rate: ClassVar[float]
    betas: ClassVar[tuple[float, float]] = (0.9, 0.99)
    sampling_parts: ClassVar[tuple[str, ...]] = ("average.",)

    def __init__(self, config: GeneratorsConfig) -> None:
        self.config = config
        self.device = torch.device(config.device)
        self.precision = config.precision
        self.total = max(1, round(self.steps * config.effort))
        self.done = torch.zeros((), dtype=torch.int64)
        self.stream = torch.Generator(self.device).manual_seed(config.seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self.networks = {
                name: network.to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
                for name, network in self.build().items()
            }
        self.optimizers = {
            name: torch.optim.Adam(network.parameters(), lr=self.learning_rate, betas=self.betas, fused=True)
            for name, network in self.networks.items()
        }
        self.average = AveragedModel(self.networks["generator"], avg_fn=ema, use_buffers=True)
        self.average.eval()

    @abstractmethod
    def build(self) -> Mapping[str, nn.Module]:
        """Return new networks by name; the one to sample from is called `generator`."""

    @abstractmethod
    def update(self, pictures: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Make one update on float32 [batch, 1, 28, 28], k/255 in [0, 1], and int64 [batch].

        Returns float32 [len(watched)].
        """

    @abstractmethod
    def generate(
        self, random: np.random.Generator, count: int, digits: NDArray[np.int64] | None
    ) -> torch.Tensor:
        """Return pictures of the averaged generator: float32 [count, 1, 28, 28] in [0, 1], no gradients."""

    def step(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Make one update at the step's learning rate."""
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = self.learning_rate * rate_decay(self.done.item() / self.total)
        values = self.update(images[:, None].float() / 255, labels)
        self.average.update_parameters(self.networks["generator"])
        self.done += 1
        return values

    def kept_steps(self) -> list[int]:
        """Return the steps whose snapshots stay."""
        return [self.total]

    def fit(self, digits: Digits, run: Run) -> float:
        schedule = Schedule(self.total, self.batch_size, self.kept_steps(), self.config)
        return run_loop(self, digits, schedule, run)

    @torch.no_grad()
    def sample(self, count: int, seed: int, digits: NDArray[np.int64] | None = None) -> NDArray[np.uint8]:
        random = np.random.default_rng(seed)
        parts = [
            to_pixels(self.generate(random, len(part), None if digits is None else digits[part])[:, 0])
            for part in chunks(count)
        ]
        return np.concatenate(parts)

    def normal(self, *shape: int) -> torch.Tensor:
        """Return standard normal float32 from the family's random stream."""
        return torch.randn(*shape, device=self.device, generator=self.stream)

    def uniform(self, *shape: int) -> torch.Tensor:
        """Return uniform float32 in [0, 1) from the family's random stream."""
        return torch.rand(*shape, device=self.device, generator=self.stream)

    def parts(self) -> Mapping[str, Part]:
        optimizers = {f"{name}_optimizer": optimizer for name, optimizer in self.optimizers.items()}
        return {
            **self.networks,
            **optimizers,
            "average": self.average,
            "stream": self.stream,
            "done": self.done,
        }

    def sampling_tensors(self, run: Run) -> dict[str, torch.Tensor]:
        if run.last() < self.total:
            raise RunError(f"{run.folder} is not finished; train it to the end with --resume first.")
        tensors, _ = run.load(self.total)
        return {name: each for name, each in tensors.items() if name.startswith(self.sampling_parts)}

    def load(self, tensors: Mapping[str, torch.Tensor], digits: Digits) -> None:  # noqa: ARG002
        self.restore_average(tensors)

    def restore_average(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Restore the averaged generator alone, which is enough for sampling and export."""
        self.average.load_state_dict(unprefixed("average", tensors))


def ema(average: torch.Tensor, current: torch.Tensor, count: torch.Tensor | int) -> torch.Tensor:
    """Exponential moving average whose decay warms up, so that short runs forget their initial weights."""
    decay = torch.clamp((1 + torch.as_tensor(count)) / (10 + torch.as_tensor(count)), max=AVERAGE_DECAY)
    return torch.lerp(current, average, decay.to(average)) if average.is_floating_point() else current


def rate_decay(progress: float) -> float:
    """Return the factor of the learning rate: 1 for the first half of a run, then linearly down to 0.02."""
    return min(1.0, max(0.02, 2 * (1 - progress)))


def chunks(count: int) -> Iterator[NDArray[np.int64]]:
    """Yield 0 to `count` - 1 in chunks of at most `CHUNK`, to bound memory."""
    for start in range(0, count, CHUNK):
        yield np.arange(start, min(start + CHUNK, count))


def minimize(loss: torch.Tensor, *optimizers: torch.optim.Optimizer) -> None:
    """Take one step of the optimisers on a loss."""
    for optimizer in optimizers:
        optimizer.zero_grad()
    loss.backward()
    for optimizer in optimizers:
        optimizer.step()


def means(values: Iterable[torch.Tensor]) -> torch.Tensor:
    """Return the detached means of tensors as one float32 vector: what an update returns."""
    return torch.stack([value.detach().float().mean() for value in values])


def normal_noise(random: np.random.Generator, *shape: int) -> torch.Tensor:
    """Return standard normal float32 from numpy, so that exported generators can reproduce the samples."""
    return torch.from_numpy(random.standard_normal(shape, np.float32))
