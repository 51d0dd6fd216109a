"""Any number of pictures: their order, what is held of them, and what stops with whoever asked."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from demo.decoder.images import encode_png
from demo.errors import PictureError
from demo.inference import check, stream
from demo.inference.check import Source, check_bytes, preprocess_many
from demo.inference.engine import Engine
from demo.inference.stream import BATCHES_AT_ONCE, check_stream

PNG = encode_png(np.zeros((28, 28), np.uint8))
BATCH = 8
AHEAD = BATCHES_AT_ONCE * BATCH


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few enough in a batch that tests take many."""
    monkeypatch.setattr(stream, "PICTURES_AT_ONCE", BATCH)
    monkeypatch.setattr(stream, "TOGETHER", 2)


class Held(bytes):
    """Bytes that are counted for as long as somebody holds them."""

    alive: ClassVar = 0

    def __init__(self, _: bytes) -> None:
        Held.alive += 1

    def __del__(self) -> None:
        Held.alive -= 1


def test_answers_come_in_order_whichever_decoder_is_done_first(tutorial_engine: Engine) -> None:
    rng = np.random.default_rng(0)
    digits = [encode_png(digit) for digit in tutorial_engine.generate("mlp_generator", 6, seed=5)]
    large = encode_png(rng.integers(0, 256, (400, 400), np.uint8))
    sources = [large if index % 7 == 0 else digits[index % 6] for index in range(BATCH + 9)]
    named = [(f"{index}.png", source) for index, source in enumerate(sources)]
    found = [checked.answer for batch in check_stream(tutorial_engine, named) for checked in batch]
    assert [answer.file for answer in found] == [name for name, _ in named]
    alone = {source: check_bytes(tutorial_engine, "", source).answer.logit for source in (large, *digits)}
    assert [answer.logit for answer in found] == pytest.approx([alone[each] for each in sources], abs=1e-4)


def test_of_any_number_two_batches_are_held(tutorial_engine: Engine) -> None:
    taken = 0

    def endless() -> Iterator[tuple[str, bytes]]:
        nonlocal taken
        while True:
            taken += 1
            yield f"{taken}.png", Held(PNG)

    answered = 0
    for batch in check_stream(tutorial_engine, endless()):
        answered += len(batch)
        assert taken - answered <= AHEAD - BATCH
        # A decoder may still hold those that it has just finished.
        assert Held.alive <= AHEAD + 1
        if answered > 5 * AHEAD:
            break


def test_bytes_in_memory_end_a_batch_early(tutorial_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "BYTES_AT_ONCE", 2 * len(PNG))
    named = [(f"{index}.png", PNG) for index in range(5)]
    assert [len(batch) for batch in check_stream(tutorial_engine, named)] == [2, 2, 1]


def test_the_next_batch_is_decoded_while_one_is_scored(
    tutorial_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = 0
    seen_while_scored: list[int] = []
    score = tutorial_engine.score

    def counted(*arguments: object) -> object:
        nonlocal seen
        found = preprocess_many(*arguments)  # type: ignore[arg-type]
        seen += len(found)
        return found

    def slow(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> object:
        deadline = time.monotonic() + 10
        while seen < AHEAD and time.monotonic() < deadline:
            time.sleep(0.01)
        seen_while_scored.append(seen)
        return score(pixels)

    monkeypatch.setattr(stream, "preprocess_many", counted)
    monkeypatch.setattr(tutorial_engine, "score", slow)
    batches = check_stream(tutorial_engine, ((f"{index}.png", PNG) for index in range(AHEAD)))
    assert len(next(batches)) == BATCH
    batches.close()
    assert seen_while_scored == [AHEAD]


def test_who_stops_asking_is_not_decoded_for(
    tutorial_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = 0

    def slow(*arguments: object) -> object:
        nonlocal decoded
        decoded += 1
        if decoded > BATCH:
            time.sleep(0.1)
        return preprocess_many(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(stream, "preprocess_many", slow)
    # More parts than there are threads.
    monkeypatch.setattr(stream, "TOGETHER", 1)
    path = tmp_path / "0.png"
    path.write_bytes(PNG)
    batches = check_stream(tutorial_engine, (("0.png", path) for _ in range(10 * AHEAD)))
    next(batches)
    began = time.monotonic()
    batches.close()
    assert time.monotonic() - began < 3
    assert decoded < AHEAD


def test_large_pictures_do_not_wait_for_each_other(
    tutorial_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    load, look = check.load, tutorial_engine.look

    def told(event: str, call: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def run(argument: Any) -> Any:
            events.append(event)
            return call(argument)

        return run

    monkeypatch.setattr(check, "load", told("load", load))
    monkeypatch.setattr(tutorial_engine, "look", told("look", look))
    monkeypatch.setattr(check, "PIXELS_AT_ONCE", 28 * 28 + 1)
    assert len(preprocess_many(tutorial_engine, [PNG, PictureError("It did not come."), PNG, PNG])) == 4
    assert events == ["load", "load", "load", "look", "look", "load", "look"]


def test_errors_and_unreadable_pictures_keep_their_places(tutorial_engine: Engine) -> None:
    named: list[tuple[str, Source]] = [
        ("a", PNG),
        ("b", PictureError("It did not come.")),
        ("c", b"no picture"),
        ("d", PNG),
    ]
    (batch,) = check_stream(tutorial_engine, named)
    errors = [checked.answer.error for checked in batch]
    assert [error is None for error in errors] == [True, False, False, True]
    assert errors[1] == "It did not come."
    assert list(check_stream(tutorial_engine, [])) == []
