"""The one door: what one picture costs the others that came with it."""

import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from demo.decoder.images import LARGEST_FILE_BYTES
from demo.errors import MachineError, ModelError, PictureError
from demo.inference.check import (
    NOT_NORMALISED,
    Checked,
    Source,
    answer_loaded,
    check_sources,
    load,
    preprocess_many,
)
from demo.inference.engine import MODELS_FOLDER, Engine
from demo.inference.manifest import Manifest

Check = Callable[[Engine, Sequence[str], Sequence[NDArray[np.uint8]]], list[Checked]]


def as_a_form(engine: Engine, names: Sequence[str], sources: Sequence[NDArray[np.uint8]]) -> list[Checked]:
    return answer_loaded(engine, names, preprocess_many(engine, sources))


@pytest.mark.parametrize("check", [check_sources, as_a_form])
def test_a_picture_that_the_normaliser_fails_on_costs_its_own_answer_alone(
    check: Check, tutorial_engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    digit = np.zeros((40, 40, 1), np.uint8)
    digit[8:32, 18:22] = 255
    # Of five channels no file is, and the graph fails.
    strange = np.zeros((40, 40, 5), np.uint8)
    first, second, third = check(tutorial_engine, ["1", "2", "3"], [digit, strange, digit])
    assert (second.answer.error, second.answer.verdict, second.seen) == (NOT_NORMALISED, None, None)
    assert first.answer.verdict == third.answer.verdict is not None
    assert first.answer.fake_probability == third.answer.fake_probability
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("touchstone", logging.ERROR)


@pytest.mark.parametrize("content", [b"no picture", b"\x89PNG\r\n\x1a\n", bytes(LARGEST_FILE_BYTES + 1)])
def test_of_a_picture_that_cannot_be_judged_nothing_is_held(content: bytes) -> None:
    before = sys.getrefcount(content)
    refused = load(content)
    assert isinstance(refused, PictureError)
    assert sys.getrefcount(content) == before

    def raised(content: bytes) -> PictureError:
        try:
            raise PictureError(str(len(content)))
        except PictureError as error:
            return error

    refused = load(raised(content))
    assert sys.getrefcount(content) == before
    assert str(refused) == str(len(content))


def test_a_machine_s_fault_is_told_from_the_picture_s(tutorial_engine: Engine, tmp_path: Path) -> None:
    sources: list[Source] = [tmp_path / "gone.png", b"no picture", MachineError("No room.")]
    checked = answer_loaded(tutorial_engine, ["1", "2", "3"], preprocess_many(tutorial_engine, sources))
    assert [each.by_fault for each in checked] == [True, False, True]
    assert checked[2].answer.error == "No room."


def test_a_normaliser_that_is_not_there_is_no_picture_s_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(Manifest.load(MODELS_FOLDER), "cpu", "mlp_discriminator")
    monkeypatch.delitem(engine.manifest.files, "normalizer.onnx")
    with pytest.raises(ModelError):
        check_sources(engine, ["1"], [np.zeros((4, 4, 1), np.uint8)])
