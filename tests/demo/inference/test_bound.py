"""Fixed buffers: the numbers are a session's, whatever the batch, from however many threads."""

import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from demo.bound import BATCHES, BoundModel, bind
from demo.contract import PICTURE_SHAPE, PIXELS
from demo.errors import ModelError
from demo.inference import golden
from demo.inference.engine import LARGEST_BATCH, MODELS_FOLDER, Engine
from demo.inference.sessions import CPU, CUDA, cuda_obstacle, open_session
from export.convert import noise_pictures

FILE = "discriminator.onnx"


@pytest.fixture(scope="module")
def session(product_models: Path) -> Any:
    return open_session(FILE, (product_models / FILE).read_bytes(), [CPU])


@pytest.fixture(scope="module")
def bound(session: Any) -> BoundModel:
    return BoundModel(session, (1, 4, 16))


def outputs_of(session: Any) -> list[str]:
    return [each.name for each in session.get_outputs()]


@pytest.mark.parametrize("count", [1, 2, 4, 5, 16, 17, 40])
def test_the_numbers_are_the_session_s(session: Any, bound: BoundModel, count: int) -> None:
    pixels = noise_pictures(count, PICTURE_SHAPE, count) // 4
    names = outputs_of(session)
    # Twice: what a batch leaves in the buffers must not show in the next.
    for each in (255 - pixels, pixels):
        found = bound.run(names, {PIXELS: each})
        expected = session.run(names, {PIXELS: each})
        for one, other in zip(found, expected, strict=True):
            assert one.dtype == other.dtype
            assert np.array_equal(one, other)


def test_an_answer_is_not_overwritten_by_the_next(bound: BoundModel) -> None:
    first, second = noise_pictures(2, PICTURE_SHAPE, 0) // 4
    (kept,) = bound.run(["logit"], {PIXELS: first[None]})
    before = kept.copy()
    (other,) = bound.run(["logit"], {PIXELS: second[None]})
    assert np.array_equal(kept, before)
    assert not np.array_equal(kept, other)


def test_outputs_come_in_the_order_asked_for(session: Any, bound: BoundModel) -> None:
    pixels = noise_pictures(3, PICTURE_SHAPE, 0) // 4
    names = outputs_of(session)[::-1]
    for one, other in zip(
        bound.run(names, {PIXELS: pixels}), session.run(names, {PIXELS: pixels}), strict=True
    ):
        assert np.array_equal(one, other)


def test_threads_do_not_mix_their_pictures(session: Any, bound: BoundModel) -> None:
    pictures = noise_pictures(64, PICTURE_SHAPE, 0) // 4
    (expected,) = session.run(["logit"], {PIXELS: pictures})

    def score(start: int) -> NDArray[np.float32]:
        found: NDArray[np.float32] = bound.run(["logit"], {PIXELS: pictures[start : start + 3]})[0]
        return found

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(score, range(61)))
    assert all(np.array_equal(each, expected[start : start + 3]) for start, each in enumerate(found))


def test_every_batch_size_replays_the_golden_numbers(bound: BoundModel, product_models: Path) -> None:
    numbers = Engine.load(product_models, "cpu").entry("discriminator")["golden"]
    bound.check(FILE, numbers, CPU)
    shifted = golden.unpack(numbers["outputs"]["logit"]) + np.float32(0.01)
    altered = numbers | {"outputs": numbers["outputs"] | {"logit": golden.pack(shifted)}}
    with pytest.raises(ModelError, match=r"logit differs by 0\.01"):
        bound.check(FILE, altered, CPU)


@pytest.mark.parametrize(
    "pixels", [np.zeros((1, 27, 28), np.uint8), np.zeros((1, *PICTURE_SHAPE), np.float32)]
)
def test_other_pictures_than_the_model_s_are_refused(bound: BoundModel, pixels: NDArray[Any]) -> None:
    with pytest.raises(ValueError, match=r"takes uint8 \[n, 28, 28\]"):
        bound.run(["logit"], {PIXELS: pixels})


def test_an_engine_s_whole_batch_fits_into_one() -> None:
    assert BATCHES[-1] == LARGEST_BATCH
    assert sorted(BATCHES) == list(BATCHES)


def test_an_engine_scores_the_same_through_buffers(product_models: Path, product_engine: Engine) -> None:
    through_buffers = Engine.load(product_models, "cpu")
    note = through_buffers.device_note
    through_buffers.bind()
    assert through_buffers.device_note == note
    pixels = noise_pictures(LARGEST_BATCH + 3, PICTURE_SHAPE, 0) // 4
    for count in (0, 1, 3, len(pixels)):
        found, expected = through_buffers.score(pixels[:count]), product_engine.score(pixels[:count])
        assert np.array_equal(found.logit, expected.logit)
        assert np.array_equal(found.in_domain, expected.in_domain)
        assert found.digit_probabilities is not None
        assert expected.digit_probabilities is not None
        assert np.array_equal(found.digit_probabilities, expected.digit_probabilities)


def fail(*_: Any) -> None:
    raise RuntimeError("CUDA failure 700: an illegal memory access ; GPU=0 ; hostname=secret\nStacktrace:")


def test_a_device_that_fails_while_serving_is_left_and_said(
    product_models: Path, product_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine.load(product_models, "cpu")
    engine.bind()
    monkeypatch.setattr("demo.bound.Buffers.run", fail)
    pixels = noise_pictures(3, PICTURE_SHAPE, 0) // 4
    assert np.array_equal(engine.score(pixels).logit, product_engine.score(pixels).logit)
    assert engine.device_note.endswith(
        "CUDA graphs are not used: The device did not run a batch through fixed buffers (CUDA failure "
        "700: an illegal memory access)."
    )
    monkeypatch.undo()
    # It is not tried again with every picture.
    assert np.array_equal(engine.score(pixels).logit, product_engine.score(pixels).logit)
    assert "CUDA failure 700" in engine.device_note


@pytest.mark.skipif(cuda_obstacle() is None, reason="CUDA runs here")
def test_an_engine_without_cuda_that_is_told_to_capture_says_why_not(
    product_models: Path, product_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine.load(product_models, "cpu")
    monkeypatch.setattr(Engine, "provider", CUDA)
    with warnings.catch_warnings():
        # onnxruntime's own, of a provider that it was built without.
        warnings.simplefilter("ignore")
        engine.bind()
    assert "CUDA graphs are not used: onnxruntime did not start CUDAExecutionProvider" in engine.device_note
    pixels = noise_pictures(3, PICTURE_SHAPE, 0) // 4
    assert np.array_equal(engine.score(pixels).logit, product_engine.score(pixels).logit)


@pytest.mark.skipif(cuda_obstacle() is not None, reason="CUDA does not run here")
def test_cuda_graphs_give_the_published_numbers() -> None:
    engine = Engine.load(device="cuda")
    assert "CUDA graphs are not used" not in engine.device_note
    bind(FILE, (MODELS_FOLDER / FILE).read_bytes(), engine.entry("discriminator")["golden"], CUDA)
    pixels = noise_pictures(300, PICTURE_SHAPE, 0) // 4
    expected = Engine.load(device="cpu").score(pixels).logit
    assert np.abs(engine.score(pixels).logit - expected).max() < 2e-3
