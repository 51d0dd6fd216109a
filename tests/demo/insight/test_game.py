"""The game: what is dealt, how it is scored, and where real digits come from."""

import dataclasses
import gzip
import os
from itertools import product
from pathlib import Path

import numpy as np
import platformdirs
import pytest

from demo.errors import RequestError
from demo.inference.answer import Answer
from demo.inference.check import Checked
from demo.inference.engine import Engine
from demo.insight import game
from demo.insight.game import CARDS, MNIST_FILE, Card, Round, deal, real_digits
from tests.support.handwriting import large_digits
from train.data.mnist import DATA_VARIABLE, MNIST


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


def idx(pixels: np.ndarray) -> bytes:
    """An IDX file of uint8 [n, height, width]."""
    return np.array([0x0803, *pixels.shape], ">u4").tobytes() + pixels.tobytes()


@pytest.fixture
def few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """Three pictures; no real digits can be found but those a test writes."""
    monkeypatch.setattr(game, "DIGITS_FOLDER", tmp_path / "beside")
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path / "data"))
    monkeypatch.setattr(platformdirs, "user_cache_dir", lambda name: str(tmp_path / "cache" / name))
    return np.arange(3 * 28 * 28, dtype=np.uint32).astype(np.uint8).reshape(3, 28, 28)


def put(folder: Path, content: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MNIST_FILE).write_bytes(content)
    (folder / f"{MNIST_FILE}.gz").write_bytes(gzip.compress(content))


@pytest.mark.parametrize(
    ("folder", "removed"),
    [("beside", MNIST_FILE), ("data/mnist", f"{MNIST_FILE}.gz"), ("cache/touchstone/mnist", MNIST_FILE)],
)
def test_real_digits_are_found_in_each_place(
    few: np.ndarray, tmp_path: Path, folder: str, removed: str
) -> None:
    assert real_digits() is None
    put(tmp_path / folder, idx(few))
    (tmp_path / folder / removed).unlink()
    found = real_digits()
    assert found is not None
    assert np.array_equal(found, few)


@pytest.mark.parametrize(
    "content",
    [b"", b"short", idx(np.zeros((2, 8, 8), np.uint8)), idx(np.zeros((2, 28, 28), np.uint8))[:-1]],
    ids=["empty", "short", "other shape", "cut short"],
)
def test_unreadable_files_are_skipped(few: np.ndarray, tmp_path: Path, content: bytes) -> None:
    put(tmp_path / "beside", content)
    assert real_digits() is None
    put(tmp_path / "data" / "mnist", idx(few))
    assert (found := real_digits()) is not None
    assert len(found) == 3
    put(tmp_path / "beside", idx(few[:1]))
    assert (nearest := real_digits()) is not None
    assert len(nearest) == 1


def test_the_game_finds_what_training_downloads() -> None:
    assert MNIST.test_images.name == MNIST_FILE
    if os.environ.get(DATA_VARIABLE):
        found = real_digits()
        assert found is not None
        assert found.shape == (10_000, 28, 28)
        assert found.max() == 255
