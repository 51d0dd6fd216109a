"""The any-image graphs are the reference normalizer, then the discriminator, for every picture."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper

from demo.contract import BOXES, FROM_IMAGE, IMAGE, IN_DOMAIN, NORMALIZER, PIXELS, REASON, REASONS
from demo.inference.engine import MODELS_FOLDER, Engine
from export.conformance import strokes_of
from export.convert import ExportedModel
from export.errors import ParityError
from export.from_image import NORMALIZER_OUTPUTS, any_image_groups, export_from_image, golden_picture
from export.rebuild import rebuild_mlp
from export.tutorial import TUTORIAL_THRESHOLDS
from tests.train.test_normalize import BORDERS, MEDIA, SPOILED
from train.data import mnist
from train.data.pendigits import draw
from train.normalize import examined, normalize


@pytest.fixture(scope="module")
def normalizer() -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(MODELS_FOLDER / f"{NORMALIZER}.onnx")


@pytest.fixture(scope="module")
def digits(dataset: str) -> NDArray[np.uint8]:
    return mnist.load(dataset, "test").images.numpy()


def levels_apart(normalizer: onnxruntime.InferenceSession, picture: NDArray[np.uint8]) -> NDArray[Any]:
    """Return how far the graph's pixels are from the reference's, having compared the other outputs."""
    pixels, box, inverted, reason, boxes = normalizer.run(NORMALIZER_OUTPUTS, {IMAGE: picture})
    seen = examined(picture)
    assert tuple(box.tolist()) == seen.box
    assert inverted.tolist() == [seen.inverted]
    assert reason.tolist() == [seen.reason]
    assert np.array_equal(boxes, seen.boxes)
    apart: NDArray[Any] = np.abs(pixels[0].astype(int) - seen.pixels)
    return apart


@pytest.mark.parametrize("border", BORDERS)
def test_the_graph_is_the_reference_on_digits(
    digits: NDArray[np.uint8], normalizer: onnxruntime.InferenceSession, border: str
) -> None:
    for digit in digits[:40]:
        assert not levels_apart(normalizer, BORDERS[border](digit)).any()


@pytest.mark.parametrize("medium", [*MEDIA, *SPOILED])
def test_the_graph_is_the_reference_on_drawings(
    normalizer: onnxruntime.InferenceSession, medium: str
) -> None:
    change, _ = (MEDIA | SPOILED)[medium]
    for digit in range(0, 10, 2):
        assert levels_apart(normalizer, change(draw(strokes_of(digit), 280, 22).copy())).max() <= 1


def test_the_graph_is_the_reference_on_any_picture(
    digits: NDArray[np.uint8], normalizer: onnxruntime.InferenceSession
) -> None:
    groups = any_image_groups(digits[:16], seed=1).values()
    apart = np.stack([levels_apart(normalizer, picture) for pictures in groups for picture in pictures])
    assert apart.max() <= 1
    assert np.mean(apart > 0) <= 1e-3


def test_the_graph_is_the_reference_where_averages_are_halves(
    normalizer: onnxruntime.InferenceSession,
) -> None:
    random = np.random.default_rng(0)
    apart = []
    for _ in range(100):
        shape = random.integers(5, 90, 2)
        levels = random.integers(0, 256, 2, np.uint8)
        picture = np.where(random.random(shape) < 0.2, levels[0], levels[1])[..., np.newaxis]
        pixels = normalizer.run([PIXELS], {IMAGE: picture})[0][0]
        apart.append(pixels != normalize(picture))
    assert np.mean(apart) <= 1e-3


@pytest.mark.parametrize("side", [1024, 1025, 2049])
@pytest.mark.parametrize("frame", [0, 9])
def test_the_graph_is_the_reference_on_large_pictures(
    normalizer: onnxruntime.InferenceSession, side: int, frame: int
) -> None:
    picture = np.full((side, side // 2, 1), 255, np.uint8)
    picture[side // 2 : -frame - 1, side // 3 : side // 3 + 90] = 30
    picture = np.pad(picture, ((frame, frame), (frame, frame), (0, 0)))
    assert levels_apart(normalizer, picture).max() <= 1


@pytest.mark.parametrize("detector", [True, False])
def test_the_graph_gives_what_its_two_halves_give(
    digits: NDArray[np.uint8], smoke_models: Path, engine: Engine, detector: bool
) -> None:
    halves = engine if detector else Engine.load(smoke_models, "cpu")
    session = onnxruntime.InferenceSession(
        (MODELS_FOLDER if detector else smoke_models) / f"{FROM_IMAGE}.onnx"
    )
    names = [each.name for each in session.get_outputs()]
    in_domain = set()
    for pictures in any_image_groups(digits[:4], seed=2).values():
        for picture in pictures:
            found = dict(zip(names, session.run(names, {IMAGE: picture}), strict=True))
            seen = halves.preprocess(picture)
            scores = halves.score(seen.pixels[np.newaxis])
            assert np.array_equal(found.pop(PIXELS)[0], seen.pixels)
            assert REASONS[found.pop(REASON)[0]] == seen.reason
            assert found.pop(BOXES).tolist() == list(map(list, seen.boxes))
            in_domain.add(float(found[IN_DOMAIN][0]))
            assert found.pop(IN_DOMAIN)[0] == (scores.in_domain[0] if seen.reason is None else 0)
            for name, values in found.items():
                assert np.array_equal(values, getattr(scores, name))
    # The detector's own number, not just whether there is ink.
    assert (in_domain <= {0.0, 1.0}) != detector


def test_a_merged_graph_with_another_weight_is_refused(smoke_models: Path, digits: NDArray[np.uint8]) -> None:
    normalizer, content = (
        (smoke_models / f"{name}.onnx").read_bytes() for name in (NORMALIZER, "mlp_discriminator")
    )
    altered = onnx.load_model_from_string(content)
    (weight,) = (each for each in altered.graph.initializer if 128 in each.dims and 1 in each.dims)
    weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight) + np.float32(0.01), weight.name))
    entry = {"training_run": "", "licence": ""}
    pictures, golden = any_image_groups(digits[:4], seed=0), golden_picture(digits[0], seed=0)
    good, bad = (
        ExportedModel("mlp_discriminator.onnx", each, entry, [])
        for each in (content, altered.SerializeToString())
    )
    module = rebuild_mlp(content)
    export_from_image(normalizer, good, module, TUTORIAL_THRESHOLDS, pictures, golden)
    with pytest.raises(ParityError, match="discriminator_from_image does not give"):
        export_from_image(normalizer, bad, module, TUTORIAL_THRESHOLDS, pictures, golden)
