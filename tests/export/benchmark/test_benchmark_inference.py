"""The speed of inference: every published discriminator, beside the PyTorch network that it was made of."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from demo.contract import DISCRIMINATOR, LOGIT, MLP_DISCRIMINATOR, PIXELS
from demo.inference.engine import MODELS_FOLDER
from demo.inference.manifest import Manifest
from demo.inference.sessions import CPU, open_session
from export.__main__ import main
from export.benchmark import inference
from export.benchmark.inference import EAGER, generated_pixels, measure
from export.benchmark.options import Options
from export.rebuild import rebuild_detector, rebuild_mlp


def test_every_discriminator_is_timed_beside_pytorch() -> None:
    threads = torch.get_num_threads()
    report = measure(Options(rounds=2, quick=True))
    assert torch.get_num_threads() == threads
    names = Manifest.load(MODELS_FOLDER).names("discriminator")
    assert {MLP_DISCRIMINATOR, f"{MLP_DISCRIMINATOR}_int8"} <= set(names)
    assert any(note.startswith(f"{MLP_DISCRIMINATOR}_int8: ") for note in report.notes)
    for batch in (1, 16, 256):
        for task, own in (
            (f"the product, batch {batch}", [name for name in names if not name.startswith("mlp")]),
            (f"the tutorial's, batch {batch}", [name for name in names if name.startswith("mlp")]),
        ):
            timed = {row.contestant: row for row in report.rows if row.task == task}
            assert {EAGER, *own} <= set(timed)
            assert all(0 < row.cost.low <= row.cost.high < math.inf for row in timed.values())
            assert all(row.reference == EAGER for row in timed.values())


def test_twins_give_the_published_numbers() -> None:
    manifest, pixels = Manifest.load(MODELS_FOLDER), generated_pixels(MODELS_FOLDER, 40)
    for name, twin in ((DISCRIMINATOR, rebuild_detector), (MLP_DISCRIMINATOR, rebuild_mlp)):
        content = manifest.read(f"{name}.onnx")
        with torch.no_grad():
            expected = twin(content)(torch.from_numpy(pixels))[1].numpy()
        found = open_session(name, content, [CPU]).run([LOGIT], {PIXELS: pixels})[0]
        assert np.abs(found - expected).max() < 1e-4


def test_speed_of_wrong_numbers_is_not_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(inference, "LARGEST_DIFFERENCE", 0.0)
    assert main(["benchmark", "inference", "--quick", "--results", str(tmp_path)]) == 1
    assert "differs from PyTorch" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
