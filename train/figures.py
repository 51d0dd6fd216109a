"""PNG files of a run: grids of samples, curves of losses and accuracy. All are written atomically."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from train.checkpoint import write_atomically


def grid_png(pictures: NDArray[np.uint8], columns: int) -> bytes:
    """Return pictures uint8 [n, height, width] in rows as a PNG; empty cells of the last row are black."""
    count, height, width = pictures.shape
    rows = -(-count // columns)
    full = np.zeros((rows * columns, height, width), np.uint8)
    full[:count] = pictures
    grid = full.reshape(rows, columns, height, width).transpose(0, 2, 1, 3)
    stream = io.BytesIO()
    Image.fromarray(grid.reshape(rows * height, columns * width)).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def save_grid(path: Path, pictures: NDArray[np.uint8], columns: int) -> None:
    """Save a grid of pictures uint8 [n, height, width]."""
    write_atomically(path, grid_png(pictures, columns))


def save_curves(
    path: Path, rows: Sequence[Mapping[str, Any]], curves: Mapping[str, str], label: str, guide: float
) -> None:
    """Plot columns of the metrics over the steps.

    curves: column of the metrics → its name in the legend.
    guide: the value of a discriminator that guesses, drawn as a dotted line.
    """
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot(xlabel="step", ylabel=label)
    for column, name in curves.items():
        axes.plot([row["step"] for row in rows], [row[column] for row in rows], label=name, linewidth=1)
    axes.axhline(guide, color="grey", linestyle=":", linewidth=1, label="guessing")
    axes.legend()
    save_figure(path, figure)


def save_figure(path: Path, figure: Figure) -> None:
    """Save a plot; its metadata is fixed, so that the same run gives the same file."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=120, metadata={"Software": None})
    write_atomically(path, stream.getvalue())
