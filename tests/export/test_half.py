"""In float16: which layers, that the contract stays, and what is refused."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from demo.contract import LOGIT, PICTURE_SHAPE, PIXELS
from demo.inference.answer import Thresholds
from demo.inference.engine import MODELS_FOLDER, Engine
from demo.inference.manifest import check_golden
from demo.inference.sessions import CPU, open_session
from export.artifact import Artifact, noise_pictures
from export.errors import ParityError
from export.half import halved
from export.halves import LOGIT_ABSOLUTE, make_half
from export.variant import described

FILE = "discriminator.onnx"


@pytest.fixture(scope="module")
def content() -> bytes:
    return (MODELS_FOLDER / FILE).read_bytes()


def types_of(model: onnx.ModelProto) -> dict[str, int]:
    graph = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph
    known = {each.name: each.type.tensor_type.elem_type for each in (*graph.value_info, *graph.output)}
    return known | {each.name: each.data_type for each in graph.initializer}


@pytest.mark.parametrize("file", [FILE, "mlp_discriminator.onnx"])
def test_all_layers_but_the_last_are_in_float16(file: str) -> None:
    whole = (MODELS_FOLDER / file).read_bytes()
    model = onnx.load_from_string(halved(whole))
    types = types_of(model)
    layers = [node for node in model.graph.node if node.op_type in ("Conv", "Gemm")]
    inputs = [{types[name] for name in layer.input} for layer in layers]
    assert inputs[:-1] == [{TensorProto.FLOAT16}] * (len(layers) - 1)
    assert inputs[-1] == {TensorProto.FLOAT}
    casts = [node for node in model.graph.node if node.op_type == "Cast" and node.output[0] in types]
    assert [types[node.output[0]] for node in casts].count(TensorProto.FLOAT16) == 1
    assert len(halved(whole)) < 0.52 * len(whole)
    assert {each.domain for each in model.opset_import} == {""}
    assert list(model.metadata_props) == list(onnx.load_from_string(whole).metadata_props)


def test_the_published_product_in_float16(content: bytes, engine: Engine) -> None:
    session, whole = open_session(FILE, halved(content), [CPU]), open_session(FILE, content, [CPU])
    assert described(session) == described(whole)
    pixels = np.concatenate([engine.generate("generator", 40, 1), noise_pictures(8, PICTURE_SHAPE, 0)])
    (found,), (expected,) = (each.run([LOGIT], {PIXELS: pixels}) for each in (session, whole))
    assert 0 < np.abs(found - expected).max() <= LOGIT_ABSOLUTE


def products(count: int) -> bytes:
    """A graph that multiplies "x0" by 1.0001 so often, each time by the same weight."""
    nodes = [helper.make_node("MatMul", [f"x{each}", "weight"], [f"x{each + 1}"]) for each in range(count)]
    weight = numpy_helper.from_array(np.eye(4, dtype=np.float32) * np.float32(1.0001), "weight")
    first, last = (
        helper.make_tensor_value_info(f"x{each}", TensorProto.FLOAT, ["n", 4]) for each in (0, count)
    )
    graph = helper.make_graph(nodes, "products", [first], [last], [weight])
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 20)])
    content: bytes = model.SerializeToString()
    return content


def test_a_weight_of_the_last_layer_and_of_others_is_there_in_both_types() -> None:
    session = open_session("products.onnx", halved(products(3)), [CPU])
    ones = np.ones((2, 4), np.float32)
    # 1.0001 is 1 in float16.
    assert session.run(None, {"x0": ones})[0] == pytest.approx(ones * 1.0001, abs=1e-6)


def test_a_network_of_one_layer_is_refused() -> None:
    with pytest.raises(ValueError, match="fewer than two layers with weights"):
        halved(products(1))


def make(content: bytes, engine: Engine) -> Artifact:
    """A product's file in float16, held against itself on digits of the generators."""
    made = engine.generate("generator", 40, 1)
    reals = {"mnist": made[:20]}
    fakes = {"mlp": engine.generate("mlp_generator", 20, 1), "others": made[20:]}
    return make_half(Artifact(FILE, content, {}, []), engine.thresholds, reals, fakes, made[:3])


def test_what_passes_is_described(content: bytes, engine: Engine) -> None:
    artifact = make(content, engine)
    assert artifact.file == "discriminator_fp16.onnx"
    entry: Mapping[str, Any] = artifact.entry
    assert entry["variant_of"] == "discriminator"
    assert entry["distance"]["auroc_worst"] <= entry["tolerance"]["auroc_worst"] == 0.0005
    assert 0 < entry["parity"]["logit"]["maximum"] <= LOGIT_ABSOLUTE
    session = open_session(artifact.file, artifact.content, [CPU])
    check_golden(artifact.file, session, entry["golden"], CPU)
    metadata = session.get_modelmeta().custom_metadata_map
    assert (metadata["name"], json.loads(metadata["variant_of"])) == ("discriminator_fp16", "discriminator")
    assert Thresholds(*(json.loads(metadata[f"{name}_threshold"]) for name in ("fake", "real", "in_domain")))


def test_a_number_too_large_for_float16_is_refused(content: bytes, engine: Engine) -> None:
    model = onnx.load_from_string(content)
    weights: dict[str, NDArray[np.float32]] = {
        each.name: numpy_helper.to_array(each) for each in model.graph.initializer
    }
    # Much the same network: all behind the first layer a million times as large, up to the last.
    first = next(node for node in model.graph.node if node.op_type == "Conv")
    last = next(node for node in model.graph.node if node.op_type == "Gemm")
    for name in first.input[1:]:
        weights[name] = weights[name] * np.float32(1e6)
    weights[last.input[1]] = weights[last.input[1]] / np.float32(1e6)
    for each in model.graph.initializer:
        each.CopyFrom(numpy_helper.from_array(weights[each.name], each.name))
    with pytest.raises(ParityError, match="too far from its reference"):
        make(model.SerializeToString(), engine)
