"""The rules of the game: what is dealt, and how it is scored."""

import dataclasses
from itertools import product

import numpy as np
import pytest

from demo.errors import RequestError
from demo.inference.answer import Answer
from demo.inference.check import Checked
from demo.inference.engine import Engine
from demo.insight.game import CARDS, Card, Round, deal
from tests.support.handwriting import large_digits


def card(fake: bool, probability: float) -> Card:
    return Card(Checked(Answer("digit", "unsure", probability, 0.0), None), fake)


@pytest.fixture(scope="module")
def reals() -> np.ndarray:
    return large_digits()[0][:100]


def test_a_round_is_of_ten_different_digits_and_the_truth_about_them(
    product_engine: Engine, reals: np.ndarray
) -> None:
    dealt = deal(product_engine, reals, np.random.default_rng(1))
    assert len(dealt.cards) == CARDS
    assert {each.fake for each in dealt.cards} == {True, False}
    seen = [each.checked.pixels for each in dealt.cards if each.checked.pixels is not None]
    assert len({each.tobytes() for each in seen}) == CARDS
    originals = {product_engine.normalize(each[..., np.newaxis]).tobytes() for each in reals}
    for each, pixels in zip(dealt.cards, seen, strict=True):
        assert (pixels.tobytes() in originals) != each.fake
        assert each.checked.answer.verdict != "not a digit"


def test_the_number_of_fakes_differs_from_round_to_round(product_engine: Engine, reals: np.ndarray) -> None:
    rounds = [deal(product_engine, reals, np.random.default_rng(seed)) for seed in range(8)]
    assert len({sum(each.fake for each in dealt.cards) for dealt in rounds}) > 1
    assert len({dealt.cards[0].fake for dealt in rounds}) == 2


def test_where_only_few_digits_were_drawn_the_rest_are_fakes(
    product_engine: Engine, reals: np.ndarray
) -> None:
    for seed in range(4):
        dealt = deal(product_engine, reals[:2], np.random.default_rng(seed))
        assert len(dealt.cards) == CARDS
        assert sum(not each.fake for each in dealt.cards) <= 2


def test_generators_that_make_no_digits_end_in_a_sentence(
    product_engine: Engine, reals: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing is a digit to a model with a threshold that no number reaches.
    monkeypatch.setattr(
        product_engine, "thresholds", dataclasses.replace(product_engine.thresholds, in_domain=2)
    )
    with pytest.raises(RequestError, match="hardly anything"):
        deal(product_engine, reals, np.random.default_rng(0))


def test_the_scores_and_what_fooled_both() -> None:
    # Every way in which truth, the player's answer and the model's can meet.
    cases = list(product((False, True), (False, True), (0.499, 0.5)))
    game = Round(tuple(card(fake, probability) for fake, _, probability in cases))
    for index, (_, answer, _) in enumerate(cases):
        assert not game.over
        assert len(game.answers) == index
        game = game.answer(answer)
    assert game.over
    assert game.answer(True) is game
    assert game.player_score == sum(fake == answer for fake, answer, _ in cases)
    assert game.model_score == sum(fake == (probability == 0.5) for fake, _, probability in cases)
    fooled = [cases[game.cards.index(each)] for each in game.fooled_both]
    assert fooled == [(False, True, 0.5), (True, False, 0.499)]
