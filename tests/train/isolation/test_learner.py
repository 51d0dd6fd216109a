"""How the normalizer's networks learn: their losses, and that a run makes weights and resumes exactly."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from train.cli import main
from train.isolation.layers import DISTANCE
from train.isolation.learner import locator_loss, segmenter_loss

OPTIONS = ["--preset", "smoke", "--jobs", "1", "--threads", "1", "--precision", "float32"]


def test_the_locators_loss_wants_centre_box_and_cut() -> None:
    digits = torch.zeros(1, 6, 5)
    digits[0, 0] = torch.tensor([40, 56, 80, 88, 1.0])
    digits[0, 1] = torch.tensor([0, 8, 24, 32, 0.6])
    right = torch.zeros(1, 6, 32, 32)
    right[0, 0] = -8
    middles = (torch.arange(32) + 0.5) * 4
    for top, left, bottom, rightmost, share in digits[0, :2].tolist():
        rows = (middles > top) & (middles < bottom)
        columns = (middles > left) & (middles < rightmost)
        inner = rows[:, None] & columns
        right[0, 1][inner] = ((middles[:, None] - top) / DISTANCE).expand(32, 32)[inner]
        right[0, 2][inner] = ((middles - left) / DISTANCE).expand(32, 32)[inner]
        right[0, 3][inner] = ((bottom - middles[:, None]) / DISTANCE).expand(32, 32)[inner]
        right[0, 4][inner] = ((rightmost - middles) / DISTANCE).expand(32, 32)[inner]
        right[0, 5][inner] = 8 if share < 0.9 else -8
    # The centres lie between cells: any of the nearest four counts as the centre.
    for row, column in ((14, 17), (15, 17), (14, 18), (15, 18), (2, 4), (3, 4), (2, 5), (3, 5)):
        right[0, 0, row, column] = 8
    best = locator_loss(right, digits)
    for channel, change in ((0, 16), (2, 1), (5, 16)):
        wrong = right.clone()
        wrong[0, channel] += change
        assert locator_loss(wrong, digits).sum() > best.sum() + 0.1
    assert torch.isfinite(locator_loss(right, torch.zeros(1, 6, 5))).all()


def test_the_segmenters_loss_wants_the_ink() -> None:
    ink = (torch.rand(2, 8, 8, generator=torch.Generator().manual_seed(0)) > 0.7).float()
    right, wrong = segmenter_loss(16 * ink - 8, ink), segmenter_loss(8 - 16 * ink, ink)
    assert right.sum() < 0.1 < wrong.sum()


def test_a_run_makes_weights_and_resumes_exactly(
    few_digits: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["isolation", *OPTIONS, "--dataset", few_digits, "--runs", str(tmp_path)]
    assert main([*given, "--name", "whole"]) == 0
    assert "copy it to train/isolation/" in capsys.readouterr().out
    whole = load_file(tmp_path / "whole" / "weights.safetensors")
    assert main([*given, "--name", "again", "--steps", "4"]) == 0
    # As a kill between two snapshots leaves it.
    (tmp_path / "again" / "weights.safetensors").unlink()
    (tmp_path / "again" / "segmenter" / "step-000004.safetensors").unlink()
    assert main([*given, "--name", "again", "--resume"]) == 0
    again = load_file(tmp_path / "again" / "weights.safetensors")
    assert whole.keys() == again.keys()
    assert all(np.array_equal(whole[name], again[name]) for name in whole)
