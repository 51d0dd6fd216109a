"""The brightness of every colour and transparency: whole pictures would not show a difference."""

from typing import Any

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, inliner

from export import normalizer
from train.normalize import grey, opaque


def session_of(function: Any) -> Any:
    """A part of the graph as a session: uint8 [height, width, channels] → uint8."""
    model = inliner.inline_local_functions(function.to_model_proto())
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.elem_type = TensorProto.UINT8
        value.type.tensor_type.ClearField("shape")
    return onnxruntime.InferenceSession(model.SerializeToString())


@pytest.fixture(scope="module")
def graph_grey() -> Any:
    return session_of(normalizer.grey)


@pytest.fixture(scope="module")
def graph_opaque() -> Any:
    return session_of(normalizer.opaque)


def result_of(session: Any, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    result: NDArray[np.uint8] = session.run(None, {session.get_inputs()[0].name: image})[0]
    return result


@pytest.mark.parametrize("red", range(0, 256, 16))
def test_every_colour_is_as_bright_as_the_reference_has_it(graph_grey: Any, red: int) -> None:
    """The graph multiplies in float32 where the reference divides whole numbers."""
    reds, greens, blues = np.meshgrid(np.arange(red, red + 16), np.arange(256), np.arange(256), indexing="ij")
    colours = np.stack([reds, greens, blues], axis=-1).astype(np.uint8).reshape(1024, 1024, 3)
    assert np.array_equal(result_of(graph_grey, colours), grey(colours))


@pytest.mark.parametrize("alpha", [range(256), range(160, 180), range(255, 256), range(1)])
def test_every_transparency_is_as_bright_as_the_reference_has_it(graph_opaque: Any, alpha: range) -> None:
    """Every brightness under every alpha of a range, as one of three channels."""
    lights, alphas = np.meshgrid(np.arange(256), np.array(alpha), indexing="ij")
    picture = np.stack([lights, 255 - lights, lights // 2, alphas], axis=-1).astype(np.uint8)
    assert np.array_equal(result_of(graph_opaque, picture), opaque(picture))


@pytest.mark.parametrize("channels", [1, 3])
def test_grey_stays_grey(graph_grey: Any, channels: int) -> None:
    picture = np.repeat(np.arange(256, dtype=np.uint8).reshape(1, 256, 1), channels, axis=2)
    assert np.array_equal(result_of(graph_grey, picture)[0], np.arange(256))
