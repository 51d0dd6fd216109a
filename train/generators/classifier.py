"""The judge: a classifier of digits, whose features measure how alike two sets of pictures are."""

import math
from collections.abc import Mapping
from typing import ClassVar, Final, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from train.checkpoint import load_optimizer, optimizer_tensors, prefixed, unprefixed
from train.data.affine import augmented
from train.data.mnist import CLASSES

FEATURES: Final = 64
"""Few, so that the Fréchet distance of 10,000 samples has little bias."""

WIDTHS: Final = (32, 64, 128)
CHUNK: Final = 500

LEARNING_RATE: Final = 4e-3
WARM_UP: Final = 0.2
WEIGHT_DECAY: Final = 1e-2


class Judge(nn.Module):
    """Six convolutions 3x3 on 28x28 pictures, halved in size after every second, then 64 features.

    Takes float32 [batch, 1, 28, 28] in [0, 1]; returns float32 [batch, 10], the digits' logits.
    """

    def __init__(self) -> None:
        super().__init__()
        first, second, third = WIDTHS
        self.convolutions = nn.Sequential(
            block(1, first),
            block(first, first),
            nn.MaxPool2d(2),
            block(first, second),
            block(second, second),
            nn.MaxPool2d(2),
            block(second, third),
            block(third, third),
            nn.MaxPool2d(2),
        )
        # Without weights of its own, BatchNorm gives every feature the same say in a distance.
        self.narrowing = nn.Sequential(
            nn.Flatten(), nn.Linear(third * 3 * 3, FEATURES), nn.BatchNorm1d(FEATURES, affine=False)
        )
        self.head = nn.Linear(FEATURES, CLASSES)

    def features(self, pictures: torch.Tensor) -> torch.Tensor:
        """float32 [batch, 64] of pictures as `forward` takes them; of mean 0 and variance 1 on digits."""
        return cast(torch.Tensor, self.narrowing(self.convolutions(pictures)))

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, self.head(self.features(pictures)))


def block(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


def learning_rate(step: int, total: int, peak: float = LEARNING_RATE) -> float:
    """Rises in a straight line over the first fifth of the steps to the peak, then falls as a cosine to 0.

    step: from 0. One cycle, as in Smith and Topin 2017, https://arxiv.org/abs/1708.07120.
    """
    warm = WARM_UP * total
    if step < warm:
        return peak * (step + 1) / (warm + 1)
    return peak * (1 + math.cos(math.pi * (step - warm) / (total - warm))) / 2


class JudgeLearner:
    """A judge with its optimiser, its schedule and its stream of chance: all that a step reads and writes."""

    watched: ClassVar[tuple[str, ...]] = ("loss", "accuracy")

    def __init__(
        self,
        total: int,
        seed: int,
        device: torch.device,
        precision: str = "float32",
    ) -> None:
        """total: steps of the whole run, which the learning rate is spread over.

        precision: `float32` or `bfloat16`: what convolutions are computed in while training; the
            weights are float32 either way.
        """
        self.total = total
        self.device = device
        self.half = precision == "bfloat16"
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            # Twice as fast in bfloat16 on a CPU.
            self.judge = Judge().to(device)
            self.judge.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = torch.optim.AdamW(
            self.judge.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY, fused=True
        )
        self.stream = torch.Generator(device).manual_seed(seed)
        self.done = 0

    def step(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Learn from uint8 [batch, 28, 28] and int64 [batch], at least two of each.

        Returns float32 [2]: this step's values of `watched`, left on the device.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.done, self.total)
        self.judge.train()
        pictures = augmented(images[:, None].float() / 255, self.stream)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            logits = self.judge(pictures.contiguous(memory_format=torch.channels_last)).float()
        loss = functional.cross_entropy(logits, labels)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.done += 1
        return torch.stack([loss.detach(), (logits.argmax(1) == labels).float().mean()])

    def state(self) -> dict[str, torch.Tensor]:
        """Every tensor that a later step depends on."""
        return {
            **prefixed("judge", self.judge.state_dict()),
            **prefixed("optimizer", optimizer_tensors(self.optimizer)),
            "stream": self.stream.get_state(),
            "done": torch.tensor(self.done),
        }

    def restore(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Put back all that `state` gave, to train on."""
        self.judge.load_state_dict(unprefixed("judge", tensors))
        load_optimizer(self.optimizer, unprefixed("optimizer", tensors))
        self.stream.set_state(tensors["stream"])
        self.done = int(tensors["done"])


@torch.no_grad()
def features_of(judge: Judge, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What the judge sees in uint8 [n, 28, 28]: float32 [n, 64], computed in float32."""
    judge.eval()
    device = judge.head.weight.device
    parts = [
        judge.features(part[:, None].to(device).float() / 255).cpu()
        for part in torch.from_numpy(images).split(CHUNK)
    ]
    features: NDArray[np.float32] = torch.cat(parts).numpy()
    return features


@torch.no_grad()
def probabilities_of(judge: Judge, features: NDArray[np.float32]) -> NDArray[np.float32]:
    """The judge's belief in each digit, of features [n, 64]: float32 [n, 10], rows sum to 1."""
    logits = judge.head(torch.from_numpy(features).to(judge.head.weight.device))
    probabilities: NDArray[np.float32] = logits.softmax(1).cpu().numpy()
    return probabilities


def predict(judge: Judge, images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The digit that the judge takes each picture [n, 28, 28] for: int64 [n], 0 to 9."""
    digits: NDArray[np.int64] = probabilities_of(judge, features_of(judge, images)).argmax(1)
    return digits
