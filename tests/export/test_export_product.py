"""The product's files are published together beside the other models, or not at all."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto
from torch import nn

from demo.contract import METADATA_KEYS
from demo.errors import ModelError
from demo.inference.answer import Thresholds
from demo.inference.engine import MODELS_FOLDER, Engine
from demo.inference.manifest import pack, unpack
from export.__main__ import main as export_main
from export.artifact import noise_pictures
from export.errors import ParityError, PublishError
from tests.export.test_convert import metadata, signature
from tests.support.detectors import (
    BATCHES,
    BIAS,
    METRICS,
    SCALE,
    TinyDetector,
    export_tiny,
    leave_product_out,
    quick_gate,
    tiny_groups,
)

PRODUCT_FILES = {"discriminator.onnx", "normalizer.onnx", "discriminator_from_image.onnx"}


class Heavy(TinyDetector):
    """As light to run, but with weights that fill more than the two megabytes of the contract."""

    def __init__(self) -> None:
        super().__init__()
        self.ballast = nn.Embedding(70_000, 8)

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        fake_logit, digit_logits, domain_logit = super().forward(pictures)
        brightest = (255 * pictures.amax((1, 2, 3))).long()
        return fake_logit + self.ballast(brightest).sum(1), digit_logits, domain_logit


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return Path(shutil.copytree(MODELS_FOLDER, tmp_path / "models"))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def digits() -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.concatenate([*tiny_groups().values(), noise_pictures(9, (28, 28), 3)])


def test_the_file_keeps_the_contract(product_models: Path) -> None:
    model = onnx.load(product_models / "discriminator.onnx", load_external_data=False)
    assert signature(model.graph.input) == {"pixels": (TensorProto.UINT8, ["batch", 28, 28])}
    assert signature(model.graph.output) == {
        "fake_probability": (TensorProto.FLOAT, ["batch"]),
        "logit": (TensorProto.FLOAT, ["batch"]),
        "digit_probabilities": (TensorProto.FLOAT, ["batch", 10]),
        "in_domain": (TensorProto.FLOAT, ["batch"]),
    }
    names = [each.name for each in model.graph.output]
    assert names == ["fake_probability", "logit", "digit_probabilities", "in_domain"]
    assert [(opset.domain, opset.version <= 21) for opset in model.opset_import] == [("", True)]
    known = metadata(model)
    assert set(METADATA_KEYS) <= set(known)
    thresholds = [json.loads(known[f"{name}_threshold"]) for name in ("fake", "real", "in_domain")]
    assert thresholds == [0.625, 0.375, 0.5]


@pytest.mark.parametrize("count", [0, 1, 7])
def test_the_outputs_are_the_calibrated_network_s(product_models: Path, count: int) -> None:
    session = onnxruntime.InferenceSession(product_models / "discriminator.onnx")
    pixels = digits()[:count]
    probability, logit, digit_probabilities, in_domain = session.run(None, {"pixels": pixels})
    with torch.no_grad():
        pictures = torch.from_numpy(pixels)[:, None] / 255
        fake_logit, digit_logits, domain_logit = TinyDetector().eval()(pictures)
    assert logit == pytest.approx((SCALE * fake_logit + BIAS).numpy(), abs=1e-4)
    assert probability == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-6)
    assert digit_probabilities == pytest.approx(digit_logits.softmax(1).numpy(), abs=1e-4)
    assert digit_probabilities.sum(1) == pytest.approx(np.ones(count), abs=1e-5)
    assert in_domain == pytest.approx(torch.sigmoid(domain_logit).numpy(), abs=1e-4)


def test_without_ink_nothing_is_in_the_domain(product_models: Path) -> None:
    session = onnxruntime.InferenceSession(product_models / "discriminator.onnx")
    pixels = np.zeros((2, 28, 28), np.uint8)
    # The faintest ink: the network itself takes both for a digit.
    pixels[1, 14, 14] = 1
    (in_domain,) = session.run(["in_domain"], {"pixels": pixels})
    assert in_domain[0] == 0
    assert in_domain[1] > 0.99


def test_all_three_files_are_published_and_the_others_stay(models: Path) -> None:
    leave_product_out(models)
    before = contents(models)
    # It stood for another product's network.
    del before["discriminator_int8.onnx"]
    report = export_tiny(models, beside={"report.json": b"{}"})
    after = contents(models)
    assert set(after) == {*before, *PRODUCT_FILES, "report.json"}
    changed = {name for name in before if after[name] != before[name]}
    assert changed <= {"manifest.json", *PRODUCT_FILES}
    assert "discriminator_from_image.onnx" in changed
    entries = json.loads(after["manifest.json"])["files"]
    entry = entries["discriminator.onnx"]
    assert entry["kind"] == "discriminator"
    assert entry["metrics"] == METRICS
    assert entry["training_run"] == entries["discriminator_from_image.onnx"]["training_run"] == "none: tiny"
    assert entries["discriminator_from_image.onnx"]["in_domain_threshold"] == 0.5
    assert set(entry["parity"]) == {"fake_probability", "logit", "digit_probabilities", "in_domain"}
    assert after["report.json"] == b"{}"
    assert set(report) == PRODUCT_FILES
    Engine.load(models, "cpu").open_all()


def test_the_report_beside_the_run_has_every_group(product_models: Path) -> None:
    report = json.loads((product_models.parent / "run" / "parity.json").read_text())
    assert set(report) == PRODUCT_FILES
    rows = report["discriminator.onnx"]
    assert {row["inputs"] for row in rows} == {"real", "generated", "black", "white", "noise"}
    assert {row["values"] for row in rows if row["output"] == "in_domain"} == {sum(BATCHES)}
    assert {row["values"] for row in rows if row["output"] == "digit_probabilities"} == {10 * sum(BATCHES)}
    assert all(row["allowed"] for rows in report.values() for row in rows)


def test_the_caller_s_network_is_left_as_it_is(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("export.product.LARGEST_DISCRIMINATOR_BYTES", 0)
    detector = TinyDetector().train()
    with pytest.raises(PublishError):
        export_tiny(models, detector=detector)
    assert detector.training


def test_a_network_larger_than_the_contract_allows_is_refused(models: Path) -> None:
    before = contents(models)
    with pytest.raises(PublishError, match=r"discriminator\.onnx has 2,\d+,\d+ bytes; the contract allows"):
        export_tiny(models, detector=Heavy())
    assert contents(models) == before


@pytest.mark.parametrize(
    "thresholds",
    [
        Thresholds(fake=0.4, real=0.6, in_domain=0.5),
        Thresholds(fake=1.0, real=0.5, in_domain=0.5),
        Thresholds(fake=0.5, real=0.0, in_domain=0.5),
        Thresholds(fake=0.5, real=0.5),
    ],
    ids=str,
)
def test_thresholds_that_are_none_are_refused(models: Path, thresholds: Thresholds) -> None:
    before = contents(models)
    with pytest.raises(PublishError, match=r"The thresholds .* are none"):
        export_tiny(models, thresholds=thresholds)
    assert contents(models) == before


@pytest.mark.parametrize("output", ["digit_probabilities", "in_domain", "logit"])
def test_a_failed_gate_publishes_nothing_and_leaves_its_report(models: Path, output: str) -> None:
    class Shifting(TinyDetector):
        """Runs with other numbers than it is exported with."""

        def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
            fake_logit, digit_logits, domain_logit = super().forward(pictures)
            shift = 0.0 if torch.compiler.is_exporting() else 0.01
            if output == "digit_probabilities":
                digit_logits = digit_logits + shift * torch.arange(10)
            elif output == "in_domain":
                domain_logit = domain_logit * (1 - shift)
            else:
                fake_logit = fake_logit + shift
            return fake_logit, digit_logits, domain_logit

    before = contents(models)
    with pytest.raises(ParityError, match=f"discriminator .*{output} on .*Nothing is published"):
        export_tiny(models, detector=Shifting())
    assert contents(models) == before
    report = json.loads((models.parent / "run" / "parity.json").read_text())
    rows = report.pop("discriminator.onnx")
    assert not report
    refused = {row["output"] for row in rows if not row["allowed"]}
    assert output in refused
    assert refused <= {output, "fake_probability"}


@pytest.mark.parametrize("output", ["digit_probabilities", "in_domain"])
def test_golden_numbers_replay_the_new_outputs(product_models: Path, tmp_path: Path, output: str) -> None:
    models = Path(shutil.copytree(product_models, tmp_path / "models"))
    path = models / "manifest.json"
    manifest = json.loads(path.read_text())
    outputs = manifest["files"]["discriminator.onnx"]["golden"]["outputs"]
    outputs[output] = pack(unpack(outputs[output]) + np.float32(0.01))
    path.write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match=rf"gives other numbers .*: {output} differs by 0\.01"):
        Engine.load(models, "cpu")


def test_the_tutorial_leaves_a_published_product_its_files(
    smoke_run: Path, product_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick_gate(monkeypatch)
    run = Path(shutil.copytree(smoke_run, tmp_path / "run"))
    models = Path(shutil.copytree(product_models, tmp_path / "models"))
    before = contents(models)
    assert export_main(["run", str(run), "--models", str(models)]) == 0
    after = contents(models)
    assert {name for name in PRODUCT_FILES if after[name] != before[name]} == set()
    assert after["mlp_discriminator.onnx"] != before["mlp_discriminator.onnx"]
    engine = Engine.load(models, "cpu")
    engine.open_all()
    assert engine.model == "discriminator"
