"""Record single steps of the tutorial's training: two pictures, their losses, and how the step moves them.

A finished run's snapshots hold everything that the next step depends on, so each recorded step is exactly
the one that training took. The run itself is not changed.
"""

import base64
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.nn.utils import get_total_norm

from train.checkpoint import write_json
from train.config import TutorialConfig
from train.data import mnist
from train.device import resolve
from train.errors import RunError
from train.loop import batches, restore_at
from train.run import Run
from train.tutorial.gan import Batch, TutorialPair, schedule_of

RECORD: Final = "steps.json"
MOMENTS: Final = ("before", "after_discriminator", "after_generator")
"""When a step is observed: before it, after the discriminator's update, and after the generator's."""
REAL: Final = 0
FAKE: Final = 1
LEVELS: Final = 127


def record_steps(run: Run, at: Sequence[int] = ()) -> dict[str, Any]:
    """Repeat the steps that followed a run's snapshots, and record them in the run's `steps.json`.

    at: the snapshots to start from; default all that a step followed.

    Returns the record: `moments` (`MOMENTS`), `shape` (height, width), `batch_size` (reals per step, and as
    many fakes), `learning_rate`, `parameters` (of each network, how many), and `steps`, see `record_step`.

    Raises:
        ConfigError: the run's device is not available. DataError: its data set is missing.
        RunError: it is not a run of the tutorial, no step followed a snapshot, or a file cannot be read
            or written.
    """
    config = resolve(run.config(TutorialConfig))
    torch.set_num_threads(config.threads)
    digits = mnist.load(config.dataset, "train", torch.device(config.device))
    count, height, width = digits.images.shape
    schedule = schedule_of(config, count)
    followed = [step for step in run.steps() if step < schedule.steps]
    if not followed:
        raise RunError(f"{run.folder} holds no snapshot before the last step; train it under another --name.")
    if set(at) - set(followed):
        known = ", ".join(map(str, followed))
        raise RunError(f"{run.folder} has snapshots before a step at {known}; give --at some of these.")
    pair, probe = (TutorialPair(config, (height, width), digits.images.device) for _ in range(2))
    steps = []
    for snapshot in sorted(set(at)) or followed:
        restore_at(pair, schedule, run, snapshot)
        indices = next(batches(schedule, count, snapshot)).to(digits.images.device)
        recorded = record_step(pair, probe, digits.images[indices], digits.labels[indices])
        steps.append({"snapshot": snapshot, "step": snapshot + 1, **recorded})
    record = {
        "moments": list(MOMENTS),
        "shape": [height, width],
        "batch_size": config.batch_size,
        "learning_rate": config.learning_rate,
        "parameters": {
            name: sum(weights.numel() for weights in network.parameters())
            for name, network in (("discriminator", pair.discriminator), ("generator", pair.generator))
        },
        "steps": steps,
    }
    write_json(run.folder / RECORD, record)
    return record


def record_step(
    pair: TutorialPair, probe: TutorialPair, images: torch.Tensor, labels: torch.Tensor
) -> dict[str, Any]:
    """Train the pair for one step on uint8 [batch, height, width], and record it at each of `MOMENTS`.

    probe: another pair with the same options, which is evaluated in place of the pair, so that observing
    does not change the pair's running statistics.

    Returns, with one value per moment in each list:
    - `discriminator_loss`, `generator_loss`: lists, nats, of the whole batch. Each has noise of its own.
    - `discriminator_gradient`, `generator_gradient`: L2 norms of the updates' gradients, over all
      parameters of the updated network.
    - `real`, `fake`: the batch's first real picture, and the first fake made with running statistics. Each
      has `label` (0 real, 1 fake); `digit` (the written digit; None of a fake); `pixels`;
      `fake_probability` and `cost`, lists: -log(1 - p) of the real, -log p of the fake, nats; and
      `pixel_gradient` of that cost before the step, see `packed_gradient`. The fake also has
      `pixels_after`: what the updated generator makes of the same noise; its last probability and cost are
      of that picture. Pixels are uint8 [height, width], base64.
    """
    observations: list[Observation] = []
    gradients: list[float] = []

    def watch(batch: Batch) -> None:
        if observations:
            updated = pair.discriminator if len(observations) == 1 else pair.generator
            gradients.append(gradient_norm(updated))
        probe.restore_networks(pair.state())
        observations.append(observe(probe, batch))

    pair.step(images, labels, watch)
    shape = images.shape[1:]
    first, last = observations[0], observations[-1]
    pictures = [
        {
            "label": label,
            "digit": None if label else int(labels[0]),
            "pixels": packed(first.pictures[label].reshape(shape)),
            "fake_probability": [torch.sigmoid(each.logits[label]).item() for each in observations],
            "cost": [each.costs[label].item() for each in observations],
            "pixel_gradient": packed_gradient(first.gradients[label].reshape(shape)),
        }
        for label in (REAL, FAKE)
    ]
    return {
        "discriminator_loss": [each.discriminator_loss for each in observations],
        "generator_loss": [each.generator_loss for each in observations],
        "discriminator_gradient": gradients[0],
        "generator_gradient": gradients[1],
        "real": pictures[REAL],
        "fake": {**pictures[FAKE], "pixels_after": packed(last.pictures[FAKE].reshape(shape))},
    }


class Observation(NamedTuple):
    """The pair at one moment of a step: both losses of the whole batch, and two of its pictures.

    Of the first real picture and the first fake with running statistics, in this order: pictures float32
    [2, pixels], k/255; logits float32 [2]; costs float32 [2], nats; gradients float32 [2, pixels], of each
    cost with respect to its picture, nats per full brightness.
    """

    discriminator_loss: float
    generator_loss: float
    pictures: torch.Tensor
    logits: torch.Tensor
    costs: torch.Tensor
    gradients: torch.Tensor


def observe(pair: TutorialPair, batch: Batch) -> Observation:
    """Evaluate a pair on a batch, with fakes made from the same noise; updates its running statistics."""
    with torch.no_grad():
        # First, because making the others updates the statistics that these are made with.
        eval_fakes = pair.fakes(batch.eval_noise, training=False)
        fakes = torch.cat([pair.fakes(batch.train_noise, training=True), eval_fakes])
        discriminator_loss, real_logits, fake_logits = pair.discriminate(batch.reals, fakes)
        generator_loss = pair.generator_loss(batch.noise)
    place = len(fakes) - len(eval_fakes)
    logits = torch.stack([real_logits[0], fake_logits[place]])
    labels = torch.tensor([REAL, FAKE], dtype=logits.dtype, device=logits.device)
    pictures = torch.stack([batch.reals[0], fakes[place]]).requires_grad_()
    cost = binary_cross_entropy_with_logits(pair.discriminator(pictures), labels, reduction="sum")
    (gradients,) = torch.autograd.grad(cost, pictures)
    return Observation(
        discriminator_loss.item(),
        generator_loss.item(),
        pictures.detach(),
        logits,
        binary_cross_entropy_with_logits(logits, labels, reduction="none"),
        gradients,
    )


def gradient_norm(network: nn.Module) -> float:
    """Return the L2 norm of all gradients that the last update left on a network's parameters."""
    gradients = [weights.grad for weights in network.parameters() if weights.grad is not None]
    return float(get_total_norm(gradients))


def packed(picture: torch.Tensor) -> str:
    """Encode k/255 of any shape as uint8 in base64."""
    return as_base64(torch.round(picture * 255).to(torch.uint8))


def packed_gradient(gradient: torch.Tensor) -> dict[str, Any]:
    """Encode a gradient in 255 levels: gradient = largest * level / 127, nats per full brightness.

    `largest`: the largest absolute value. `levels`: int8 of the gradient's shape, base64; positive where
    more ink would raise the cost.
    """
    largest = float(gradient.abs().max())
    levels = torch.round(gradient / (largest or 1.0) * LEVELS).to(torch.int8)
    return {"largest": largest, "levels": as_base64(levels)}


def as_base64(values: torch.Tensor) -> str:
    """Encode the bytes of a tensor, row by row, in base64."""
    return base64.b64encode(values.cpu().numpy().tobytes()).decode()
