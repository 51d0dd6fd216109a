"""The tutorial's network in integers: which operators, how near, and that no picture depends on another."""

import re
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from demo.contract import LOGIT, MLP_DISCRIMINATOR, PIXELS
from demo.inference.engine import MODELS_FOLDER, Engine
from demo.inference.manifest import Manifest
from demo.inference.sessions import CPU, open_session
from export.artifact import Artifact
from export.errors import ExportError
from export.perceptron import LARGEST_WEIGHT, quantized_perceptron
from export.tutorial import integer_artifacts
from export.variant import Tolerance, described
from train.config import TutorialConfig
from train.data.mnist import load
from train.run import Run
from train.tutorial.gan import load_pair


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
def integers(content: bytes, pixels: NDArray[np.uint8]) -> bytes:
    return quantized_perceptron(content, pixels[:512])


def logits(content: bytes, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    found: NDArray[np.float32] = open_session("it", content, [CPU]).run([LOGIT], {PIXELS: pixels})[0]
    return found


def test_all_weights_but_the_last_layer_s_are_integers_of_7_bits(content: bytes, integers: bytes) -> None:
    model = onnx.load_from_string(integers)
    constants = {each.name: onnx.numpy_helper.to_array(each) for each in model.graph.initializer}
    made = {output: node for node in model.graph.node for output in node.output}
    *layers, last = (node for node in model.graph.node if node.op_type == "Gemm")
    for layer in layers:
        weight = constants[made[layer.input[1]].input[0]]
        assert weight.dtype == np.int8
        assert 0.9 * LARGEST_WEIGHT < np.abs(weight).max() <= LARGEST_WEIGHT
    assert constants[last.input[1]].dtype == np.float32
    assert {each.domain for each in model.opset_import} == {""}
    # No float copy of the pixels is made.
    assert not {"Cast", "Div", "DynamicQuantizeLinear"} & {node.op_type for node in model.graph.node}
    assert len(integers) < 0.27 * len(content)
    assert list(model.metadata_props) == list(onnx.load_from_string(content).metadata_props)
    sessions = [open_session("it", each, [CPU]) for each in (integers, content)]
    assert described(sessions[0]) == described(sessions[1])


def test_it_says_nearly_the_same_of_what_it_was_not_made_with(
    content: bytes, integers: bytes, pixels: NDArray[np.uint8]
) -> None:
    found, expected = (1 / (1 + np.exp(-logits(each, pixels[512:]))) for each in (integers, content))
    assert 0 < np.abs(found - expected).mean() < 0.02


def test_a_picture_s_number_is_the_same_in_any_batch(integers: bytes, pixels: NDArray[np.uint8]) -> None:
    session = open_session("it", integers, [CPU])
    together = session.run([LOGIT], {PIXELS: pixels[:40]})[0]
    # The last layer adds floats, whose order may differ with the batch.
    for index in (0, 1, 39):
        alone = session.run([LOGIT], {PIXELS: pixels[index : index + 1]})[0]
        assert alone == pytest.approx(together[index : index + 1], abs=1e-4)


def test_the_published_integers_are_a_perceptron_s(pixels: NDArray[np.uint8]) -> None:
    engine = Engine.load(MODELS_FOLDER, "cpu", f"{MLP_DISCRIMINATOR}_int8")
    whole = Engine.load(MODELS_FOLDER, "cpu", MLP_DISCRIMINATOR)
    assert MLP_DISCRIMINATOR in engine.models
    assert engine.model not in whole.models
    found, expected = (each.score(pixels).fake_probability for each in (engine, whole))
    assert 0 < np.abs(found - expected).mean() < 0.02
    assert engine.entry(engine.model)["variant_of"] == MLP_DISCRIMINATOR


def test_a_pair_is_published_with_its_integers_or_says_why_not(
    smoke_run: Path, smoke_models: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = Manifest.load(smoke_models)
    whole = f"{MLP_DISCRIMINATOR}.onnx"
    reference = Artifact(whole, manifest.read(whole), manifest.files[whole], [])
    pair, _ = load_pair(Run(smoke_run))
    digits = load(Run(smoke_run).config(TutorialConfig).dataset, "train").images.numpy()
    monkeypatch.setattr("export.tutorial.EXAMINED_COUNT", 512)
    monkeypatch.setattr("export.integers.TOLERANCE", Tolerance(1, 1, 1, 1, 1))
    (made,) = integer_artifacts(reference, pair, digits, digits[:2])
    assert made.file == f"{MLP_DISCRIMINATOR}_int8.onnx"
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("export.integers.TOLERANCE", Tolerance(0, 0, 0, 0, 0))
    assert list(integer_artifacts(reference, pair, digits, digits[:2])) == []
    assert "published without integers: mlp_discriminator_int8 is too far" in capsys.readouterr().err


def test_another_network_is_refused(pixels: NDArray[np.uint8]) -> None:
    with pytest.raises(ExportError, match=re.escape("no perceptron")):
        quantized_perceptron((MODELS_FOLDER / "discriminator.onnx").read_bytes(), pixels)
