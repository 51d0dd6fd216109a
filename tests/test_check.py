"""The one door: what one picture costs the others that came with it."""

import logging
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from demo.check import NOT_NORMALISED, Checked, answer_loaded, check_sources, see_several
from demo.errors import ModelError
from demo.manifest import Manifest
from demo.runtime import MODELS_FOLDER, Engine

Check = Callable[[Engine, Sequence[str], Sequence[NDArray[np.uint8]]], list[Checked]]


def as_a_form(engine: Engine, names: Sequence[str], sources: Sequence[NDArray[np.uint8]]) -> list[Checked]:
    return answer_loaded(engine, names, see_several(engine, sources))


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


def test_a_normaliser_that_is_not_there_is_no_picture_s_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(Manifest.load(MODELS_FOLDER), "cpu", "mlp_discriminator")
    monkeypatch.delitem(engine.manifest.files, "normalizer.onnx")
    with pytest.raises(ModelError):
        check_sources(engine, ["1"], [np.zeros((4, 4, 1), np.uint8)])
