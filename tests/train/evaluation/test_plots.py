"""Plots are reproducible pictures of their figures."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from train.evaluation.metrics import Reliability
from train.evaluation.plots import Bar, save_bars, save_histograms, save_reliability


def draw_reliability(path: Path, value: float) -> None:
    points = Reliability(np.array([0.1, 0.9]), np.array([0.1, value]), np.array([5, 5]))
    save_reliability(path, {"detector": points})


def draw_histograms(path: Path, value: float) -> None:
    save_histograms(path, {"MNIST": np.array([0.1, 0.1, value]), "fakes": np.array([0.9])}, [0.3, 0.5])


def draw_bars(path: Path, value: float) -> None:
    bars = [Bar("dcgan", "adversarial", value, 0.6, 0.9), Bar("flow", "flow", 0.9, 0.9, 0.9)]
    save_bars(path, bars, "AUROC")


@pytest.mark.parametrize("draw", [draw_reliability, draw_histograms, draw_bars])
def test_a_plot_is_a_function_of_its_figures(tmp_path: Path, draw: Callable[[Path, float], None]) -> None:
    draw(tmp_path / "one.png", 0.7)
    draw(tmp_path / "same.png", 0.7)
    draw(tmp_path / "other.png", 0.5)
    one = (tmp_path / "one.png").read_bytes()
    assert one == (tmp_path / "same.png").read_bytes()
    assert one != (tmp_path / "other.png").read_bytes()
    with Image.open(tmp_path / "one.png") as picture:
        assert min(picture.size) > 100
