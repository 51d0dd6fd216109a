"""Only numbers that agree with PyTorch's are timed, on the CPU and on a device."""

from pathlib import Path

import numpy as np
import pytest
import torch

from demo.contract import DISCRIMINATOR, LOGIT, MLP_DISCRIMINATOR, PIXELS
from demo.inference.engine import MODELS_FOLDER, Engine
from demo.inference.manifest import Manifest
from demo.inference.sessions import CPU, open_session
from export.benchmark import inference
from export.benchmark.harness import Options
from export.benchmark.inference import generated_pixels, on_device
from export.cli import main
from export.rebuild import rebuild_detector, rebuild_mlp


def test_pytorch_gives_the_published_numbers() -> None:
    manifest, pixels = Manifest.load(MODELS_FOLDER), generated_pixels(MODELS_FOLDER, 40)
    for name, rebuild in ((DISCRIMINATOR, rebuild_detector), (MLP_DISCRIMINATOR, rebuild_mlp)):
        content = manifest.read(f"{name}.onnx")
        with torch.no_grad():
            expected = rebuild(content)(torch.from_numpy(pixels))[1].numpy()
        found = open_session(name, content, [CPU]).run([LOGIT], {PIXELS: pixels})[0]
        assert np.abs(found - expected).max() < 1e-4


def test_a_device_is_compared_with_pytorch() -> None:
    rows = on_device(Engine.load(MODELS_FOLDER, "cpu"), torch.device("cpu"), Options(rounds=1, quick=True))
    assert [(row["task"], row["contestant"]) for row in rows] == [
        ("detector on cpu, batch 1", "PyTorch eager"),
        ("detector on cpu, batch 1", "the app's engine, CPUExecutionProvider"),
    ]


def test_wrong_numbers_are_not_timed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(inference, "LARGEST_DIFFERENCE", 0.0)
    assert main(["benchmark", "inference", "--quick", "--results", str(tmp_path)]) == 1
    assert "differs from PyTorch" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
