"""The gate refuses what it should, and only that."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from demo.inference.answer import Thresholds
from export.cli import main
from export.convert import blank_groups
from export.errors import ParityError
from export.generator import PixelConditionalGenerator, parity_groups
from export.parity import check_parity, compare, summary, verdict_flips
from export.rebuild import rebuild_mlp
from export.tutorial import pair_of
from tests.support.detectors import BATCHES, quick_gate
from tests.support.generators import LATENT, tiny_generator
from tests.support.shared import contents
from train.bundle import load_bundle
from train.run import Run

HALF = Thresholds(0.5, 0.5)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    quick_gate(monkeypatch)


@contextmanager
def altered(path: Path) -> Iterator[onnx.ModelProto]:
    """Yield a model to change, and write it back in place."""
    model = onnx.load(path)
    yield model
    onnx.save(model, path)


def check(path: Path, smoke_models: Path) -> None:
    """Compare a file with the module of the published one."""
    module = rebuild_mlp((smoke_models / path.name).read_bytes())
    groups = {group: {"pixels": pixels} for group, pixels in blank_groups(64, (28, 28), 0).items()}
    session = onnxruntime.InferenceSession(path)
    check_parity(path.stem, module, session, ["pixels"], ["fake_probability", "logit"], groups, HALF)


@pytest.fixture
def discriminator(smoke_models: Path, tmp_path: Path) -> Path:
    path = tmp_path / "mlp_discriminator.onnx"
    path.write_bytes((smoke_models / path.name).read_bytes())
    return path


def test_one_weight_perturbed_a_little_is_refused(discriminator: Path, smoke_models: Path) -> None:
    check(discriminator, smoke_models)
    with altered(discriminator) as model:
        (weight,) = (each for each in model.graph.initializer if 128 in each.dims and 1 in each.dims)
        values = numpy_helper.to_array(weight).copy()
        values.flat[np.abs(values).argmax()] += 0.01
        weight.CopyFrom(numpy_helper.from_array(values, weight.name))
    with pytest.raises(ParityError, match=r"does not give the reference's numbers: .*Nothing is published"):
        check(discriminator, smoke_models)


def test_another_type_is_refused(discriminator: Path, smoke_models: Path) -> None:
    with altered(discriminator) as model:
        (output,) = (each for each in model.graph.output if each.name == "logit")
        for node in model.graph.node:
            node.output[:] = ["logit32" if name == "logit" else name for name in node.output]
            node.input[:] = ["logit32" if name == "logit" else name for name in node.input]
        model.graph.node.append(helper.make_node("Cast", ["logit32"], ["logit"], to=TensorProto.DOUBLE))
        output.type.tensor_type.elem_type = TensorProto.DOUBLE
    with pytest.raises(ParityError, match="gives logit as float64"):
        check(discriminator, smoke_models)


def test_outputs_in_another_order_are_refused(discriminator: Path, smoke_models: Path) -> None:
    with altered(discriminator) as model:
        outputs = list(model.graph.output)[::-1]
        del model.graph.output[:]
        model.graph.output.extend(outputs)
    with pytest.raises(ParityError, match="the contract is"):
        check(discriminator, smoke_models)


def test_a_generator_off_by_two_levels_is_refused(smoke_run: Path, smoke_models: Path) -> None:
    _, module = pair_of(load_bundle(Run(smoke_run)))
    session = onnxruntime.InferenceSession(smoke_models / "mlp_generator.onnx")
    groups = {"normal": {"noise": np.random.default_rng(0).standard_normal((64, 64), np.float32)}}
    check_parity("mlp_generator", module, session, ["noise"], ["pixels"], groups, None)
    with torch.no_grad():
        module.get_parameter("generator.layers.4.bias").add_(0.05)
    with pytest.raises(ParityError):
        check_parity("mlp_generator", module, session, ["noise"], ["pixels"], groups, None)


def test_one_digit_of_ten_that_differs_is_refused(generator_models: Path) -> None:
    module = PixelConditionalGenerator(tiny_generator()).eval()
    session = onnxruntime.InferenceSession(generator_models / "generator.onnx")
    inputs, groups = ["noise", "digit"], parity_groups(LATENT)
    assert {digit for group in groups.values() for digit in group["digit"]} == set(range(10))
    check_parity("generator", module, session, inputs, ["pixels"], groups, None)
    with torch.no_grad():
        module.get_buffer("generator.choices")[7] *= 0.9
    with pytest.raises(ParityError) as refusal:
        check_parity("generator", module, session, inputs, ["pixels"], groups, None)
    refused = {row.inputs for row in refusal.value.report if not row.allowed}
    assert refused == {"digit 7", "wide", "zero"}


def test_nan_is_refused() -> None:
    good, bad = np.zeros(5, np.float32), np.full(5, np.nan, np.float32)
    for output in ("logit", "fake_probability", "pixels"):
        assert compare("", output, good, good, HALF).allowed
        assert not compare("", output, bad, good, HALF).allowed


@pytest.mark.parametrize("output", ["box", "boxes", "inverted", "reason"])
def test_a_box_a_polarity_or_a_reason_that_differs_at_all_is_refused(output: str) -> None:
    values = np.array([[4, 4, 24, 24]] * 5000) if "box" in output else np.zeros((5000, 1), np.int64)
    assert compare("", output, values, values, None, 1).allowed
    other = values.copy()
    other[7, -1] = 1
    assert not compare("", output, other, values, None, 1).allowed
    assert not compare("", output, values[1:], values, None, 1).allowed
    assert compare("", output, values[:0], values[:0], None, 1).allowed


def test_a_flip_counts_only_outside_the_band() -> None:
    expected = np.array([-1e-5, 1.0, -1.0])
    found = np.array([1e-5, -1.0, -1.0])
    assert verdict_flips(found, expected, np.full(3, 1e-4), HALF) == 1


def test_the_report_is_saved_and_summed_up(published_run: Path, smoke_models: Path) -> None:
    report = json.loads((published_run / "parity.json").read_text())
    manifest = json.loads((smoke_models / "manifest.json").read_text())["files"]
    groups = {row["inputs"] for row in report["mlp_discriminator.onnx"]}
    assert groups == {"real", "generated", "black", "white", "noise"}
    for file, rows in report.items():
        # A variant has a tolerance of its own, which `distance` is compared with.
        assert all(row["allowed"] for row in rows) or "distance" in manifest[file]
        for output, worst in manifest[file]["parity"].items():
            assert worst["maximum"] == max(row["maximum"] for row in rows if row["output"] == output)
    assert manifest["mlp_discriminator.onnx"]["parity"]["logit"]["values"] == 5 * sum(BATCHES)
    assert summary([]) == {}


def test_a_failed_gate_publishes_nothing(
    smoke_run: Path,
    smoke_models: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = contents(smoke_models)
    # A tolerance that no float32 meets stands for a network that does not match.
    monkeypatch.setattr("export.parity.LOGIT_ABSOLUTE", 0.0)
    monkeypatch.setattr("export.parity.LOGIT_RELATIVE", 0.0)
    run = Path(shutil.copytree(smoke_run, tmp_path / "run"))
    assert main(["run", str(run), "--models", str(smoke_models)]) == 1
    assert "Nothing is published" in capsys.readouterr().err
    assert contents(smoke_models) == before
    report = json.loads((run / "parity.json").read_text())
    assert not all(row["allowed"] for row in report["mlp_discriminator.onnx"])
