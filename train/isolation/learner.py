"""How the locator and the segmenter learn: what a batch becomes, and one loss each."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid, smooth_l1_loss
from torch.optim.swa_utils import AveragedModel

from train.generators.classifier import one_cycle_rate
from train.generators.learned import ema
from train.isolation.layers import DISTANCE, LOCATOR, SEGMENTER, UNIT, Layer
from train.isolation.networks import Network
from train.isolation.scaling import LIMIT, QUIET
from train.loop import Learner, Part

PEAK_RATE: Final = 3e-3
WEIGHT_DECAY: Final = 1e-2
CELL: Final = 4
SPREAD: Final = 0.12
"""Standard deviation of a digit's target around its centre, as a share of its box."""
SMALLEST: Final = 3.0
"""Longest side of a digit that must be found, in pixels of the page; smaller ones may be."""
CUT_WEIGHT: Final = 4.0
"""Of digits that are cut off, which are rare."""
VISIBLE: Final = (0.35, 0.5, 0.85, 0.97)
"""Shares of a digit's ink: below the first, or the second if there are others, it need not be found; below
the third it is cut off, and above the fourth it is not."""


class IsolationLearner(Learner):
    """A network with its optimiser, schedule, weight average and augmentation."""

    layers: ClassVar[Sequence[Layer]]
    rarity: ClassVar[float]

    def __init__(self, total: int, seed: int, device: torch.device, precision: str) -> None:
        """total: steps of the whole run."""
        self.total = total
        self.device = device
        self.precision = precision
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.network = Network(self.layers, self.rarity).to(device)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = torch.optim.AdamW(self.network.parameters(), PEAK_RATE, weight_decay=WEIGHT_DECAY)
        self.average = AveragedModel(self.network, avg_fn=ema)
        self.random = torch.Generator().manual_seed(seed)
        self.done = torch.tensor(0)

    def parts(self) -> Mapping[str, Part]:
        return {
            "network": self.network,
            "average": self.average,
            "optimizer": self.optimizer,
            "random": self.random,
            "done": self.done,
        }

    @property
    def deployed(self) -> Network:
        network = self.average.module
        assert isinstance(network, Network)
        return network

    def step(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        for group in self.optimizer.param_groups:
            group["lr"] = one_cycle_rate(int(self.done), self.total, PEAK_RATE)
        losses = self.losses(images, labels)
        self.optimizer.zero_grad()
        losses.sum().backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.average.update_parameters(self.network)
        self.done += 1
        return losses.detach()

    @abstractmethod
    def losses(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Return float32 [len(watched)]."""

    def flips(self, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw whether to flip each picture down and across: bool [count] each."""
        return tuple(torch.rand(2, count, generator=self.random) < 0.5)


def flipped(pictures: torch.Tensor, down: torch.Tensor, across: torch.Tensor) -> torch.Tensor:
    """Flip pictures [batch, channels, height, width] where asked."""
    pictures = torch.where(down[:, None, None, None], pictures.flip(2), pictures)
    return torch.where(across[:, None, None, None], pictures.flip(3), pictures)


def recoloured(colours: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """Permute the channels of float32 [batch, 3, height, width]; make some grey, and some negative."""
    count = len(colours)
    order = torch.rand(count, 3, generator=random).argsort(1)
    mixed = colours.gather(1, order[:, :, None, None].expand_as(colours))
    grey, negative = torch.rand(2, count, 1, 1, 1, generator=random)
    mixed = torch.where(grey < 0.2, mixed.mean(1, keepdim=True).round(), mixed)
    return torch.where(negative < 0.3, 255 - mixed, mixed)


def network_inputs(colours: torch.Tensor, inside: torch.Tensor) -> torch.Tensor:
    """Return what `train.isolation.scaling.network_input` does, in units of 1, for a batch."""
    count = inside.sum((2, 3), keepdim=True)
    means = (colours * inside).sum((2, 3), keepdim=True) / count
    shifted = (colours - means.round()) * inside
    deviation = (shifted.square().mean(1, keepdim=True).sum((2, 3), keepdim=True) / count).sqrt()
    scaled = (shifted * (UNIT / (deviation + QUIET))).round().clamp(-LIMIT, LIMIT) / UNIT
    return torch.cat([scaled, inside], 1)


class LocatorLearner(IsolationLearner):
    """Learns from pages uint8 [batch, PAGE, PAGE, 4], the last channel 1 inside the picture.

    Labels are indices into `digits`, float32 [pages, MOST, 5]: top, left, bottom, right of the ink in pixels
    of the page, and the share of it that lies inside the picture; all 0 for none.
    """

    watched = ("centre_loss", "box_loss", "cut_loss")
    layers = LOCATOR
    rarity = 4.6
    digits: torch.Tensor

    def losses(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        pages = images.permute(0, 3, 1, 2).float()
        digits = self.digits[labels].clone()
        down, across = self.flips(len(pages))
        size = images.shape[1]
        for flip, first, last in ((down, 0, 2), (across, 1, 3)):
            digits[flip, :, first], digits[flip, :, last] = (
                size - digits[flip, :, last],
                size - digits[flip, :, first],
            )
        pages = flipped(pages, down, across)
        inputs = network_inputs(recoloured(pages[:, :3], self.random), pages[:, 3:])
        with self.autocast():
            outputs = self.network(inputs.contiguous(memory_format=torch.channels_last))
        return locator_loss(outputs.float(), digits)


def locator_loss(outputs: torch.Tensor, digits: torch.Tensor) -> torch.Tensor:
    """Return the losses of centres, boxes and cut: float32 [3].

    outputs: float32 [batch, 6, cells, cells]. digits: float32 [batch, n, 5], see `LocatorLearner`. Centres
    have the loss of Zhou et al. 2019 (https://arxiv.org/abs/1904.07850), boxes are distances to their sides
    as in Tian et al. 2019 (https://arxiv.org/abs/1904.01355).
    """
    cells = outputs.shape[2]
    middles = (torch.arange(cells) + 0.5) * CELL
    top, left, bottom, right, share = digits[..., None, None].unbind(2)
    tall, wide = bottom - top, right - left
    down = (middles[:, None] - (top + bottom) / 2) / (SPREAD * tall).clamp(min=0.8 * CELL)
    across = (middles - (left + right) / 2) / (SPREAD * wide).clamp(min=0.8 * CELL)
    near = torch.exp(-(down.square() + across.square()) / 2) * (share > 0)
    # The cell at the centre, exactly 1.
    near = torch.where(near >= near.amax((2, 3), keepdim=True).clamp(min=1e-6), 1.0, near)
    longest = torch.maximum(tall, wide)
    several = (share > 0).sum(1, keepdim=True) > 1
    wanted = (share > torch.where(several, VISIBLE[1], VISIBLE[0])) & (longest > SMALLEST)
    target = (near * wanted).amax(1)
    optional = (near * ~wanted).amax(1) > 0.1

    centre = outputs[:, 0]
    found = centre.sigmoid()
    positive = -(1 - found).square() * logsigmoid(centre) * (target == 1)
    negative = -found.square() * logsigmoid(-centre) * (1 - target) ** 4 * (~optional)
    centre_loss = (positive + negative).sum() / (target == 1).sum().clamp(min=1)

    belongs = (near * wanted).argmax(1, keepdim=True)
    inner = target > 0.4
    distances = torch.stack(
        [
            (middles[:, None] - top).expand_as(near),
            (middles - left).expand_as(near),
            (bottom - middles[:, None]).expand_as(near),
            (right - middles).expand_as(near),
        ],
        1,
    )
    own = distances.gather(2, belongs[:, None].expand(-1, 4, -1, -1, -1))[:, :, 0]
    scale = longest.expand_as(near).gather(1, belongs)
    errors = (outputs[:, 1:5] * DISTANCE - own) / scale.clamp(min=CELL)
    per_cell = smooth_l1_loss(errors, torch.zeros_like(errors), beta=0.02, reduction="none").sum(1)
    box_loss = (per_cell * inner).sum() / inner.sum().clamp(min=1)

    visible = share.expand_as(near).gather(1, belongs)[:, 0]
    known = inner & ((visible < VISIBLE[2]) | (visible > VISIBLE[3]))
    is_cut = (visible < VISIBLE[2]).float()
    cut = binary_cross_entropy_with_logits(outputs[:, 5], is_cut, reduction="none")
    cut = cut * (1 + (CUT_WEIGHT - 1) * is_cut)
    cut_loss = (cut * known).sum() / known.sum().clamp(min=1)
    return torch.stack([centre_loss, 2 * box_loss, 0.3 * cut_loss])


class SegmenterLearner(IsolationLearner):
    """Learns from crops uint8 [batch, CROP, CROP, 5]: colours, 1 inside the picture, and the digit's ink."""

    watched = ("cross_entropy", "dice_loss")
    layers = SEGMENTER
    rarity = 1.5

    def losses(self, images: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
        crops = flipped(images.permute(0, 3, 1, 2).float(), *self.flips(len(images)))
        inputs = network_inputs(recoloured(crops[:, :3], self.random), crops[:, 3:4])
        with self.autocast():
            outputs = self.network(inputs.contiguous(memory_format=torch.channels_last))
        return segmenter_loss(outputs[:, 0].float(), crops[:, 4] / 255)


def segmenter_loss(logits: torch.Tensor, ink: torch.Tensor) -> torch.Tensor:
    """Return cross entropy and Dice loss, float32 [2]; logits, ink: float32 [batch, height, width]."""
    entropy = binary_cross_entropy_with_logits(logits, ink)
    covered = logits.sigmoid()
    both, either = (covered * ink).sum((1, 2)), (covered + ink).sum((1, 2))
    dice = 1 - (2 * both + 1) / (either + 1)
    return torch.stack([4 * entropy, dice.mean()])
