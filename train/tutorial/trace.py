"""One step of the tutorial pair's training, looked at: two of its pictures, what they cost, what they move.

A finished run's snapshots hold all that its next step depends on, so each is gone on from by the very step
that training took there. The numbers are those of that step; nothing of the run is changed.
"""

import base64
import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.nn.utils import get_total_norm

from train.checkpoint import write_atomically
from train.config import TutorialConfig
from train.data import mnist
from train.device import resolve
from train.errors import RunError
from train.loop import batches, restore_at
from train.run import Run
from train.tutorial.gan import Batch, TutorialPair, schedule_of

RECORD: Final = "steps.json"
MOMENTS: Final = ("before", "after_discriminator", "after_generator")
"""When a step is looked at: before it, after the discriminator's update, and after the generator's."""
REAL: Final = 0
FAKE: Final = 1
LEVELS: Final = 127


def record_steps(run: Run, at: Sequence[int] = ()) -> dict[str, Any]:
    """Take the step that follows each of a run's snapshots, and write what happens as `steps.json` into it.

    at: the snapshots to go on from; all that a step follows, where none is given.

    Returns the record: `moments` (`MOMENTS`), `shape` (height, width), `batch_size` (reals a step, and as
    many fakes), `learning_rate`, `parameters` (of each network, how many), and `steps`, see `record_step`.

    Raises:
        ConfigError: the run's device is not here. DataError: its data set cannot be had.
        RunError: it is no run of the tutorial's pair, no step follows a snapshot, or a file cannot be read
            or written.
    """
    config = resolve(run.config(TutorialConfig))
    torch.set_num_threads(config.threads)
    digits = mnist.load(config.dataset, "train", torch.device(config.device))
    count, height, width = digits.images.shape
    schedule = schedule_of(config, count)
    followed = [step for step in run.steps() if step < schedule.steps]
    if not followed:
        raise RunError(f"{run.folder} holds no snapshot that a step follows; train it under another --name.")
    if set(at) - set(followed):
        there = ", ".join(map(str, followed))
        raise RunError(f"{run.folder} has snapshots that a step follows at {there}; give --at some of these.")
    pair, bystander = (TutorialPair(config, (height, width), digits.images.device) for _ in range(2))
    steps = []
    for snapshot in sorted(set(at)) or followed:
        restore_at(pair, schedule, run, snapshot)
        indices = next(batches(schedule, count, snapshot)).to(digits.images.device)
        recorded = record_step(pair, bystander, digits.images[indices], digits.labels[indices])
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
    write_atomically(run.folder / RECORD, (json.dumps(record, indent=1) + "\n").encode())
    return record


def record_step(
    pair: TutorialPair, bystander: TutorialPair, images: torch.Tensor, labels: torch.Tensor
) -> dict[str, Any]:
    """Let the pair take a step on uint8 [batch, height, width], and say what happens; a list has a value for
    each of `MOMENTS`.

    bystander: another pair of the same options, on which everything is tried, so that looking moves no
    statistics of the pair's.

    Returns `discriminator_loss` and `generator_loss`, lists, nats, of the whole batch (the generator's is of
    other noise than the discriminator's); `discriminator_gradient` and `generator_gradient`, the L2 norms of
    the gradients that the two updates went by, over all parameters of the network that is updated; and
    `real` and `fake`, the batch's first real picture and the first fake that the deployed generator made.
    Each of these has `label` (0 real, 1 fake), `digit` (what a person wrote; None of a fake), `pixels`, and
    of the fake `pixels_after`: what the generator makes of the same noise after its update (a real picture
    stays as it is, and so does its probability then); `fake_probability` and `cost`, lists: -log(1 - p) of
    the real, -log p of the fake, nats; and `pixel_gradient` of that cost before the step, see
    `packed_gradient`. Pixels are uint8 [height, width], base64.
    """
    looks: list[Look] = []
    gradients: list[float] = []

    def watch(batch: Batch) -> None:
        if looks:
            updated = pair.discriminator if len(looks) == 1 else pair.generator
            gradients.append(gradient_norm(updated))
        bystander.restore_networks(pair.state())
        looks.append(look_at(bystander, batch))

    pair.step(images, labels, watch)
    shape = images.shape[1:]
    pictures = [
        {
            "label": label,
            "digit": None if label else int(labels[0]),
            "pixels": packed(looks[0].pictures[label].reshape(shape)),
            "fake_probability": [torch.sigmoid(look.logits[label]).item() for look in looks],
            "cost": [look.costs[label].item() for look in looks],
            "pixel_gradient": packed_gradient(looks[0].gradients[label].reshape(shape)),
        }
        for label in (REAL, FAKE)
    ]
    return {
        "discriminator_loss": [look.discriminator_loss for look in looks],
        "generator_loss": [look.generator_loss for look in looks],
        "discriminator_gradient": gradients[0],
        "generator_gradient": gradients[1],
        "real": pictures[REAL],
        "fake": {**pictures[FAKE], "pixels_after": packed(looks[-1].pictures[FAKE].reshape(shape))},
    }


class Look(NamedTuple):
    """The pair at one moment of a step: both losses of the whole batch, and what it makes of two pictures.

    Of the first real picture and the first deployed fake, in this order: pictures float32 [2, pixels], k/255;
    logits float32 [2]; costs float32 [2], nats; gradients float32 [2, pixels], of each cost with respect
    to its picture, nats per full brightness.
    """

    discriminator_loss: float
    generator_loss: float
    pictures: torch.Tensor
    logits: torch.Tensor
    costs: torch.Tensor
    gradients: torch.Tensor


def look_at(pair: TutorialPair, batch: Batch) -> Look:
    """What a pair makes of a batch now, its fakes made anew of the same noise; moves running statistics."""
    with torch.no_grad():
        # Before the others, whose making moves the statistics that these are made with.
        deployed = pair.fakes(batch.noise.deployed, deployed=True)
        fakes = torch.cat([pair.fakes(batch.noise.fresh, deployed=False), deployed])
        discriminator_loss, real_logits, fake_logits = pair.judge(batch.reals, fakes)
        generator_loss = pair.generator_loss(batch.noise.to_learn)
    place = len(fakes) - len(deployed)
    logits = torch.stack([real_logits[0], fake_logits[place]])
    labels = torch.tensor([REAL, FAKE], dtype=logits.dtype, device=logits.device)
    pictures = torch.stack([batch.reals[0], fakes[place]]).requires_grad_()
    cost = binary_cross_entropy_with_logits(pair.discriminator(pictures), labels, reduction="sum")
    (gradients,) = torch.autograd.grad(cost, pictures)
    return Look(
        discriminator_loss.item(),
        generator_loss.item(),
        pictures.detach(),
        logits,
        binary_cross_entropy_with_logits(logits, labels, reduction="none"),
        gradients,
    )


def gradient_norm(network: nn.Module) -> float:
    """L2 norm of all gradients that the last update left on a network's parameters."""
    left = [weights.grad for weights in network.parameters() if weights.grad is not None]
    return float(get_total_norm(left))


def packed(picture: torch.Tensor) -> str:
    """k/255 of any shape as uint8, base64."""
    return as_text(torch.round(picture * 255).to(torch.uint8))


def packed_gradient(gradient: torch.Tensor) -> dict[str, Any]:
    """A map to be drawn, in 255 levels: gradient = largest * level / 127, nats per full brightness.

    `largest`: of all sizes. `levels`: int8 of the gradient's shape, base64; above 0 where more ink would
    raise the cost.
    """
    largest = float(gradient.abs().max())
    levels = torch.round(gradient / (largest or 1.0) * LEVELS).to(torch.int8)
    return {"largest": largest, "levels": as_text(levels)}


def as_text(values: torch.Tensor) -> str:
    """The bytes of a tensor, row by row, base64."""
    return base64.b64encode(values.cpu().numpy().tobytes()).decode()
