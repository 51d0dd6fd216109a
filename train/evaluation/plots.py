"""Plots of a detector's report: calibration, distribution of scores, AUROC of each generator."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from train.evaluation.metrics import Reliability
from train.figures import save_figure

BINS: Final = 50
GUIDE: Final[Mapping[str, Any]] = {"color": "grey", "linestyle": ":", "linewidth": 1}


class Bar(NamedTuple):
    """One generator's figure with its interval, and its group, which determines the colour."""

    name: str
    group: str
    value: float
    low: float
    high: float


def save_reliability(path: Path, curves: Mapping[str, Reliability]) -> None:
    """Plot the share of fakes over the predicted probability; a dotted line shows perfect calibration.

    curves: name in the legend → its points.
    """
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.add_subplot(xlabel="predicted P(fake)", ylabel="share of fakes", aspect="equal")
    axes.axline((0, 0), slope=1, **GUIDE)
    for name, points in curves.items():
        axes.plot(points.probability, points.share, marker="o", markersize=4, linewidth=1, label=name)
    axes.legend()
    save_figure(path, figure)


def save_histograms(
    path: Path, groups: Mapping[str, NDArray[np.floating]], thresholds: Sequence[float]
) -> None:
    """Plot the distribution of probabilities in each group, on a logarithmic scale that shows rare errors.

    groups: name in the legend → P(fake | x) [n] in [0, 1]. thresholds: dotted lines.
    """
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot(xlabel="P(fake)", ylabel="share of the group", yscale="log")
    for name, scores in groups.items():
        weights = np.full(len(scores), 1 / len(scores))
        axes.hist(scores, BINS, range=(0, 1), weights=weights, histtype="step", label=name)
    for threshold in thresholds:
        axes.axvline(threshold, **GUIDE)
    axes.legend()
    save_figure(path, figure)


def save_bars(path: Path, bars: Sequence[Bar], label: str) -> None:
    """Plot each generator's figure with its interval, in one colour per group."""
    colours = {group: f"C{index}" for index, group in enumerate(dict.fromkeys(bar.group for bar in bars))}
    figure = Figure(figsize=(7, 1.2 + 0.3 * len(bars)), layout="constrained")
    axes = figure.add_subplot(xlabel=label)
    for group, colour in colours.items():
        members = [(row, bar) for row, bar in enumerate(bars) if bar.group == group]
        axes.errorbar(
            [bar.value for _, bar in members],
            [row for row, _ in members],
            xerr=np.array([[bar.value - bar.low, bar.high - bar.value] for _, bar in members]).clip(0).T,
            fmt="o",
            color=colour,
            capsize=3,
            label=group,
        )
    axes.set_yticks(range(len(bars)), [bar.name for bar in bars])
    axes.invert_yaxis()
    axes.legend()
    save_figure(path, figure)
