"""The game: what is dealt, how it is scored, and where real digits come from."""

import dataclasses
import os
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from demo.contract import DIGITS_PICTURE
from demo.errors import RequestError
from demo.inference.answer import Answer
from demo.inference.check import Checked
from demo.inference.engine import Engine
from demo.inference.manifest import Manifest
from demo.insight.game import CARDS, Card, Round, deal, real_digits
from tests.support.handwriting import large_digits
from tests.support.models import manifest_of
from train.data import mnist
from train.data.mnist import DATA_VARIABLE


@pytest.fixture(scope="module")
def reals() -> np.ndarray:
    return large_digits()[0][:100]


def test_a_round_has_ten_different_digits_with_the_truth(product_engine: Engine, reals: np.ndarray) -> None:
    dealt = deal(product_engine, reals, np.random.default_rng(1))
    assert len(dealt.cards) == CARDS
    assert {each.fake for each in dealt.cards} == {True, False}
    seen = [each.checked.pixels for each in dealt.cards if each.checked.pixels is not None]
    assert len({each.tobytes() for each in seen}) == CARDS
    originals = {product_engine.normalize(each[..., np.newaxis]).tobytes() for each in reals}
    for each, pixels in zip(dealt.cards, seen, strict=True):
        assert (pixels.tobytes() in originals) != each.fake
        assert each.checked.answer.verdict != "not a digit"


def test_the_number_of_fakes_varies(product_engine: Engine, reals: np.ndarray) -> None:
    rounds = [deal(product_engine, reals, np.random.default_rng(seed)) for seed in range(8)]
    assert len({sum(each.fake for each in dealt.cards) for dealt in rounds}) > 1
    assert len({dealt.cards[0].fake for dealt in rounds}) == 2


def test_fakes_fill_the_round_when_there_are_few_real_digits(
    product_engine: Engine, reals: np.ndarray
) -> None:
    for seed in range(4):
        dealt = deal(product_engine, reals[:2], np.random.default_rng(seed))
        assert len(dealt.cards) == CARDS
        assert sum(not each.fake for each in dealt.cards) <= 2


def test_generators_that_make_no_digits_are_refused(
    product_engine: Engine, reals: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict = dataclasses.replace(product_engine.thresholds, in_domain=2)
    monkeypatch.setattr(product_engine, "thresholds", strict)
    with pytest.raises(RequestError, match="hardly anything"):
        deal(product_engine, reals, np.random.default_rng(0))


def test_the_scores_and_what_fooled_both() -> None:
    cases = list(product((False, True), (False, True), (0.499, 0.5)))
    played = Round(
        tuple(Card(Checked(Answer("digit", "unsure", None, p, 0.0), None), fake) for fake, _, p in cases)
    )
    for index, (_, answer, _) in enumerate(cases):
        assert not played.over
        assert len(played.answers) == index
        played = played.answer(answer)
    assert played.over
    assert played.answer(True) is played
    assert played.player_score == sum(fake == answer for fake, answer, _ in cases)
    assert played.model_score == sum(fake == (probability == 0.5) for fake, _, probability in cases)
    fooled = [cases[played.cards.index(each)] for each, _ in played.fooled_both]
    assert fooled == [(False, True, 0.5), (True, False, 0.499)]


def test_the_published_real_digits_are_test_digits_of_mnist(engine: Engine) -> None:
    digits = real_digits(engine.manifest)
    assert digits is not None
    assert digits.shape == (300, 28, 28)
    if (given := os.environ.get(DATA_VARIABLE)) and (Path(given) / "mnist").exists():
        known = {each.tobytes() for each in mnist.load("mnist", "test").images.numpy()}
        assert {each.tobytes() for each in digits} <= known


def test_without_published_digits_there_are_none(models: Path) -> None:
    with manifest_of(models) as manifest:
        del manifest["files"][DIGITS_PICTURE]
    assert real_digits(Manifest.load(models)) is None
