"""The tutorial's network in int8: its operators, its accuracy, and how rounding errors are made up for."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from demo.contract import LOGIT, MLP_DISCRIMINATOR, PIXELS
from demo.inference.engine import MODELS_FOLDER, Engine
from demo.inference.manifest import Manifest
from demo.inference.sessions import CPU, open_session
from export.convert import ExportedModel
from export.errors import ExportError
from export.int8.gate import Tolerance, interface
from export.int8.mlp import LARGEST_WEIGHT, Layer, equalize, quantize_mlp, refit, round_weights
from export.tutorial import int8_variant, pair_of
from train.bundle import load_bundle
from train.data.mnist import load
from train.run import Run

INPUTS = np.random.default_rng(0).standard_normal((400, 24), np.float32).cumsum(1)
"""Neighbours are alike, as in pictures."""


@pytest.fixture(scope="module")
def content() -> bytes:
    return (MODELS_FOLDER / f"{MLP_DISCRIMINATOR}.onnx").read_bytes()


@pytest.fixture(scope="module")
def pixels(engine: Engine, dataset: str) -> NDArray[np.uint8]:
    """Digits and fakes in turn, uint8 [1024, 28, 28]."""
    reals = load(dataset, "train").images[:512].numpy()
    fakes = np.concatenate([engine.generate("mlp_generator", 256, seed) for seed in (1, 2)])
    return np.stack([reals, fakes], 1).reshape(-1, 28, 28)


@pytest.fixture(scope="module")
def int8(content: bytes, pixels: NDArray[np.uint8]) -> bytes:
    return quantize_mlp(content, pixels[:512])


def logits(content: bytes, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    found: NDArray[np.float32] = open_session("it", content, [CPU]).run([LOGIT], {PIXELS: pixels})[0]
    return found


def test_all_weights_but_the_last_layers_are_integers_of_7_bits(content: bytes, int8: bytes) -> None:
    model = onnx.load_from_string(int8)
    constants = {each.name: onnx.numpy_helper.to_array(each) for each in model.graph.initializer}
    made_by = {output: node for node in model.graph.node for output in node.output}
    *layers, last = (node for node in model.graph.node if node.op_type == "Gemm")
    for layer in layers:
        weight = constants[made_by[layer.input[1]].input[0]]
        assert weight.dtype == np.int8
        assert 0.9 * LARGEST_WEIGHT < np.abs(weight).max() <= LARGEST_WEIGHT
    assert constants[last.input[1]].dtype == np.float32
    assert {each.domain for each in model.opset_import} == {""}
    # Pixels are not copied to float.
    assert not {"Cast", "Div", "DynamicQuantizeLinear"} & {node.op_type for node in model.graph.node}
    assert len(int8) < 0.27 * len(content)
    assert list(model.metadata_props) == list(onnx.load_from_string(content).metadata_props)
    sessions = [open_session("it", each, [CPU]) for each in (int8, content)]
    assert interface(sessions[0]) == interface(sessions[1])


def test_numbers_are_close_on_other_pictures_than_it_was_made_with(
    content: bytes, int8: bytes, pixels: NDArray[np.uint8]
) -> None:
    found, expected = (1 / (1 + np.exp(-logits(each, pixels[512:]))) for each in (int8, content))
    assert 0 < np.abs(found - expected).mean() < 0.02


def test_a_pictures_number_is_the_same_in_any_batch(int8: bytes, pixels: NDArray[np.uint8]) -> None:
    together = logits(int8, pixels[:40])
    # The last layer adds floats, whose order may differ with the batch.
    for index in (0, 1, 39):
        alone = logits(int8, pixels[index : index + 1])
        assert alone == pytest.approx(together[index : index + 1], abs=1e-4)


def test_the_published_variant_can_be_chosen(pixels: NDArray[np.uint8]) -> None:
    engine = Engine.load(MODELS_FOLDER, "cpu", f"{MLP_DISCRIMINATOR}_int8")
    whole = Engine.load(MODELS_FOLDER, "cpu", MLP_DISCRIMINATOR)
    assert MLP_DISCRIMINATOR in engine.models
    assert engine.model not in whole.models
    found, expected = (each.score(pixels).fake_probability for each in (engine, whole))
    assert 0 < np.abs(found - expected).mean() < 0.02


def test_a_run_whose_variant_is_refused_says_why(
    smoke_run: Path, smoke_models: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = f"{MLP_DISCRIMINATOR}.onnx"
    manifest = Manifest.load(smoke_models)
    reference = ExportedModel(file, manifest.read(file), manifest.files[file], [])
    bundle = load_bundle(Run(smoke_run))
    _, generator = pair_of(bundle)
    golden = np.zeros((2, 28, 28), np.uint8)
    monkeypatch.setattr("export.int8.gate.TOLERANCE", Tolerance(0, 0, 0, 0, 0))
    assert list(int8_variant(reference, generator, bundle, golden)) == []
    assert "without an int8 variant: mlp_discriminator_int8 is too far" in capsys.readouterr().err


def test_another_network_is_refused(pixels: NDArray[np.uint8]) -> None:
    with pytest.raises(ExportError, match="no perceptron"):
        quantize_mlp((MODELS_FOLDER / "discriminator.onnx").read_bytes(), pixels)


def layer(outputs: int, inputs: int, seed: int = 1) -> Layer:
    random = np.random.default_rng(seed)
    return Layer(
        random.standard_normal((outputs, inputs), np.float32), random.standard_normal(outputs, np.float32)
    )


def activations(layers: list[Layer]) -> list[NDArray[np.float32]]:
    """Return the inputs of each layer, and the output of the last."""
    found = [INPUTS]
    for each in layers:
        values = found[-1] @ each.weight.T + each.bias
        found.append(np.where(values > 0, values, np.float32(0.2) * values))
    return found


def test_equalized_layers_compute_the_same_with_units_of_like_size() -> None:
    first, second, third = layer(16, 24), layer(8, 16), layer(4, 8)
    scale = np.geomspace(0.2, 5, 16, dtype=np.float32)
    first = Layer(first.weight * scale[:, np.newaxis], first.bias * scale)
    # A unit that is always 0 stays as it is.
    first.weight[3], first.bias[3] = 0, 0
    layers = [first, second, third]
    *inputs, expected = activations(layers)
    even, even_inputs = equalize(layers, inputs)
    *found_inputs, found = activations(even)
    assert found == pytest.approx(expected, rel=1e-3, abs=1e-3)
    for one, other in zip(found_inputs, even_inputs, strict=True):
        assert one == pytest.approx(other, rel=1e-3, abs=1e-3)
    assert not even[0].weight[3].any()
    spread = [np.ptp(np.log(np.delete(np.abs(each[1]).max(0), 3))) for each in (inputs, even_inputs)]
    assert spread[1] < 0.7 * spread[0]


def test_rounding_makes_up_for_its_errors() -> None:
    weight = layer(16, 24).weight
    levels, step = round_weights(weight, INPUTS, 7)
    assert levels.dtype == np.int8
    assert np.abs(levels).max() == 7
    plain = np.clip(np.round(weight / step), -7, 7)
    lost, lost_plain = (
        np.square(INPUTS @ (weight - each * step).T).mean() for each in (levels.astype(np.float32), plain)
    )
    assert 0 < lost < 0.5 * lost_plain


@pytest.mark.parametrize("bad", [0, np.nan, np.inf])
def test_weights_that_are_0_or_not_finite_are_refused(bad: float) -> None:
    with pytest.raises(ExportError, match="not finite"):
        round_weights(np.full((2, 24), bad, np.float32), INPUTS, 63)


def test_the_refitted_layer_is_nearest_where_weights_are_large() -> None:
    true, start = layer(1, 24), layer(1, 24, seed=2)
    wanted = INPUTS @ true.weight.T + true.bias
    even = np.ones(len(INPUTS), np.float32)
    best = refit(start, INPUTS, wanted, even)
    assert best.weight == pytest.approx(true.weight, abs=1e-3)
    assert best.bias == pytest.approx(true.bias, abs=1e-3)
    # No linear layer gives this exactly, so weights decide.
    bent = np.abs(wanted)
    heavy = even.copy()
    heavy[:100] = 100
    errors = [
        np.square(INPUTS @ each.weight.T + each.bias - bent)[:100].mean()
        for each in (refit(start, INPUTS, bent, weight) for weight in (even, heavy))
    ]
    assert errors[1] < errors[0]
