"""The tutorial's adversarial pair: one network updated at a time."""

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from train import data
from train.checkpoint import load_optimizer, optimizer_tensors, prefixed, unprefixed
from train.config import TutorialConfig
from train.errors import ConfigError, RunError
from train.loop import Schedule, epoch_order, run_loop, snapshot_steps, steps_per_epoch
from train.losses import discriminator_loss, generator_loss, rounded
from train.models import MlpDiscriminator, MlpGenerator
from train.pictures import save_curves, save_wall
from train.run import Run

WALL = 64
WALL_COLUMNS = 8
WINDOW = ("discriminator_loss", "generator_loss", "real_accuracy", "fake_accuracy")


class TutorialPair:
    """Both networks, their optimisers, and the stream of noise: all that a step reads and writes."""

    watched = WINDOW

    def __init__(self, config: TutorialConfig, shape: tuple[int, int], device: torch.device) -> None:
        self.shape = shape
        self.latent = config.latent
        self.device = device
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

    def step(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        """Update the discriminator, then the generator, on uint8 [batch, height, width].

        Returns float32 [4]: this step's values of `WINDOW`, left on the device.
        """
        reals = data.scaled(images)
        count = len(reals)
        self.discriminator.requires_grad_(True)
        logits = self.discriminator(torch.cat([reals, self.fakes_to_judge(count)]))
        real_logits, fake_logits = logits[:count], logits[count:]
        judge_loss = discriminator_loss(real_logits, fake_logits)
        self.discriminator_optimizer.zero_grad()
        judge_loss.backward()
        self.discriminator_optimizer.step()

        self.discriminator.requires_grad_(False)
        self.generator.train()
        fakes = rounded(self.generator(self.noise(count)))
        maker_loss = generator_loss(self.discriminator(fakes))
        self.generator_optimizer.zero_grad()
        maker_loss.backward()
        self.generator_optimizer.step()

        return torch.stack(
            [
                judge_loss.detach(),
                maker_loss.detach(),
                (real_logits < 0).float().mean(),
                (fake_logits >= 0).float().mean(),
            ]
        )

    @torch.no_grad()
    def fakes_to_judge(self, count: int) -> torch.Tensor:
        """Fakes for the discriminator's update: float32 [count, pixels], k/255.

        Half are made with the batch's statistics, as the notebook makes all of them, and half with
        the running ones, as the exported generator does: else the deployed pair is not the trained one.
        """
        self.generator.train()
        fresh = self.generator(self.noise(count - count // 2))
        self.generator.eval()
        deployed = self.generator(self.noise(count // 2))
        return rounded(torch.cat([fresh, deployed]))

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
        self.generator.eval()
        stream = torch.Generator(self.device).manual_seed(seed)
        fakes = rounded(self.generator(self.noise(len(reals), stream)))
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
    train_on(data.load(config.dataset, "train", torch.device(config.device)), config, run)


def train_on(digits: data.Digits, config: TutorialConfig, run: Run) -> float:
    """Train the pair on digits that are on its device; returns the seconds spent in all.

    Raises:
        ConfigError: there are fewer digits than a batch takes.
        RunError: the run's folder cannot be written, or holds no readable snapshot.
    """
    height, width = digits.images.shape[1:]
    total = config.epochs * steps_per_epoch(config.batch_size, len(digits.images))
    if total == 0:
        raise ConfigError(
            f"--batch-size {config.batch_size} leaves no batch of {len(digits.images)} pictures."
        )
    pair = TutorialPair(config, (height, width), digits.images.device)
    probe = digits.batch(epoch_order(config.seed, -1, len(digits.images))[:1000])

    def show(step: int) -> dict[str, float]:
        save_wall(run.folder / f"samples-{step:06d}.png", pair.sample(WALL, config.seed), WALL_COLUMNS)
        return pair.losses_now(probe, config.seed)

    schedule = Schedule(
        steps=total,
        batch_size=config.batch_size,
        kept=snapshot_steps(total, config.snapshots),
        save_every=config.save_every,
        log_every=config.log_every,
        seed=config.seed,
    )
    seconds = run_loop(pair, digits, schedule, run, show)
    draw_curves(run)
    return seconds


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
    pair = TutorialPair(config, data.find_entry(config.dataset).shape, torch.device("cpu"))
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
