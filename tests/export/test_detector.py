"""The detector's files are published together beside the other models, or nothing is."""

import json
import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from demo.inference.answer import Thresholds
from demo.inference.engine import MODELS_FOLDER, Engine
from export.convert import blank_groups
from export.errors import PublishError
from tests.support.detectors import (
    BATCHES,
    BIAS,
    METRICS,
    SCALE,
    THRESHOLDS,
    TinyDetector,
    export_tiny,
    tiny_groups,
)
from tests.support.shared import contents

FILES = {"discriminator.onnx", "normalizer.onnx", "discriminator_from_image.onnx"}


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return Path(shutil.copytree(MODELS_FOLDER, tmp_path / "models"))


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
    assert set(entry["golden"]["outputs"]) == set(entry["parity"])
    engine = Engine.load(product_models, "cpu")
    engine.open_all()
    assert engine.thresholds == THRESHOLDS
    report = json.loads((product_models.parent / "run" / "parity.json").read_text())
    assert set(report) == FILES
    rows = report["discriminator.onnx"]
    assert {row["inputs"] for row in rows} == {"real", "generated", "black", "white", "noise"}
    assert {row["values"] for row in rows if row["output"] == "in_domain"} == {sum(BATCHES)}
    assert all(row["allowed"] for rows in report.values() for row in rows)


@pytest.mark.parametrize(
    "thresholds", [Thresholds(fake=0.4, real=0.6, in_domain=0.5), Thresholds(fake=0.5, real=0.5)], ids=str
)
def test_invalid_thresholds_are_refused(models: Path, thresholds: Thresholds) -> None:
    before = contents(models)
    with pytest.raises(PublishError, match=r"The thresholds .* are invalid"):
        export_tiny(models, thresholds=thresholds)
    assert contents(models) == before
