"""The tutorial's adversarial pair: one network updated at a time."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray

from train.checkpoint import load_optimizer, optimizer_tensors, prefixed, unprefixed
from train.config import TutorialConfig
from train.data import mnist
from train.errors import ConfigError, RunError
from train.loop import Schedule, epoch_order, run_loop, snapshot_steps, steps_per_epoch
from train.pictures import save_curves, save_grid
from train.run import Run
from train.tutorial.losses import discriminator_loss, generator_loss, rounded
from train.tutorial.models import MlpDiscriminator, MlpGenerator

GRID = 64
GRID_COLUMNS = 8
WINDOW = ("discriminator_loss", "generator_loss", "real_accuracy", "fake_accuracy")


class Noise(NamedTuple):
    """The noise of one step, each float32 [n, latent].

    fresh, deployed: of the fakes that the discriminator learns from, made with the batch's statistics and
    with the running ones. to_learn: of the fakes that the generator learns from.
    """

    fresh: torch.Tensor
    deployed: torch.Tensor
    to_learn: torch.Tensor


class Batch(NamedTuple):
    """What one step learns from. reals, fakes: float32 [batch, pixels], k/255."""

    reals: torch.Tensor
    fakes: torch.Tensor
    noise: Noise


class TutorialPair:
    """Both networks, their optimisers, and the stream of noise: all that a step reads and writes."""

    watched = WINDOW

    def __init__(self, config: TutorialConfig, shape: tuple[int, int], device: torch.device) -> None:
        self.shape = shape
        self.latent = config.latent
        self.device = device
        self.half = config.precision == "bfloat16"
        pixels = math.prod(shape)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self.discriminator = MlpDiscriminator(pixels).to(device)
            self.generator = MlpGenerator(config.latent, pixels).to(device)
        options: dict[str, Any] = {
            "lr": config.learning_rate,
            "betas": (config.beta1, config.beta2),
            "fused": True,
        }
        self.discriminator_optimizer = torch.optim.Adam(self.discriminator.parameters(), **options)
        self.generator_optimizer = torch.optim.Adam(self.generator.parameters(), **options)
        self.noise_stream = torch.Generator(device).manual_seed(config.seed)

    def noise(self, count: int, stream: torch.Generator | None = None) -> torch.Tensor:
        """float32 [count, latent], standard normal, from the pair's own stream unless another is given."""
        return torch.randn(count, self.latent, device=self.device, generator=stream or self.noise_stream)

    def step(
        self,
        images: torch.Tensor,
        labels: torch.Tensor,  # noqa: ARG002
        watch: Callable[[Batch], None] = lambda _: None,
    ) -> torch.Tensor:
        """Update the discriminator, then the generator, on uint8 [batch, height, width].

        watch: called before the discriminator's update, after it, and after the generator's; what it reads
        of the pair it must leave as it is. An update leaves its gradients on the parameters.

        Returns float32 [4]: this step's values of `WINDOW`, left on the device.
        """
        batch = self.batch(images)
        watch(batch)
        judge_loss, real_logits, fake_logits = self.update_discriminator(batch)
        watch(batch)
        maker_loss = self.update_generator(batch)
        watch(batch)
        return torch.stack(
            [
                judge_loss,
                maker_loss,
                (real_logits < 0).float().mean(),
                (fake_logits >= 0).float().mean(),
            ]
        )

    def batch(self, images: torch.Tensor) -> Batch:
        """What a step learns from: uint8 [batch, height, width], as many fakes, noise for as many more."""
        count = len(images)
        noise = Noise(self.noise(count - count // 2), self.noise(count // 2), self.noise(count))
        return Batch(mnist.scaled(images), self.fakes_to_judge(noise), noise)

    def update_discriminator(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Returns what it was before, detached: the loss, and the logits [batch] of reals and of fakes."""
        self.discriminator.requires_grad_(True)
        loss, real_logits, fake_logits = self.judge(batch.reals, batch.fakes)
        self.discriminator_optimizer.zero_grad()
        loss.backward()
        self.discriminator_optimizer.step()
        return loss.detach(), real_logits.detach(), fake_logits.detach()

    def update_generator(self, batch: Batch) -> torch.Tensor:
        """Returns the loss as it was before, detached."""
        self.discriminator.requires_grad_(False)
        loss = self.generator_loss(batch.noise.to_learn)
        self.generator_optimizer.zero_grad()
        loss.backward()
        self.generator_optimizer.step()
        return loss.detach()

    def judge(
        self, reals: torch.Tensor, fakes: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The discriminator's loss on float32 [n, pixels] and [m, pixels], and its logits [n] and [m]."""
        logits = self.logits(torch.cat([reals, fakes]))
        real_logits, fake_logits = logits[: len(reals)], logits[len(reals) :]
        return discriminator_loss(real_logits, fake_logits), real_logits, fake_logits

    def generator_loss(self, noise: torch.Tensor) -> torch.Tensor:
        """The generator's loss on noise [n, latent], with the batch's statistics."""
        return generator_loss(self.logits(self.fakes(noise, deployed=False)))

    def logits(self, pictures: torch.Tensor) -> torch.Tensor:
        """The discriminator's, float32 [n], of [n, pixels], computed in the precision of the training."""
        with self.lowered():
            return cast(torch.Tensor, self.discriminator(pictures)).float()

    def lowered(self) -> torch.autocast:
        """Products in bfloat16 if the training is in it; weights, losses and updates are float32 always."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.half)

    def fakes(self, noise: torch.Tensor, *, deployed: bool) -> torch.Tensor:
        """Fakes as a file would hold them: float32 [n, pixels], k/255, of noise [n, latent].

        deployed: with the running statistics, as the exported generator makes them; else with the
        batch's own, which also moves the running ones.
        """
        self.generator.train(not deployed)
        with self.lowered():
            pictures = self.generator(noise)
        return rounded(pictures)

    @torch.no_grad()
    def fakes_to_judge(self, noise: Noise) -> torch.Tensor:
        """Fakes for the discriminator's update: float32 [count, pixels], k/255.

        Half are made with the batch's statistics, as the notebook makes all of them, and half with
        the running ones, as the exported generator does: else the deployed pair is not the trained one.
        """
        with self.lowered():
            pictures = self.generator.both_ways(noise.fresh, noise.deployed)
        return rounded(pictures)

    @torch.no_grad()
    def sample(self, count: int, seed: int) -> NDArray[np.uint8]:
        """Digits of the deployed generator (running statistics): uint8 [count, height, width].

        The noise is numpy's, so that the exported generator makes the same digits of the same seed.
        """
        self.generator.eval()
        noise = np.random.default_rng(seed).standard_normal((count, self.latent), np.float32)
        fakes = self.generator(torch.from_numpy(noise).to(self.device))
        pictures = torch.round(fakes * 255).to(torch.uint8)
        return pictures.reshape(count, *self.shape).cpu().numpy()

    @torch.no_grad()
    def losses_now(self, reals: torch.Tensor, seed: int) -> dict[str, float]:
        """Both losses as they stand, without an update, on reals and as many deployed fakes."""
        stream = torch.Generator(self.device).manual_seed(seed)
        fakes = self.fakes(self.noise(len(reals), stream), deployed=True)
        real_logits, fake_logits = self.discriminator(reals), self.discriminator(fakes)
        return {
            "discriminator_loss": discriminator_loss(real_logits, fake_logits).item(),
            "generator_loss": generator_loss(fake_logits).item(),
            "real_accuracy": (real_logits < 0).float().mean().item(),
            "fake_accuracy": (fake_logits >= 0).float().mean().item(),
        }

    def state(self) -> dict[str, torch.Tensor]:
        """Every tensor that a later step depends on."""
        return {
            **prefixed("discriminator", self.discriminator.state_dict()),
            **prefixed("generator", self.generator.state_dict()),
            **prefixed("discriminator_optimizer", optimizer_tensors(self.discriminator_optimizer)),
            **prefixed("generator_optimizer", optimizer_tensors(self.generator_optimizer)),
            "noise_stream": self.noise_stream.get_state(),
        }

    def restore_networks(self, tensors: dict[str, torch.Tensor]) -> None:
        """Put back the networks alone, as scoring and export need them."""
        self.discriminator.load_state_dict(unprefixed("discriminator", tensors))
        self.generator.load_state_dict(unprefixed("generator", tensors))

    def restore(self, tensors: dict[str, torch.Tensor]) -> None:
        """Put back all that `state` gave, to train on."""
        self.restore_networks(tensors)
        load_optimizer(self.discriminator_optimizer, unprefixed("discriminator_optimizer", tensors))
        load_optimizer(self.generator_optimizer, unprefixed("generator_optimizer", tensors))
        self.noise_stream.set_state(tensors["noise_stream"])


def train(config: TutorialConfig, run: Run) -> None:
    """Train the pair from the run's last snapshot, or from the start, to the end.

    Raises:
        DataError: the data set cannot be had.
        RunError: the run's folder cannot be written, or holds no readable snapshot.
    """
    torch.set_num_threads(config.threads)
    train_on(mnist.load(config.dataset, "train", torch.device(config.device)), config, run)


def train_on(digits: mnist.Digits, config: TutorialConfig, run: Run) -> float:
    """Train the pair on digits that are on its device; returns the seconds spent in all.

    Raises:
        ConfigError: there are fewer digits than a batch takes.
        RunError: the run's folder cannot be written, or holds no readable snapshot.
    """
    height, width = digits.images.shape[1:]
    schedule = schedule_of(config, len(digits.images))
    pair = TutorialPair(config, (height, width), digits.images.device)
    probe = digits.batch(epoch_order(config.seed, -1, len(digits.images))[:1000])

    def show(step: int) -> dict[str, float]:
        save_grid(run.folder / f"samples-{step:06d}.png", pair.sample(GRID, config.seed), GRID_COLUMNS)
        return pair.losses_now(probe, config.seed)

    seconds = run_loop(pair, digits, schedule, run, show)
    draw_curves(run)
    return seconds


def schedule_of(config: TutorialConfig, count: int) -> Schedule:
    """The schedule of a run on so many pictures; raises ConfigError where they fill no batch."""
    total = config.epochs * steps_per_epoch(config.batch_size, count)
    if total == 0:
        raise ConfigError(f"--batch-size {config.batch_size} leaves no batch of {count} pictures.")
    return Schedule(
        steps=total,
        batch_size=config.batch_size,
        kept=snapshot_steps(total, config.snapshots),
        save_every=config.save_every,
        log_every=config.log_every,
        seed=config.seed,
    )


def load_pair(run: Run, step: int | None = None) -> tuple[TutorialPair, int]:
    """A run's networks, on the CPU, as they were at a snapshot (the last by default), and its step.

    Raises:
        DataError, RunError: the run's data set is unknown, or it has no such snapshot that can be read.
    """
    config = run.config(TutorialConfig)
    steps = run.steps()
    if not steps:
        raise RunError(f"{run.folder} holds no snapshot yet; train it with --resume.")
    step = steps[-1] if step is None else step
    pair = TutorialPair(config, mnist.find_entry(config.dataset).shape, torch.device("cpu"))
    pair.restore_networks(run.load(step)[0])
    return pair, step


def draw_curves(run: Run) -> None:
    """Losses and accuracy over the steps, as `losses.png` and `accuracy.png`."""
    rows = [row for row in run.metrics() if row["kind"] == "window"]
    save_curves(
        run.folder / "losses.png",
        rows,
        {"discriminator_loss": "discriminator", "generator_loss": "generator"},
        "cost (nats)",
        math.log(2),
    )
    save_curves(
        run.folder / "accuracy.png",
        rows,
        {"real_accuracy": "reals called real", "fake_accuracy": "fakes called fake"},
        "share right at 0.5",
        0.5,
    )
