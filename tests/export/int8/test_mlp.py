"""The tutorial's network in int8: its operators, its accuracy, and refusals."""

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
from export.int8.gate import Tolerance
from export.int8.mlp import LARGEST_WEIGHT, quantize_mlp, round_weights
from export.tutorial import int8_variant, pair_of
from tests.export.test_convert import signature
from train.bundle import load_bundle
from train.data.mnist import load
from train.run import Run


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
    whole = onnx.load_from_string(content)
    assert list(model.metadata_props) == list(whole.metadata_props)
    assert signature(model.graph.input) == signature(whole.graph.input)
    assert signature(model.graph.output) == signature(whole.graph.output)


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


def test_a_run_whose_variant_is_refused_says_why(
    smoke_run: Path, smoke_models: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = f"{MLP_DISCRIMINATOR}.onnx"
    manifest = Manifest.load(smoke_models)
    reference = ExportedModel(file, manifest.read(file), manifest.files[file], [])
    bundle = load_bundle(Run(smoke_run))
    _, generator = pair_of(bundle)
    golden = np.zeros((2, 28, 28), np.uint8)
    monkeypatch.setattr("export.tutorial.quantize_mlp", lambda content, _: content)
    monkeypatch.setattr("export.int8.gate.TOLERANCE", Tolerance(0, 0, 0, 0, auroc_worst=-1))
    assert list(int8_variant(reference, generator, bundle, golden)) == []
    assert "without an int8 variant: mlp_discriminator_int8 is too far" in capsys.readouterr().err


def test_another_network_is_refused(pixels: NDArray[np.uint8]) -> None:
    with pytest.raises(ExportError, match="no perceptron"):
        quantize_mlp((MODELS_FOLDER / "discriminator.onnx").read_bytes(), pixels)


@pytest.mark.parametrize("bad", [0, np.nan])
def test_weights_that_are_0_or_not_finite_are_refused(bad: float) -> None:
    with pytest.raises(ExportError, match="not finite"):
        round_weights(np.full((2, 24), bad, np.float32), np.ones((4, 24), np.float32))
