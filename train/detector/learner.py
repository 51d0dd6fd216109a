"""How the detector learns: one objective for its three heads, and a learner that the shared loop drives."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, TypeAlias

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from torch.optim.swa_utils import AveragedModel

from train.checkpoint import load_optimizer, optimizer_tensors, prefixed, unprefixed
from train.data.targets import NO_DIGIT, Targets, decoded
from train.detector.model import Detector
from train.generators.classifier import learning_rate
from train.generators.learned import averaged

PEAK_RATE: Final = 3e-3
WEIGHT_DECAY: Final = 2e-2
DIGIT_WEIGHT: Final = 0.5
DOMAIN_WEIGHT: Final = 0.25
FAKE_DIGIT: Final = 0.3
"""What a fake's digit counts, of a real one's: a generator may have made another than it was asked for."""


Outputs: TypeAlias = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""What a `Detector` returns: float32 [batch], [batch, 10] and [batch]."""
Objective: TypeAlias = Callable[[Outputs, Targets], torch.Tensor]
"""The costs in nats of fake or real, of the digit and of the domain, float32 [3], to be summed."""


@dataclass(frozen=True)
class ClassWeights:
    """Shares of real digits, fakes and others among the pictures to learn from; they sum to 1."""

    real: float
    fake: float
    other: float

    @classmethod
    def of(cls, codes: torch.Tensor) -> "ClassWeights":
        """The shares in codes int64 [n] of `train.data.targets`."""
        targets = decoded(codes)
        return cls(*(kind.double().mean().item() for kind in (targets.real, targets.fake, targets.other)))


def detector_loss(outputs: Outputs, targets: Targets, balance: ClassWeights) -> torch.Tensor:
    """The costs in nats of fake or real, of the digit and of the domain, float32 [3], weighted to be summed.

    Every picture weighs as much as makes both sides of its question even over the whole data (not in each
    batch: a batch without any reals would have no weights), so that a logit of 0 means even odds.
    """
    fake_logit, digit_logits, domain_logit = outputs
    digits = 1 - balance.other

    fake = binary_cross_entropy_with_logits(fake_logit, targets.fake.float(), reduction="none")
    fake = fake * (
        balanced_weights(targets.real, balance.real) + balanced_weights(targets.fake, balance.fake)
    )

    digit = cross_entropy(digit_logits, targets.digit, reduction="none", ignore_index=NO_DIGIT)
    digit = digit * (targets.real + FAKE_DIGIT * targets.fake)

    domain = binary_cross_entropy_with_logits(domain_logit, (~targets.other).float(), reduction="none")
    domain = domain * (
        balanced_weights(~targets.other, digits) + balanced_weights(targets.other, balance.other)
    )

    return torch.stack([fake.mean(), DIGIT_WEIGHT * digit.mean(), DOMAIN_WEIGHT * domain.mean()])


def balanced_weights(members: torch.Tensor, share: float) -> torch.Tensor:
    """Weights float32 [batch] of one of two classes that are to count alike; members: bool [batch]."""
    return members.float() / (2 * share) if share else torch.zeros_like(members, dtype=torch.float32)


def cyclic_rate(done: int, total: int, cycles: int) -> float:
    """The learning rate of a step that `done` others went before, of `total`.

    It falls several times, each from half of the peak before: Loshchilov and Hutter 2017,
    https://arxiv.org/abs/1608.03983.
    """
    length = math.ceil(total / cycles)
    return learning_rate(done % length, length, PEAK_RATE * 0.5 ** (done // length))


class DetectorLearner:
    """A detector with its optimiser, its schedule and its average: all that a step reads and writes.

    Labels are the codes of `train.data.targets`, so that `train.loop.run_loop` can draw its batches from one
    concatenated set of reals, fakes and others. Weights balance classes of unequal size, rather than
    drawing the smaller one more often: every picture is still seen once an epoch, and the
    loop's order, which makes a run resumable, stays a function of seed and epoch alone.

    Pictures are not augmented here. What comes in has been normalised, longest side 20 and centred;
    turned or scaled it would look like nothing that the deployed detector sees. Variety is to come
    from pictures that are changed before they are normalised.
    """

    watched: ClassVar[tuple[str, ...]] = ("fake_loss", "digit_loss", "domain_loss", "balanced_accuracy")

    def __init__(
        self,
        total: int,
        seed: int,
        balance: ClassWeights,
        device: torch.device,
        widths: Sequence[int],
        precision: str = "float32",
        cycles: int = 1,
    ) -> None:
        """total: steps of the whole run, which the learning rate is spread over. cycles: of its falls.

        widths: channels of the detector at each of its three sizes.

        precision: `float32` or `bfloat16`: what the layers are computed in while training; the
            weights and the costs are float32 either way.
        """
        self.total = total
        self.cycles = cycles
        self.balance = balance
        self.device = device
        self.half = precision == "bfloat16"
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.detector = Detector(widths).to(device)
        self.detector.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = torch.optim.AdamW(
            self.detector.parameters(), PEAK_RATE, weight_decay=WEIGHT_DECAY, fused=True
        )
        # Weights late in a run, averaged, generalise better: Izmailov et al. 2018, https://arxiv.org/abs/1803.05407.
        self.average = AveragedModel(self.detector, avg_fn=averaged, use_buffers=True)
        self.done = 0

    @property
    def deployed(self) -> Detector:
        """The averaged detector: the one to score with and to export."""
        detector = self.average.module
        assert isinstance(detector, Detector)
        return detector

    def step(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Learn from uint8 [batch, 28, 28], normalised, and codes int64 [batch], at least two pictures.

        Returns float32 [4]: this step's values of `watched`, left on the device. The accuracy is that of
        fake or real, weighted as the loss is, which makes it exact only over many steps.
        """
        return self.learn(
            images, labels, lambda outputs, targets: detector_loss(outputs, targets, self.balance)
        )

    def learn(self, images: torch.Tensor, codes: torch.Tensor, objective: Objective) -> torch.Tensor:
        """A step towards less of an objective, whose three costs it sums; see `step`."""
        for group in self.optimizer.param_groups:
            group["lr"] = cyclic_rate(self.done, self.total, self.cycles)
        self.detector.train()
        targets = decoded(codes)
        pictures = (images[:, None].float() / 255).contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            outputs = self.detector(pictures)
        losses = objective(outputs, targets)
        self.optimizer.zero_grad()
        losses.sum().backward()
        self.optimizer.step()
        self.average.update_parameters(self.detector)
        self.done += 1
        return torch.cat([losses.detach(), self.accuracy(outputs[0].detach(), targets)[None]])

    def accuracy(self, fake_logit: torch.Tensor, targets: Targets) -> torch.Tensor:
        """Share of digits on the right side of a logit of 0, both classes counted alike."""
        weights = balanced_weights(targets.real, self.balance.real) + balanced_weights(
            targets.fake, self.balance.fake
        )
        return (((fake_logit >= 0) == targets.fake) * weights).mean()

    def state(self) -> dict[str, torch.Tensor]:
        """Every tensor that a later step depends on."""
        return {
            **prefixed("detector", self.detector.state_dict()),
            **prefixed("average", self.average.state_dict()),
            **prefixed("optimizer", optimizer_tensors(self.optimizer)),
            "done": torch.tensor(self.done),
        }

    def restore(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Put back all that `state` gave, to train on."""
        self.detector.load_state_dict(unprefixed("detector", tensors))
        self.average.load_state_dict(unprefixed("average", tensors))
        load_optimizer(self.optimizer, unprefixed("optimizer", tensors))
        self.done = int(tensors["done"])
