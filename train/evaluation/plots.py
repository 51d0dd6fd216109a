"""Plots of a detector's report: calibration, distribution of scores, AUROC of each generator."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from train.figures import save_figure

BINS: Final = 50
GUIDE: Final[Mapping[str, Any]] = {"color": "grey", "linestyle": ":", "linewidth": 1}


def save_reliability(path: Path, points: Mapping[str, Sequence[float]]) -> None:
    """Plot the share of fakes over the predicted probability; a dotted line shows perfect calibration.

    points: the fields of `Reliability`.
    """
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.add_subplot(xlabel="predicted P(fake)", ylabel="share of fakes", aspect="equal")
    axes.axline((0, 0), slope=1, **GUIDE)
    axes.plot(points["probability"], points["share"], marker="o", markersize=4, linewidth=1, label="detector")
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


def save_bars(path: Path, rows: Sequence[Mapping[str, Any]], name: str, label: str) -> None:
    """Plot a figure of each generator's kind-unseen detector with its interval, one colour per kind.

    rows: `generators` of a report. name: of the figure. label: of the axis.
    """
    figure = Figure(figsize=(7, 1.2 + 0.3 * len(rows)), layout="constrained")
    axes = figure.add_subplot(xlabel=label)
    for index, kind in enumerate(dict.fromkeys(row["kind"] for row in rows)):
        places = [place for place, row in enumerate(rows) if row["kind"] == kind]
        value, low, high = (
            np.array([rows[place]["kind_unseen"][name][key] for place in places])
            for key in ("value", "low", "high")
        )
        axes.errorbar(
            value,
            places,
            xerr=np.array([value - low, high - value]).clip(0),
            fmt="o",
            color=f"C{index}",
            capsize=3,
            label=kind,
        )
    axes.set_yticks(range(len(rows)), [row["name"] for row in rows])
    axes.invert_yaxis()
    axes.legend()
    save_figure(path, figure)
