"""The pipeline from pictures to answers: order, memory, and isolation of bad pictures."""

import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from demo.decoder.images import LARGEST_FILE_BYTES, encode_png
from demo.errors import MachineError, ModelError, PictureError
from demo.inference import check
from demo.inference.check import Source, check_bytes, check_sources, check_stream, preprocess
from demo.inference.engine import MODELS_FOLDER, Engine
from demo.inference.manifest import Manifest

PNG = encode_png(np.zeros((28, 28), np.uint8))
BATCH = 8
AHEAD = check.BATCHES_AT_ONCE * BATCH


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "PICTURES_AT_ONCE", BATCH)


class Held(bytes):
    """Bytes that are counted while they are referenced."""

    alive: ClassVar = 0

    def __init__(self, _: bytes) -> None:
        Held.alive += 1

    def __del__(self) -> None:
        Held.alive -= 1


def test_a_picture_that_breaks_the_normalizer_affects_only_its_own_answer(
    tutorial_engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    digit = np.zeros((40, 40, 1), np.uint8)
    digit[8:32, 18:22] = 255
    # No file has five channels, and the graph fails.
    strange = np.zeros((40, 40, 5), np.uint8)
    first, second, third = check_sources(tutorial_engine, ["1", "2", "3"], [digit, strange, digit])
    assert (second.answer.error, second.answer.verdict, second.pixels) == (check.NOT_NORMALIZED, None, None)
    assert first.answer.verdict == third.answer.verdict is not None
    assert first.answer.fake_probability == third.answer.fake_probability
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("touchstone", logging.ERROR)


@pytest.mark.parametrize("content", [b"no picture", b"\x89PNG\r\n\x1a\n", bytes(LARGEST_FILE_BYTES + 1)])
def test_the_content_of_a_refused_picture_is_freed(tutorial_engine: Engine, content: bytes) -> None:
    before = sys.getrefcount(content)
    refused = preprocess(tutorial_engine, content)
    assert isinstance(refused, PictureError)
    assert sys.getrefcount(content) == before


def test_machine_errors_differ_from_picture_errors(tutorial_engine: Engine, tmp_path: Path) -> None:
    sources: list[Source] = [
        tmp_path / "gone.png",
        b"no picture",
        MachineError("No room."),
        PictureError("Not sent."),
        PNG,
    ]
    checked = check_sources(tutorial_engine, list("abcde"), sources)
    assert [each.machine_error for each in checked] == [True, False, True, False, False]
    assert [each.answer.error for each in checked[2:]] == ["No room.", "Not sent.", None]
    assert list(check_stream(tutorial_engine, [])) == []


def test_a_missing_normalizer_is_not_blamed_on_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(Manifest.load(MODELS_FOLDER), "cpu", "mlp_discriminator")
    monkeypatch.delitem(engine.manifest.files, "normalizer.onnx")
    with pytest.raises(ModelError):
        check_sources(engine, ["1"], [np.zeros((4, 4, 1), np.uint8)])


@pytest.mark.usefixtures("small_batches")
def test_answers_come_in_the_order_of_the_pictures(tutorial_engine: Engine) -> None:
    rng = np.random.default_rng(0)
    digits = [encode_png(digit) for digit in tutorial_engine.generate("mlp_generator", 6, seed=5)]
    large = encode_png(rng.integers(0, 256, (400, 400), np.uint8))
    sources = [large if index % 7 == 0 else digits[index % 6] for index in range(BATCH + 9)]
    named = [(f"{index}.png", source) for index, source in enumerate(sources)]
    found = [checked.answer for batch in check_stream(tutorial_engine, named) for checked in batch]
    assert [answer.file for answer in found] == [name for name, _ in named]
    alone = {source: check_bytes(tutorial_engine, "", source).answer.logit for source in (large, *digits)}
    assert [answer.logit for answer in found] == pytest.approx([alone[each] for each in sources], abs=1e-4)


@pytest.mark.usefixtures("small_batches")
def test_an_endless_stream_is_held_two_batches_at_a_time(tutorial_engine: Engine) -> None:
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
        # Each decoding thread may still hold the last picture that it decoded.
        assert Held.alive <= AHEAD + check.DECODERS
        if answered > 5 * AHEAD:
            break


def test_bytes_in_memory_end_a_batch_early(tutorial_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "BYTES_AT_ONCE", 2 * len(PNG))
    named = [(f"{index}.png", PNG) for index in range(5)]
    assert [len(batch) for batch in check_stream(tutorial_engine, named)] == [2, 2, 1]
