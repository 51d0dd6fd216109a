"""Every file keeps the contract: those that are published, and those that the tests export."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto

from demo.contract import METADATA_KEYS
from demo.inference.engine import MODELS_FOLDER

FLOAT, BYTE, INT64 = TensorProto.FLOAT, TensorProto.UINT8, TensorProto.INT64
PIXELS = {"pixels": (BYTE, ["batch", 28, 28])}
SCORES = {"fake_probability": (FLOAT, ["batch"]), "logit": (FLOAT, ["batch"])}
NOISE = {"noise": (FLOAT, ["batch", 64])}
IMAGE = {"image": (BYTE, ["height", "width", "channels"])}
ISOLATED = {"reason": (INT64, [1]), "boxes": (INT64, ["digits", 4])}
CONTRACT: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "discriminator": (
        PIXELS,
        {**SCORES, "digit_probabilities": (FLOAT, ["batch", 10]), "in_domain": (FLOAT, ["batch"])},
    ),
    "mlp_discriminator": (PIXELS, SCORES),
    "mlp_history": (PIXELS, {"fake_probability": (FLOAT, ["batch", 8])}),
    "generator": ({**NOISE, "digit": (INT64, ["batch"])}, PIXELS),
    "mlp_generator": (NOISE, PIXELS),
    "normalizer": (
        IMAGE,
        {"pixels": (BYTE, [1, 28, 28]), "box": (INT64, [4]), "inverted": (TensorProto.BOOL, [1]), **ISOLATED},
    ),
    "discriminator_from_image": (
        IMAGE,
        {
            **{name: (FLOAT, [1]) for name in SCORES},
            "digit_probabilities": (FLOAT, [1, 10]),
            "in_domain": (FLOAT, [1]),
            "pixels": (BYTE, [1, 28, 28]),
            **ISOLATED,
        },
    ),
}
"""By model, name → type and shape of the inputs, and of the outputs, in order."""


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


@pytest.mark.parametrize("folder", ["published", "smoke_models", "generator_models", "product_models"])
def test_every_file_keeps_the_contract(folder: str, request: pytest.FixtureRequest) -> None:
    models = MODELS_FOLDER if folder == "published" else request.getfixturevalue(folder)
    for path in models.glob("*.onnx"):
        model = onnx.load(path, load_external_data=False)
        name, _, variant = path.stem.partition("_int8")
        inputs, outputs = (list(each.items()) for each in CONTRACT[name])
        # The tutorial's discriminator does not read digits.
        digits = folder != "smoke_models"
        assert [*signature(model.graph.input).items()] == inputs
        assert [*signature(model.graph.output).items()] == [
            (output, kind) for output, kind in outputs if digits or output != "digit_probabilities"
        ]
        assert metadata(model)["name"] == path.stem
        if not variant:
            assert_plain(model)
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
