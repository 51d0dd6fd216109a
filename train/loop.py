"""The training loop that every learner shares: batches, metrics and snapshots, resumable from any of them."""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from train.checkpoint import load_optimizer, optimizer_tensors, prefixed, unprefixed
from train.config import SMALLEST_BATCH, Config
from train.data.mnist import Digits
from train.errors import RunError
from train.run import Run

Part = nn.Module | torch.optim.Optimizer | torch.Generator | torch.Tensor


class Learner(ABC):
    """Networks with their optimisers and random streams, and everything else that a step depends on."""

    watched: ClassVar[tuple[str, ...]]
    """Names of the values that `step` returns."""
    device: torch.device
    precision: str
    """Of the layers in training, `float32` or `bfloat16`; weights, losses and updates are float32."""

    @abstractmethod
    def step(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Learn from uint8 [batch, height, width] and int64 [batch].

        Returns float32 [len(watched)], left on the device.
        """

    @abstractmethod
    def parts(self) -> Mapping[str, Part]:
        """Return all that a later step depends on, by the prefix of its tensors in a snapshot."""

    def autocast(self) -> torch.autocast:
        """Return the context in which layers compute in the training's precision."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bfloat16")

    def state(self) -> dict[str, torch.Tensor]:
        """Return the tensors of all parts."""
        tensors: dict[str, torch.Tensor] = {}
        for name, part in self.parts().items():
            if isinstance(part, nn.Module):
                tensors |= prefixed(name, part.state_dict())
            elif isinstance(part, torch.optim.Optimizer):
                tensors |= prefixed(name, optimizer_tensors(part))
            else:
                tensors[name] = part.get_state() if isinstance(part, torch.Generator) else part
        return tensors

    def restore(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Restore what `state` returned.

        Raises:
            KeyError, RuntimeError, ValueError: the tensors belong to another learner.
        """
        for name, part in self.parts().items():
            if isinstance(part, nn.Module):
                part.load_state_dict(unprefixed(name, tensors))
            elif isinstance(part, torch.optim.Optimizer):
                load_optimizer(part, unprefixed(name, tensors))
            elif isinstance(part, torch.Generator):
                part.set_state(tensors[name])
            else:
                part.copy_(tensors[name])


@dataclass(frozen=True)
class Schedule:
    """How long to train, in which order, and which snapshots to keep.

    steps: updates in total. kept: steps whose snapshots stay. config: the run's options.
    """

    steps: int
    batch_size: int
    kept: Sequence[int]
    config: Config

    def header(self) -> dict[str, Any]:
        """Return the values that each snapshot records; a run resumes only under the same ones."""
        return {"kept": list(self.kept), "seed": self.config.seed, "batch_size": self.batch_size}


def snapshot_steps(total: int, count: int) -> list[int]:
    """Return the steps to keep: 0, then `count` - 1 in equal ratios up to the last; fewer if it is short."""
    if count == 2:
        return [0, total]
    first = max(1, total // 1000)
    return sorted({0, *np.geomspace(first, total, count - 1).round().astype(int).tolist(), total})


def epoch_order(seed: int, epoch: int, count: int) -> torch.Tensor:
    """Return the order of an epoch's pictures. It depends on its arguments alone, so it need not be saved."""
    stream = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
    return torch.randperm(count, generator=stream)


def steps_per_epoch(batch_size: int, count: int) -> int:
    """Return the number of batches per epoch; a last one too small for BatchNorm is dropped."""
    whole, rest = divmod(count, batch_size)
    return whole + (rest >= SMALLEST_BATCH)


def batches(schedule: Schedule, count: int, start: int) -> Iterator[torch.Tensor]:
    """Yield the index batches of the whole run over `count` pictures, from step `start` on."""
    per_epoch = steps_per_epoch(schedule.batch_size, count)
    epoch, skipped = divmod(start, per_epoch)
    left = schedule.steps - start
    while left > 0:
        order = epoch_order(schedule.config.seed, epoch, count).split(schedule.batch_size)[:per_epoch]
        yield from order[skipped : skipped + left]
        left -= per_epoch - skipped
        epoch, skipped = epoch + 1, 0


def run_loop(
    learner: Learner,
    digits: Digits,
    schedule: Schedule,
    run: Run,
    on_snapshot: Callable[[int], Mapping[str, float]] = lambda _: {},
) -> float:
    """Train on digits from the run's last snapshot, or from the start, to the end; see `run_steps`."""

    def learn(start: int) -> Iterator[torch.Tensor]:
        for indices in batches(schedule, len(digits.images), start):
            chosen = indices.to(digits.images.device)
            yield learner.step(digits.images[chosen], digits.labels[chosen])

    return run_steps(learner, learn, schedule, run, on_snapshot)


def run_steps(
    learner: Learner,
    learn: Callable[[int], Iterator[torch.Tensor]],
    schedule: Schedule,
    run: Run,
    on_snapshot: Callable[[int], Mapping[str, float]] = lambda _: {},
) -> float:
    """Train from the run's last snapshot, or from the start, to the end; return the total seconds spent.

    learn: does the steps after the given one, one by one, and yields their results.
    on_snapshot: called with each kept step before its snapshot is saved; it may save pictures, and
    returns further metrics of that step.

    Raises:
        RunError: the run's folder cannot be written, its last snapshot cannot be read, or a loss is not
            finite.
    """
    start = max(run.steps(), default=-1)
    spent = restore_at(learner, schedule, run, start)["seconds"] if start >= 0 else 0.0
    run.rewind_metrics(start)
    began = time.monotonic() - spent
    window = torch.zeros(len(learner.watched), device=learner.device)
    filled = 0

    def snapshot(step: int) -> float:
        # Saved last: once a snapshot exists, everything else of its step exists too.
        seconds = time.monotonic() - began
        if step in schedule.kept:
            run.log({"kind": "snapshot", "step": step, "seconds": seconds, **on_snapshot(step)})
        header = {"step": step, "seconds": seconds, **schedule.header()}
        run.save(step, learner.state(), header)
        run.drop_except([*schedule.kept, step])
        return seconds

    if start < 0:
        spent = snapshot(0)
        start = 0
    run.drop_except([*schedule.kept, start])
    name = run.folder.name
    with tqdm(total=schedule.steps, initial=start, desc=name, unit="step", mininterval=1) as progress:
        for step, values in enumerate(learn(start), start=start + 1):
            window += values
            filled += 1
            saving = step in schedule.kept or step % schedule.config.save_every == 0
            if saving or step % schedule.config.log_every == 0:
                means = dict(zip(learner.watched, (window / filled).tolist(), strict=True))
                if not all(map(math.isfinite, means.values())):
                    raise RunError(
                        f"The losses of {run.folder} are not finite at step {step}; "
                        "lower the learning rate, or try another --seed."
                    )
                run.log({"kind": "window", "step": step, "seconds": time.monotonic() - began, **means})
                progress.set_postfix({key: f"{value:.3f}" for key, value in means.items()}, refresh=False)
                window.zero_()
                filled = 0
            if saving:
                spent = snapshot(step)
            progress.update()
    return spent


def restore_at(learner: Learner, schedule: Schedule, run: Run, step: int) -> dict[str, Any]:
    """Restore the learner from one of the run's snapshots; return the snapshot's header.

    Raises:
        RunError: the snapshot cannot be read, or belongs to another schedule or learner.
    """
    tensors, header = run.load(step)
    for name, value in schedule.header().items():
        if header.get(name, value) != value:
            raise RunError(
                f"{run.folder} was trained with {name} {header[name]}, but the option is now {value}; "
                "delete it to train it again."
            )
    try:
        learner.restore(tensors)
    except (KeyError, RuntimeError, ValueError) as error:
        raise RunError(
            f"{run.snapshot_path(step)} belongs to another network; delete it to go on."
        ) from error
    return header
