"""The tutorial's GAN: discriminator and generator are updated in turn."""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray

from train.checkpoint import unprefixed
from train.config import TutorialConfig
from train.data import mnist
from train.errors import ConfigError
from train.figures import save_curves, save_grid
from train.loop import Learner, Part, Schedule, epoch_order, run_loop, snapshot_steps, steps_per_epoch
from train.run import Run
from train.tutorial.losses import discriminator_loss, generator_loss, quantized
from train.tutorial.models import MlpDiscriminator, MlpGenerator

GRID = 64
GRID_COLUMNS = 8
WINDOW = ("discriminator_loss", "generator_loss", "real_accuracy", "fake_accuracy")
"""Names of the values that a step returns; the metrics average them over a window."""


class Batch(NamedTuple):
    """The data of one step.

    reals, fakes: float32 [batch, pixels], k/255, for the discriminator's update.
    train_noise, eval_noise: float32 [n, latent], which the fakes were made from with the batch's statistics
    and with the running ones. noise: float32 [batch, latent], for the generator's update.
    """

    reals: torch.Tensor
    fakes: torch.Tensor
    train_noise: torch.Tensor
    eval_noise: torch.Tensor
    noise: torch.Tensor


class TutorialPair(Learner):
    """Both networks, their optimisers and the noise stream."""

    watched = WINDOW

    def __init__(self, config: TutorialConfig, shape: tuple[int, int], device: torch.device) -> None:
        self.shape = shape
        self.latent = config.latent
        self.device = device
        self.precision = config.precision
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
        """Return standard normal float32 [count, latent]; stream: default the pair's own."""
        return torch.randn(count, self.latent, device=self.device, generator=stream or self.noise_stream)

    def step(
        self,
        images: torch.Tensor,
        labels: torch.Tensor,  # noqa: ARG002
        observe: Callable[[Batch], None] = lambda _: None,
    ) -> torch.Tensor:
        """Update the discriminator, then the generator, on uint8 [batch, height, width].

        observe: called before the discriminator's update, after it, and after the generator's. It must not
        change the pair. After an update, its gradients are still on the parameters.

        Returns float32 [4]: this step's values of `WINDOW`, left on the device.
        """
        batch = self.batch(images)
        observe(batch)
        first_loss, real_logits, fake_logits = self.update_discriminator(batch)
        observe(batch)
        second_loss = self.update_generator(batch)
        observe(batch)
        return torch.stack(
            [
                first_loss,
                second_loss,
                (real_logits < 0).float().mean(),
                (fake_logits >= 0).float().mean(),
            ]
        )

    def batch(self, images: torch.Tensor) -> Batch:
        """Return the reals uint8 [batch, height, width] with as many fakes and noise for as many more."""
        count = len(images)
        train_noise, eval_noise = self.noise(count - count // 2), self.noise(count // 2)
        fakes = self.discriminator_fakes(train_noise, eval_noise)
        return Batch(mnist.to_float(images), fakes, train_noise, eval_noise, self.noise(count))

    def update_discriminator(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return the loss and the logits [batch] of reals and fakes from before the update, detached."""
        self.discriminator.requires_grad_(True)
        loss, real_logits, fake_logits = self.discriminate(batch.reals, batch.fakes)
        self.discriminator_optimizer.zero_grad()
        loss.backward()
        self.discriminator_optimizer.step()
        return loss.detach(), real_logits.detach(), fake_logits.detach()

    def update_generator(self, batch: Batch) -> torch.Tensor:
        """Return the loss from before the update, detached."""
        self.discriminator.requires_grad_(False)
        loss = self.generator_loss(batch.noise)
        self.generator_optimizer.zero_grad()
        loss.backward()
        self.generator_optimizer.step()
        return loss.detach()

    def discriminate(
        self, reals: torch.Tensor, fakes: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return the discriminator's loss on float32 [n, pixels] and [m, pixels], and its logits [n], [m]."""
        logits = self.logits(torch.cat([reals, fakes]))
        real_logits, fake_logits = logits[: len(reals)], logits[len(reals) :]
        return discriminator_loss(real_logits, fake_logits), real_logits, fake_logits

    def generator_loss(self, noise: torch.Tensor) -> torch.Tensor:
        """Return the generator's loss on noise float32 [n, latent], in training mode."""
        return generator_loss(self.logits(self.fakes(noise, training=True)))

    def logits(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return the discriminator's logits of [n, pixels], float32 [n], in the precision of the training."""
        with self.autocast():
            return cast(torch.Tensor, self.discriminator(pictures)).float()

    def fakes(self, noise: torch.Tensor, *, training: bool) -> torch.Tensor:
        """Return fakes in 8 bits: float32 [n, pixels], k/255, of noise [n, latent].

        training: with the batch's statistics, which also updates the running ones; otherwise with the
        running ones, like the exported generator.
        """
        self.generator.train(training)
        with self.autocast():
            pictures = self.generator(noise)
        return quantized(pictures)

    @torch.no_grad()
    def discriminator_fakes(self, train_noise: torch.Tensor, eval_noise: torch.Tensor) -> torch.Tensor:
        """Return fakes for the discriminator's update: float32 [count, pixels], k/255.

        Half use the batch's statistics, like all of the notebook's, and half the running ones, like the
        exported generator's. Otherwise the discriminator would never see what it is deployed with.
        """
        with self.autocast():
            pictures = self.generator.both_modes(train_noise, eval_noise)
        return quantized(pictures)

    @torch.no_grad()
    def sample(self, count: int, seed: int) -> NDArray[np.uint8]:
        """Generate digits with the running statistics: uint8 [count, height, width].

        The noise is numpy's, so that the exported generator can make the same digits from the same seed.
        """
        self.generator.eval()
        noise = np.random.default_rng(seed).standard_normal((count, self.latent), np.float32)
        fakes = self.generator(torch.from_numpy(noise).to(self.device))
        return mnist.to_pixels(fakes.reshape(count, *self.shape))

    @torch.no_grad()
    def losses_now(self, reals: torch.Tensor, seed: int) -> dict[str, float]:
        """Return both losses without an update, on reals and as many fakes with the running statistics."""
        stream = torch.Generator(self.device).manual_seed(seed)
        fakes = self.fakes(self.noise(len(reals), stream), training=False)
        real_logits, fake_logits = self.discriminator(reals), self.discriminator(fakes)
        return {
            "discriminator_loss": discriminator_loss(real_logits, fake_logits).item(),
            "generator_loss": generator_loss(fake_logits).item(),
            "real_accuracy": (real_logits < 0).float().mean().item(),
            "fake_accuracy": (fake_logits >= 0).float().mean().item(),
        }

    def parts(self) -> Mapping[str, Part]:
        return {
            "discriminator": self.discriminator,
            "generator": self.generator,
            "discriminator_optimizer": self.discriminator_optimizer,
            "generator_optimizer": self.generator_optimizer,
            "noise_stream": self.noise_stream,
        }

    def restore_networks(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Restore the networks alone, which is enough for scoring and export."""
        self.discriminator.load_state_dict(unprefixed("discriminator", tensors))
        self.generator.load_state_dict(unprefixed("generator", tensors))


def train(config: TutorialConfig, run: Run) -> None:
    """Train the pair from the run's last snapshot, or from the start, to the end.

    Raises:
        DataError: the data set is missing.
        RunError: the run's folder cannot be written, or a snapshot in it cannot be read.
    """
    torch.set_num_threads(config.threads)
    train_on(mnist.load(config.dataset, "train", torch.device(config.device)), config, run)


def train_on(digits: mnist.Digits, config: TutorialConfig, run: Run) -> float:
    """Train the pair on digits on its device; return the total seconds spent.

    Raises:
        ConfigError: there are fewer digits than one batch takes.
        RunError: the run's folder cannot be written, or a snapshot in it cannot be read.
    """
    height, width = digits.images.shape[1:]
    schedule = schedule_of(config, len(digits.images))
    pair = TutorialPair(config, (height, width), digits.images.device)
    probe = mnist.to_float(digits.images[epoch_order(config.seed, -1, len(digits.images))[:1000]])

    def on_snapshot(step: int) -> dict[str, float]:
        save_grid(run.folder / f"samples-{step:06d}.png", pair.sample(GRID, config.seed), GRID_COLUMNS)
        return pair.losses_now(probe, config.seed)

    seconds = run_loop(pair, digits, schedule, run, on_snapshot)
    draw_curves(run)
    return seconds


def schedule_of(config: TutorialConfig, count: int) -> Schedule:
    """Return the schedule of a run on `count` pictures; raise ConfigError if they do not fill a batch."""
    total = config.epochs * steps_per_epoch(config.batch_size, count)
    if total == 0:
        raise ConfigError(f"--batch-size {config.batch_size} is too large for {count} pictures; give less.")
    return Schedule(total, config.batch_size, snapshot_steps(total, config.snapshots), config)


def load_pair(run: Run, step: int | None = None) -> tuple[TutorialPair, int]:
    """Return a run's networks, on the CPU, at a snapshot (default: the last), and its step.

    Raises:
        DataError, RunError: the run's data set is unknown, or the snapshot is missing or unreadable.
    """
    config = run.config(TutorialConfig)
    step = run.last() if step is None else step
    pair = TutorialPair(config, mnist.find_entry(config.dataset).shape, torch.device("cpu"))
    pair.restore_networks(run.load(step)[0])
    return pair, step


def draw_curves(run: Run) -> None:
    """Plot losses and accuracy over the steps, as `losses.png` and `accuracy.png`."""
    rows = [row for row in run.metrics() if row["kind"] == "window"]
    save_curves(
        run.folder / "losses.png",
        rows,
        {"discriminator_loss": "discriminator", "generator_loss": "generator"},
        "loss (nats)",
        math.log(2),
    )
    save_curves(
        run.folder / "accuracy.png",
        rows,
        {"real_accuracy": "reals called real", "fake_accuracy": "fakes called fake"},
        "accuracy at 0.5",
        0.5,
    )
