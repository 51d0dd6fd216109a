"""The any-image graph is the reference normaliser, then the discriminator, for every picture."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper

from demo.contract import (
    BOX,
    DIGIT_PROBABILITIES,
    FAKE_PROBABILITY,
    FROM_IMAGE,
    IMAGE,
    IN_DOMAIN,
    INVERTED,
    LOGIT,
    METADATA_KEYS,
    NORMALIZER,
    PIXELS,
)
from demo.inference.engine import MODELS_FOLDER, Engine
from export.errors import ParityError
from export.from_image import make_from_image, merged
from export.modules import PixelDiscriminator
from export.pictures import any_image_groups, golden_picture
from export.strokes import strokes_of
from export.tutorial import TUTORIAL_THRESHOLDS
from tests.export.test_convert import signature
from tests.train.test_normalize import BORDERS, MEDIA, SPOILED
from train.data import mnist
from train.data.pendigits import draw
from train.normalize import examined, normalize
from train.run import Run
from train.tutorial.gan import load_pair


def session(name: str) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(MODELS_FOLDER / f"{name}.onnx")


@pytest.fixture(scope="module")
def normalizer() -> onnxruntime.InferenceSession:
    return session(NORMALIZER)


@pytest.fixture(scope="module")
def from_image() -> onnxruntime.InferenceSession:
    return session(FROM_IMAGE)


@pytest.fixture(scope="module")
def tutorial_from_image(smoke_models: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(smoke_models / f"{FROM_IMAGE}.onnx")


@pytest.fixture(scope="module")
def digits(dataset: str) -> NDArray[np.uint8]:
    return mnist.load(dataset, "test").images.numpy()


@pytest.mark.parametrize("border", BORDERS)
def test_the_graph_is_the_reference_on_digits(
    digits: NDArray[np.uint8], normalizer: onnxruntime.InferenceSession, border: str
) -> None:
    for digit in digits[:500]:
        picture = BORDERS[border](digit)
        assert np.array_equal(normalizer.run([PIXELS], {IMAGE: picture})[0][0], normalize(picture))


def test_what_mnist_made_comes_back_unchanged_from_the_graph(
    digits: NDArray[np.uint8], dataset: str, normalizer: onnxruntime.InferenceSession
) -> None:
    if dataset != "mnist":
        digits = np.stack([normalize(digit[..., None]) for digit in digits])
    some = digits[1::10]
    unchanged = sum(
        np.array_equal(normalizer.run([PIXELS], {IMAGE: digit[..., None]})[0][0], digit) for digit in some
    )
    assert unchanged >= 0.999 * len(some)


def test_the_graph_is_the_reference_on_any_picture(
    digits: NDArray[np.uint8], normalizer: onnxruntime.InferenceSession
) -> None:
    worst, differing, count = 0, 0, 0
    for pictures in any_image_groups(digits[:60], seed=1).values():
        for picture in pictures:
            found = normalizer.run([PIXELS], {IMAGE: picture})[0][0]
            difference = np.abs(found.astype(int) - normalize(picture))
            worst, differing, count = (
                max(worst, difference.max()),
                differing + (difference > 0).sum(),
                count + 784,
            )
    assert worst <= 1
    assert differing <= count / 1000


def test_graph_and_reference_agree_where_averages_are_halves(
    normalizer: onnxruntime.InferenceSession,
) -> None:
    random = np.random.default_rng(0)
    differing = 0
    for _ in range(300):
        shape = random.integers(5, 90, 2)
        levels = random.integers(0, 256, 2, np.uint8)
        picture = np.where(random.random(shape) < 0.2, levels[0], levels[1])[..., np.newaxis]
        found = normalizer.run([PIXELS], {IMAGE: picture})[0][0]
        differing += int(np.count_nonzero(found != normalize(picture)))
    assert differing <= 300 * 784 / 1000


def assert_the_same_is_said(normalizer: onnxruntime.InferenceSession, picture: NDArray[np.uint8]) -> None:
    box, inverted = normalizer.run([BOX, INVERTED], {IMAGE: picture})
    seen = examined(picture)
    assert tuple(box.tolist()) == seen.box
    assert inverted.tolist() == [seen.inverted]


@pytest.mark.parametrize("border", BORDERS)
def test_graph_and_reference_say_the_same_of_digits(
    digits: NDArray[np.uint8], normalizer: onnxruntime.InferenceSession, border: str
) -> None:
    for digit in digits[:200]:
        assert_the_same_is_said(normalizer, BORDERS[border](digit))


@pytest.mark.parametrize("way", [*MEDIA, *SPOILED])
def test_graph_and_reference_say_the_same_of_drawings(
    normalizer: onnxruntime.InferenceSession, way: str
) -> None:
    change, _ = (MEDIA | SPOILED)[way]
    for digit in range(10):
        assert_the_same_is_said(normalizer, change(draw(strokes_of(digit), 280, 22).copy()))


def test_graph_and_reference_say_the_same_of_any_picture(
    digits: NDArray[np.uint8], normalizer: onnxruntime.InferenceSession
) -> None:
    for pictures in any_image_groups(digits[:40], seed=4).values():
        for picture in pictures:
            assert_the_same_is_said(normalizer, picture)


@pytest.mark.parametrize("side", [1023, 1024, 1025, 2049])
@pytest.mark.parametrize("frame", [0, 9])
def test_graph_and_reference_say_the_same_of_large_pictures(
    normalizer: onnxruntime.InferenceSession, side: int, frame: int
) -> None:
    picture = np.full((side, side // 2, 1), 255, np.uint8)
    picture[side // 2 : -frame - 1, side // 3 : side // 3 + 90] = 30
    assert_the_same_is_said(normalizer, np.pad(picture, ((frame, frame), (frame, frame), (0, 0))))


def test_the_normaliser_s_interface_is_the_contract_s() -> None:
    model = onnx.load(MODELS_FOLDER / f"{NORMALIZER}.onnx")
    assert signature(model.graph.output) == {
        PIXELS: (TensorProto.UINT8, [1, 28, 28]),
        BOX: (TensorProto.INT64, [4]),
        INVERTED: (TensorProto.BOOL, [1]),
    }
    assert [each.name for each in model.graph.output] == [PIXELS, BOX, INVERTED]


def test_the_tutorial_s_halves_give_what_its_whole_gives(
    digits: NDArray[np.uint8], tutorial_from_image: onnxruntime.InferenceSession, smoke_models: Path
) -> None:
    engine = Engine.load(smoke_models, "cpu")
    for pictures in any_image_groups(digits[:20], seed=2).values():
        for picture in pictures:
            probability, logit, in_domain, pixels = tutorial_from_image.run(None, {IMAGE: picture})
            seen = engine.normalize(picture)
            scores = engine.score(seen[np.newaxis])
            assert np.array_equal(pixels[0], seen)
            assert logit[0] == scores.logit[0]
            assert probability[0] == scores.fake_probability[0]
            assert in_domain[0] == scores.in_domain[0] == float(seen.any())


def test_the_product_s_halves_give_what_its_whole_gives(
    digits: NDArray[np.uint8], from_image: onnxruntime.InferenceSession, engine: Engine
) -> None:
    names = [each.name for each in from_image.get_outputs()]
    assert names == [FAKE_PROBABILITY, LOGIT, DIGIT_PROBABILITIES, IN_DOMAIN, PIXELS]
    seen_in_domain = set()
    for pictures in any_image_groups(digits[:10], seed=2).values():
        for picture in pictures:
            found = dict(zip(names, from_image.run(names, {IMAGE: picture}), strict=True))
            seen = engine.normalize(picture)
            scores = engine.score(seen[np.newaxis])
            assert np.array_equal(found.pop(PIXELS)[0], seen)
            for name, values in found.items():
                assert np.array_equal(values, getattr(scores, name))
            seen_in_domain.add(float(scores.in_domain[0]))
    # The network's own, not whether there is ink.
    assert not seen_in_domain <= {0.0, 1.0}


def test_the_product_s_shapes_are_fixed_but_for_the_picture_s(
    from_image: onnxruntime.InferenceSession,
) -> None:
    shapes = {each.name: each.shape for each in from_image.get_outputs()}
    assert shapes[DIGIT_PROBABILITIES] == [1, 10]
    assert shapes[IN_DOMAIN] == shapes[LOGIT] == shapes[FAKE_PROBABILITY] == [1]
    assert shapes[PIXELS] == [1, 28, 28]


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 3), (1, 5000, 3), (3000, 2, 4), (1, 2, 1), (2, 1, 4)])
def test_every_size_has_an_answer(
    from_image: onnxruntime.InferenceSession,
    tutorial_from_image: onnxruntime.InferenceSession,
    shape: tuple[int, int, int],
) -> None:
    random = np.random.default_rng(0)
    for picture in (random.integers(0, 256, shape, np.uint8), np.full(shape, 200, np.uint8)):
        probability, logit, digits, in_domain, pixels = from_image.run(None, {IMAGE: picture})
        assert np.isfinite([*probability, *logit, *digits[0]]).all()
        assert 0 <= in_domain[0] <= float(pixels.any())
        probability, logit, in_domain, pixels = tutorial_from_image.run(None, {IMAGE: picture})
        assert np.isfinite([*probability, *logit]).all()
        assert in_domain[0] == float(pixels.any())


# In a process of its own: the peak that the system keeps is of a process's whole life.
HUGE = """
import resource, sys, time
import numpy as np, onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1])
picture = np.zeros((8192, 8192, 4), np.uint8)
picture[3000:5000, 4000:4300] = 255
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.perf_counter()
pixels = session.run(None, {"image": picture})[0]
print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, pixels.any())
"""


def test_a_huge_picture_is_quick_and_small() -> None:
    command = [sys.executable, "-c", HUGE, str(MODELS_FOLDER / f"{NORMALIZER}.onnx")]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    seconds, kilobytes, some = float(output[0]), int(output[1]), output[2]
    assert some == "True"
    assert seconds <= 1
    assert kilobytes <= 300 * 1024


@pytest.mark.parametrize("name", [NORMALIZER, FROM_IMAGE])
def test_one_graph_of_standard_operators(name: str) -> None:
    model = onnx.load(MODELS_FOLDER / f"{name}.onnx")
    assert [(opset.domain, opset.version <= 21) for opset in model.opset_import] == [("", True)]
    assert not model.functions
    assert set(METADATA_KEYS) <= {entry.key for entry in model.metadata_props}
    assert [value.name for value in model.graph.input] == [IMAGE]


def test_a_merged_graph_with_another_weight_is_refused(smoke_run: Path, smoke_models: Path) -> None:
    pair, _ = load_pair(Run(smoke_run))
    files = [(smoke_models / f"{name}.onnx").read_bytes() for name in (NORMALIZER, "mlp_discriminator")]
    altered = onnx.load_model_from_string(files[1])
    (weight,) = (each for each in altered.graph.initializer if 128 in each.dims and 1 in each.dims)
    weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight) + np.float32(0.01), weight.name))
    fakes = pair.sample(4, seed=0)
    arguments: dict[str, Any] = {
        "module": PixelDiscriminator(pair.discriminator),
        "thresholds": TUTORIAL_THRESHOLDS,
        "training_run": "",
        "licence": "",
        "pictures": any_image_groups(fakes, seed=0),
        "golden": golden_picture(fakes[0], seed=0),
    }
    make_from_image(files[0], files[1], **arguments)
    with pytest.raises(ParityError, match="discriminator_from_image does not give"):
        make_from_image(files[0], altered.SerializeToString(), **arguments)
    assert merged(files[0], files[1]).graph.output[-1].name == PIXELS
