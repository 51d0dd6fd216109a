"""Every file of a tutorial run keeps the contract."""

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


def signature(values: Iterable[onnx.ValueInfoProto]) -> dict[str, tuple[int, list[str | int]]]:
    """Return name → (type, shape) of a graph's inputs or outputs."""
    return {
        value.name: (
            value.type.tensor_type.elem_type,
            [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim],
        )
        for value in values
    }


def metadata(model: onnx.ModelProto) -> dict[str, str]:
    return {entry.key: entry.value for entry in model.metadata_props}


def assert_plain(model: onnx.ModelProto) -> None:
    """Assert that a model is one file of standard operators with all of the contract's metadata."""
    assert [(opset.domain, opset.version <= 20) for opset in model.opset_import] == [("", True)]
    assert not model.functions
    assert all(weight.data_location == TensorProto.DEFAULT for weight in model.graph.initializer)
    assert set(METADATA_KEYS) <= set(metadata(model))


@pytest.mark.parametrize("name", CONTRACT)
def test_a_file_keeps_the_contract(smoke_models: Path, name: str) -> None:
    model = onnx.load(smoke_models / f"{name}.onnx", load_external_data=False)
    inputs, outputs = CONTRACT[name]
    assert signature(model.graph.input) == inputs
    assert signature(model.graph.output) == outputs
    assert_plain(model)
    values = metadata(model)
    assert values["name"] == name
    assert json.loads(values["fake_threshold"]) == (None if name == "mlp_generator" else 0.5)
    assert json.loads(values["in_domain_threshold"]) is None
    content = model.SerializeToString()
    assert str(Path.home()).encode() + b"/" not in content
    assert b"site-packages" not in content


def test_the_history_keeps_half_precision_weights(smoke_models: Path) -> None:
    model = onnx.load(smoke_models / "mlp_history.onnx")
    kinds = {weight.data_type for weight in model.graph.initializer if np.prod(weight.dims) > 10_000}
    assert kinds == {TensorProto.FLOAT16}
    assert len(json.loads(metadata(model)["steps"])) == 8
    assert (smoke_models / "mlp_history.onnx").stat().st_size <= 10_000_000


def test_batches_agree(smoke_models: Path) -> None:
    session = onnxruntime.InferenceSession(smoke_models / "mlp_discriminator.onnx")
    pixels = np.random.default_rng(0).integers(0, 256, (64, 28, 28), np.uint8)
    whole = session.run(["logit"], {"pixels": pixels})[0]
    single = np.concatenate([session.run(["logit"], {"pixels": pixels[i : i + 1]})[0] for i in range(64)])
    assert np.abs(whole - single).max() <= 1e-4
    assert session.run(["logit"], {"pixels": pixels[:0]})[0].shape == (0,)
