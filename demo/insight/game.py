"""The rules of *Beat the discriminator*: ten digits, real or fake, judged by the player and the model."""

import dataclasses
import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from demo.contract import DIGITS_PICTURE, PICTURE_SHAPE
from demo.errors import RequestError
from demo.inference.check import Checked, check_sources
from demo.inference.engine import LARGEST_SEED, Engine
from demo.inference.manifest import Manifest

CARDS: Final = 10

MOST_BATCHES: Final = 20
"""Batches of ten pictures to search for digits before giving up on a round."""


@dataclass(frozen=True, eq=False)
class Card:
    """One digit of a round, and whether it is fake."""

    checked: Checked
    fake: bool

    @property
    def model_answers_fake(self) -> bool:
        """The model's guess. It must choose, like the player, so it answers fake from 0.5."""
        probability = self.checked.answer.fake_probability
        return probability is not None and probability >= 0.5


@dataclass(frozen=True, eq=False)
class Round:
    """Ten cards and the player's answers so far: True for fake."""

    cards: tuple[Card, ...]
    answers: tuple[bool, ...] = ()

    @property
    def over(self) -> bool:
        """Whether every card is answered."""
        return len(self.answers) == len(self.cards)

    @property
    def answered(self) -> list[tuple[Card, bool]]:
        """The answered cards, each with the player's answer."""
        return list(zip(self.cards, self.answers, strict=False))

    @property
    def player_score(self) -> int:
        """How many cards the player got right."""
        return sum(answer == card.fake for card, answer in self.answered)

    @property
    def model_score(self) -> int:
        """How many of the answered cards the model got right."""
        return sum(card.model_answers_fake == card.fake for card, _ in self.answered)

    @property
    def fooled_both(self) -> list[tuple[Card, bool]]:
        """The answered cards that both got wrong, each with the player's answer."""
        return [
            (card, answer)
            for card, answer in self.answered
            if answer == card.model_answers_fake and answer != card.fake
        ]

    def answer(self, fake: bool) -> "Round":
        """Return the round after one more answer; a round that is over stays unchanged."""
        return self if self.over else dataclasses.replace(self, answers=(*self.answers, fake))


def deal(engine: Engine, reals: NDArray[np.uint8], random: np.random.Generator) -> Round:
    """Deal a round in which each digit is real or fake with equal chance, so that counting does not help.

    Fakes come from all installed generators equally. Pictures the model considers not a digit are left out.

    reals: uint8 [n, 28, 28], bright ink on dark; each is used at most once. With too few of them, fakes
    fill the round.

    Raises:
        RequestError: the generators make hardly anything that is a digit to the model.
    """
    is_fake = random.random(CARDS) < 0.5
    real = _digits(engine, (reals[index] for index in random.permutation(len(reals))))
    fake = _digits(engine, _generated(engine, random))
    cards = {False: list(islice(real, int((~is_fake).sum())))}
    missing = int((~is_fake).sum()) - len(cards[False])
    is_fake[np.flatnonzero(~is_fake)[:missing]] = True
    cards[True] = list(islice(fake, int(is_fake.sum())))
    return Round(tuple(Card(cards[each].pop(), each) for each in is_fake.tolist()))


def _digits(engine: Engine, pictures: Iterator[NDArray[np.uint8]]) -> Iterator[Checked]:
    """Check pictures, uint8 [28, 28], and yield those that are digits."""
    for _ in range(MOST_BATCHES):
        batch = list(islice(pictures, CARDS))
        if not batch:
            return
        names = [str(index) for index in range(len(batch))]
        for checked in check_sources(engine, names, [each[..., np.newaxis] for each in batch]):
            if checked.answer.verdict != "not a digit":
                yield checked
    raise RequestError(
        "The installed generators make hardly anything the model accepts as a digit; install another one."
    )


def _generated(engine: Engine, random: np.random.Generator) -> Iterator[NDArray[np.uint8]]:
    while True:
        seeds = random.integers(LARGEST_SEED, size=len(engine.generators)).tolist()
        batches = [
            engine.generate(name, CARDS, seed) for name, seed in zip(engine.generators, seeds, strict=True)
        ]
        yield from random.permutation(np.concatenate(batches))[:CARDS]


def real_digits(manifest: Manifest) -> NDArray[np.uint8] | None:
    """Return the published real digits, uint8 [n, 28, 28], bright ink on dark; None if there are none."""
    if DIGITS_PICTURE not in manifest.files:
        return None
    height, width = PICTURE_SHAPE
    with Image.open(io.BytesIO(manifest.read(DIGITS_PICTURE))) as picture:
        rows = np.asarray(picture).reshape(picture.height // height, height, -1, width)
    return rows.swapaxes(1, 2).reshape(-1, height, width)
