"""Every exported file keeps the contract."""

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto

from demo.contract import METADATA_KEYS

CONTRACT = {
    "mlp_discriminator": (
        {"pixels": (TensorProto.UINT8, ["batch", 28, 28])},
        {"fake_probability": (TensorProto.FLOAT, ["batch"]), "logit": (TensorProto.FLOAT, ["batch"])},
    ),
    "mlp_generator": (
        {"noise": (TensorProto.FLOAT, ["batch", 64])},
        {"pixels": (TensorProto.UINT8, ["batch", 28, 28])},
    ),
    "mlp_history": (
        {"pixels": (TensorProto.UINT8, ["batch", 28, 28])},
        {"fake_probability": (TensorProto.FLOAT, ["batch", 8])},
    ),
}


@pytest.fixture(scope="module", params=CONTRACT)
def exported(request: pytest.FixtureRequest, smoke_models: Path) -> tuple[str, onnx.ModelProto]:
    name: str = request.param
    return name, onnx.load(smoke_models / f"{name}.onnx", load_external_data=False)


def signature(values: Iterable[onnx.ValueInfoProto]) -> dict[str, tuple[int, list[str | int]]]:
    return {
        value.name: (
            value.type.tensor_type.elem_type,
            [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim],
        )
        for value in values
    }


def test_names_types_and_shapes(exported: tuple[str, onnx.ModelProto]) -> None:
    name, model = exported
    inputs, outputs = CONTRACT[name]
    assert signature(model.graph.input) == inputs
    assert signature(model.graph.output) == outputs
    if name == "mlp_history":
        assert len(json.loads(metadata(model)["steps"])) == 8


def test_one_file_of_standard_operators(exported: tuple[str, onnx.ModelProto]) -> None:
    _, model = exported
    assert [(opset.domain, opset.version <= 21) for opset in model.opset_import] == [("", True)]
    assert not model.functions
    assert all(weight.data_location == TensorProto.DEFAULT for weight in model.graph.initializer)


def test_metadata_is_whole_and_says_nothing_of_the_machine(exported: tuple[str, onnx.ModelProto]) -> None:
    name, model = exported
    values = metadata(model)
    assert set(METADATA_KEYS) <= set(values)
    assert values["name"] == name
    assert json.loads(values["fake_threshold"]) == (None if name == "mlp_generator" else 0.5)
    assert json.loads(values["in_domain_threshold"]) is None
    content = model.SerializeToString()
    assert str(Path.home()).encode() + b"/" not in content
    assert b"site-packages" not in content


def test_history_keeps_half_precision_weights(smoke_models: Path) -> None:
    model = onnx.load(smoke_models / "mlp_history.onnx")
    kinds = {weight.data_type for weight in model.graph.initializer if np.prod(weight.dims) > 10_000}
    assert kinds == {TensorProto.FLOAT16}
    assert (smoke_models / "mlp_history.onnx").stat().st_size <= 10_000_000


def test_batches_agree(smoke_models: Path) -> None:
    session = onnxruntime.InferenceSession(smoke_models / "mlp_discriminator.onnx")
    pixels = np.random.default_rng(0).integers(0, 256, (64, 28, 28), np.uint8)
    whole = session.run(["logit"], {"pixels": pixels})[0]
    single = np.concatenate([session.run(["logit"], {"pixels": pixels[i : i + 1]})[0] for i in range(64)])
    assert np.abs(whole - single).max() <= 1e-4


def test_nothing_in_gives_nothing_out(smoke_models: Path) -> None:
    session = onnxruntime.InferenceSession(smoke_models / "mlp_discriminator.onnx")
    assert session.run(["logit"], {"pixels": np.empty((0, 28, 28), np.uint8)})[0].shape == (0,)


def metadata(model: onnx.ModelProto) -> dict[str, str]:
    return {entry.key: entry.value for entry in model.metadata_props}
