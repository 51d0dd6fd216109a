"""The rules of *Beat the discriminator*: ten digits, real or fake, judged by a player and by the model."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np
from numpy.typing import NDArray

from demo.errors import RequestError
from demo.inference.check import Checked, check_sources
from demo.inference.engine import LARGEST_SEED, Engine

CARDS: Final = 10

MOST_BATCHES: Final = 20
"""Of ten pictures, of which hardly all are no digits: more are not looked through for one round."""


@dataclass(frozen=True, eq=False)
class Card:
    """One digit of a round, and the truth about it."""

    checked: Checked
    fake: bool

    @property
    def model_says_fake(self) -> bool:
        """The model has to choose, as the player has: fake where that is at least as likely as not."""
        probability = self.checked.answer.fake_probability
        return probability is not None and probability >= 0.5


@dataclass(frozen=True, eq=False)
class Round:
    """Ten cards, and the player's answers so far: True for fake."""

    cards: tuple[Card, ...]
    answers: tuple[bool, ...] = ()

    @property
    def over(self) -> bool:
        """Whether every card is answered."""
        return len(self.answers) == len(self.cards)

    @property
    def answered(self) -> list[tuple[Card, bool]]:
        """The cards that were answered, each with the player's answer."""
        return list(zip(self.cards, self.answers, strict=False))

    @property
    def player_score(self) -> int:
        """How many the player got right so far."""
        return sum(answer == card.fake for card, answer in self.answered)

    @property
    def model_score(self) -> int:
        """How many of the same cards the model got right."""
        return sum(card.model_says_fake == card.fake for card, _ in self.answered)

    @property
    def fooled_both(self) -> list[Card]:
        """The answered cards that both got wrong."""
        return [
            card for card, answer in self.answered if answer == card.model_says_fake and answer != card.fake
        ]

    def answer(self, fake: bool) -> "Round":
        """The round after one more answer; the same where it is over, as a second press might find it."""
        return self if self.over else dataclasses.replace(self, answers=(*self.answers, fake))


def deal(engine: Engine, reals: NDArray[np.uint8], random: np.random.Generator) -> Round:
    """A round of digits each of which is as likely real as fake, so that counting does not help.

    reals: uint8 [n, 28, 28], ink bright on dark; at most one card shows each. The fakes are of the
    installed generators, each as likely. What the model takes for no digit is left out: it would have
    nothing to say of it.

    Raises:
        RequestError: next to nothing that the generators make is a digit to the model.
    """
    is_fake = random.random(CARDS) < 0.5
    real = _digits(engine, (reals[index] for index in random.permutation(len(reals))))
    fake = _digits(engine, _generated(engine, random))
    sources = {False: list(islice(real, int((~is_fake).sum())))}
    # Too few reals, as where somebody drew five: the rest are fakes.
    missing = int((~is_fake).sum()) - len(sources[False])
    is_fake[np.flatnonzero(~is_fake)[:missing]] = True
    sources[True] = list(islice(fake, int(is_fake.sum())))
    return Round(tuple(Card(sources[each].pop(), each) for each in is_fake.tolist()))


def _digits(engine: Engine, pictures: Iterator[NDArray[np.uint8]]) -> Iterator[Checked]:
    """What the model says of each of uint8 [28, 28], but for what it takes for no digit."""
    for _ in range(MOST_BATCHES):
        batch = list(islice(pictures, CARDS))
        if not batch:
            return
        names = [str(index) for index in range(len(batch))]
        for checked in check_sources(engine, names, [each[..., np.newaxis] for each in batch]):
            if checked.answer.verdict != "not a digit":
                yield checked
    raise RequestError("The generators here make hardly anything that the model takes for a digit.")


def _generated(engine: Engine, random: np.random.Generator) -> Iterator[NDArray[np.uint8]]:
    while True:
        made = [
            engine.generate(each, CARDS, int(random.integers(LARGEST_SEED))) for each in engine.generators
        ]
        yield from random.permutation(np.concatenate(made))[:CARDS]
