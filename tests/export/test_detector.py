"""The detector's files are published together beside the other models, or nothing is."""

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto

from demo.errors import ModelError
from demo.inference.answer import Thresholds
from demo.inference.engine import MODELS_FOLDER, Engine
from demo.inference.manifest import pack, unpack
from export.convert import blank_groups
from export.errors import PublishError
from tests.export.test_convert import assert_plain, metadata, signature
from tests.support.detectors import (
    BATCHES,
    BIAS,
    METRICS,
    SCALE,
    TinyDetector,
    export_tiny,
    tiny_groups,
)

FILES = {"discriminator.onnx", "normalizer.onnx", "discriminator_from_image.onnx"}


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return Path(shutil.copytree(MODELS_FOLDER, tmp_path / "models"))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


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
    assert_plain(model)
    known = metadata(model)
    thresholds = [json.loads(known[f"{name}_threshold"]) for name in ("fake", "real", "in_domain")]
    assert thresholds == [0.625, 0.375, 0.5]


@pytest.mark.parametrize("count", [0, 1, 7])
def test_the_outputs_are_the_calibrated_networks(product_models: Path, count: int) -> None:
    session = onnxruntime.InferenceSession(product_models / "discriminator.onnx")
    pixels = np.concatenate([*tiny_groups().values(), blank_groups(9, (28, 28), 3)["noise"]])[:count]
    probability, logit, digit_probabilities, in_domain = session.run(None, {"pixels": pixels})
    with torch.no_grad():
        pictures = torch.from_numpy(pixels)[:, None] / 255
        fake_logit, digit_logits, domain_logit = TinyDetector().eval()(pictures)
    assert logit == pytest.approx((SCALE * fake_logit + BIAS).numpy(), abs=1e-4)
    assert probability == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-6)
    assert digit_probabilities == pytest.approx(digit_logits.softmax(1).numpy(), abs=1e-4)
    assert in_domain == pytest.approx(torch.sigmoid(domain_logit).numpy(), abs=1e-4)


def test_without_ink_nothing_is_in_the_domain(product_models: Path) -> None:
    session = onnxruntime.InferenceSession(product_models / "discriminator.onnx")
    pixels = np.zeros((2, 28, 28), np.uint8)
    # The faintest ink: the network itself takes both for a digit.
    pixels[1, 14, 14] = 1
    (in_domain,) = session.run(["in_domain"], {"pixels": pixels})
    assert in_domain[0] == 0
    assert in_domain[1] > 0.99


def test_all_files_are_published_and_the_others_stay(product_models: Path) -> None:
    before, after = contents(MODELS_FOLDER), contents(product_models)
    # It belongs to another detector's network.
    del before["discriminator_int8.onnx"]
    assert set(after) == set(before)
    assert {name for name in before if after[name] != before[name]} <= {"manifest.json", *FILES}
    entries = json.loads(after["manifest.json"])["files"]
    entry, from_image = entries["discriminator.onnx"], entries["discriminator_from_image.onnx"]
    assert entry["kind"] == "discriminator"
    assert entry["metrics"] == METRICS
    assert entry["training_run"] == from_image["training_run"] == "none: tiny"
    assert from_image["in_domain_threshold"] == 0.5
    assert set(entry["parity"]) == {"fake_probability", "logit", "digit_probabilities", "in_domain"}
    Engine.load(product_models, "cpu").open_all()
    report = json.loads((product_models.parent / "run" / "parity.json").read_text())
    assert set(report) == FILES
    rows = report["discriminator.onnx"]
    assert {row["inputs"] for row in rows} == {"real", "generated", "black", "white", "noise"}
    assert {row["values"] for row in rows if row["output"] == "in_domain"} == {sum(BATCHES)}
    assert all(row["allowed"] for rows in report.values() for row in rows)


@pytest.mark.parametrize(
    "thresholds",
    [
        Thresholds(fake=0.4, real=0.6, in_domain=0.5),
        Thresholds(fake=0.5, real=0.5),
    ],
    ids=str,
)
def test_invalid_thresholds_are_refused(models: Path, thresholds: Thresholds) -> None:
    before = contents(models)
    with pytest.raises(PublishError, match=r"The thresholds .* are invalid"):
        export_tiny(models, thresholds=thresholds)
    assert contents(models) == before


def test_golden_numbers_replay_every_output(product_models: Path, tmp_path: Path) -> None:
    models = Path(shutil.copytree(product_models, tmp_path / "models"))
    path = models / "manifest.json"
    manifest = json.loads(path.read_text())
    outputs = manifest["files"]["discriminator.onnx"]["golden"]["outputs"]
    outputs["in_domain"] = pack(unpack(outputs["in_domain"]) + np.float32(0.01))
    path.write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match=r"in_domain differs by 0\.01"):
        Engine.load(models, "cpu")
