"""How the detector learns: one loss for its three heads, and a learner for the shared loop."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, TypeAlias

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from torch.optim.swa_utils import AveragedModel

from train.data.targets import UNKNOWN_DIGIT, Targets, decode
from train.detector.model import Detector
from train.generators.classifier import one_cycle_rate
from train.generators.learned import ema
from train.loop import Learner, Part

PEAK_RATE: Final = 3e-3
WEIGHT_DECAY: Final = 2e-2
DIGIT_WEIGHT: Final = 0.5
DOMAIN_WEIGHT: Final = 0.25
CONSISTENCY_WEIGHT: Final = 0.3
FAKE_DIGIT: Final = 0.3
"""Weight of a fake's digit, relative to a real one's: a generator may draw another than the wanted one."""

Outputs: TypeAlias = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""The output of a `Detector`: float32 [batch], [batch, 10] and [batch]."""


@dataclass(frozen=True)
class ClassWeights:
    """Shares of reals, fakes and non-digits in the training data, which balance the loss; they sum to 1."""

    real: float
    fake: float
    non_digit: float

    @classmethod
    def of(cls, codes: torch.Tensor) -> "ClassWeights":
        """Return the shares in codes int64 [n] of `train.data.targets`."""
        targets = decode(codes)
        kinds = (targets.real, targets.fake, targets.non_digit)
        return cls(*(kind.double().mean().item() for kind in kinds))


def detector_loss(outputs: Outputs, targets: Targets, shares: ClassWeights) -> torch.Tensor:
    """Return the weighted losses of fake or real, of the digit and of the domain: float32 [3], nats.

    Weights balance both sides of each question over the whole data, so that a logit of 0 means even odds.
    Balancing within a batch would fail for a batch without reals.
    """
    fake_logit, digit_logits, domain_logit = outputs
    digits = 1 - shares.non_digit

    fake = binary_cross_entropy_with_logits(fake_logit, targets.fake.float(), reduction="none")
    fake = fake * (balanced_weights(targets.real, shares.real) + balanced_weights(targets.fake, shares.fake))

    digit = cross_entropy(digit_logits, targets.digit, reduction="none", ignore_index=UNKNOWN_DIGIT)
    digit = digit * (targets.real + FAKE_DIGIT * targets.fake)

    domain = binary_cross_entropy_with_logits(domain_logit, (~targets.non_digit).float(), reduction="none")
    domain = domain * (
        balanced_weights(~targets.non_digit, digits) + balanced_weights(targets.non_digit, shares.non_digit)
    )

    return torch.stack([fake.mean(), DIGIT_WEIGHT * digit.mean(), DOMAIN_WEIGHT * domain.mean()])


def consistency_loss(
    fake_logit: torch.Tensor, pairs: int, targets: Targets, shares: ClassWeights
) -> torch.Tensor:
    """Return how far two copies of a picture are judged differently: float32 scalar, nats.

    It is the symmetric Kullback-Leibler divergence of fake or real; classes have the weights of
    `detector_loss`. Copies are the first `pairs` and the last `pairs` of float32 [batch].
    """
    if not pairs:
        return torch.zeros_like(fake_logit[0])
    one, other = fake_logit[:pairs], fake_logit[-pairs:]
    divergence = (torch.sigmoid(one) - torch.sigmoid(other)) * (one - other)
    weights = balanced_weights(targets.real, shares.real) + balanced_weights(targets.fake, shares.fake)
    return (divergence * weights[:pairs]).mean()


def balanced_weights(members: torch.Tensor, share: float) -> torch.Tensor:
    """Return weights float32 [batch] that give one of two classes half the weight; members: bool [batch]."""
    return members.float() / (2 * share) if share else torch.zeros_like(members, dtype=torch.float32)


def cyclic_rate(done: int, total: int, cycles: int) -> float:
    """Return the learning rate after `done` of `total` steps, in cycles that each have half the peak before.

    Loshchilov and Hutter 2017, https://arxiv.org/abs/1608.03983.
    """
    length = math.ceil(total / cycles)
    return one_cycle_rate(done % length, length, PEAK_RATE * 0.5 ** (done // length))


class DetectorLearner(Learner):
    """A detector with its optimiser, schedule and weight average.

    Labels are the codes of `train.data.targets`, so that the shared loop draws batches from one set of reals,
    fakes and non-digits. Weights balance the classes, rather than sampling the smaller ones more often: every
    picture is used once per epoch, and the order stays a function of seed and epoch alone.

    Pictures are not augmented here. They are normalized, with longest side 20 and centred; rotated or
    scaled, they would differ from all pictures that the deployed detector gets. Augmentation comes before
    normalization (`train.detector.feed`).
    """

    watched: ClassVar[tuple[str, ...]] = (
        "fake_loss",
        "digit_loss",
        "domain_loss",
        "consistency_loss",
        "balanced_accuracy",
    )

    def __init__(
        self,
        total: int,
        seed: int,
        shares: ClassWeights,
        device: torch.device,
        widths: Sequence[int],
        precision: str = "float32",
        cycles: int = 1,
    ) -> None:
        """total: steps of the whole run. cycles: of the learning rate. widths: see `Detector`."""
        self.total = total
        self.cycles = cycles
        self.shares = shares
        self.device = device
        self.precision = precision
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.detector = Detector(widths).to(device)
        self.detector.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = torch.optim.AdamW(
            self.detector.parameters(), PEAK_RATE, weight_decay=WEIGHT_DECAY, fused=True
        )
        # Averaged weights generalise better: Izmailov et al. 2018, https://arxiv.org/abs/1803.05407.
        self.average = AveragedModel(self.detector, avg_fn=ema, use_buffers=True)
        self.done = torch.tensor(0)

    @property
    def deployed(self) -> Detector:
        """The averaged detector, for scoring and export."""
        detector = self.average.module
        assert isinstance(detector, Detector)
        return detector

    def step(self, images: torch.Tensor, labels: torch.Tensor, pairs: int = 0) -> torch.Tensor:
        """Learn from normalized uint8 [batch, 28, 28] and codes int64 [batch], at least two pictures.

        pairs: the first `pairs` pictures and the last ones are copies of the same.

        Returns float32 [5]: this step's values of `watched`, left on the device. The accuracy is weighted
        like the loss, so it is exact only over many steps.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = cyclic_rate(int(self.done), self.total, self.cycles)
        self.detector.train()
        targets = decode(labels)
        pictures = (images[:, None].float() / 255).contiguous(memory_format=torch.channels_last)
        with self.autocast():
            outputs = self.detector(pictures)
        consistency = consistency_loss(outputs[0], pairs, targets, self.shares)
        losses = torch.cat(
            [detector_loss(outputs, targets, self.shares), CONSISTENCY_WEIGHT * consistency[None]]
        )
        self.optimizer.zero_grad()
        losses.sum().backward()
        self.optimizer.step()
        self.average.update_parameters(self.detector)
        self.done += 1
        return torch.cat([losses.detach(), self.accuracy(outputs[0].detach(), targets)[None]])

    def accuracy(self, fake_logit: torch.Tensor, targets: Targets) -> torch.Tensor:
        """Return the share of digits on the right side of a logit of 0, with both classes balanced."""
        weights = balanced_weights(targets.real, self.shares.real) + balanced_weights(
            targets.fake, self.shares.fake
        )
        return (((fake_logit >= 0) == targets.fake) * weights).mean()

    def parts(self) -> Mapping[str, Part]:
        return {
            "detector": self.detector,
            "average": self.average,
            "optimizer": self.optimizer,
            "done": self.done,
        }
