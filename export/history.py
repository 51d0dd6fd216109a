"""What the tutorial's pair did while it learnt: its walls, its losses, and single steps of it."""

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from demo.contract import HISTORY_PICTURE, HISTORY_RECORD, HISTORY_STEPS
from train.config import TutorialConfig
from train.errors import RunError
from train.figures import grid
from train.run import Run
from train.tutorial.gan import GRID, GRID_COLUMNS, WINDOW, TutorialPair
from train.tutorial.trace import RECORD

HISTORY_SNAPSHOTS: Final = 8
"""As many as fit into the contract's 10 MB at float16."""
CURVE_POINTS: Final = 120
CURVE_DECIMALS: Final = 5
CURVES: Final = ("discriminator_loss", "generator_loss")


def history_files(run: Run, pairs: Sequence[TutorialPair], steps: Sequence[int]) -> dict[str, bytes]:
    """File name → content of all that is published of a run's history beside the model.

    pairs: as they were at the steps, those of `history_steps`. `HISTORY_STEPS` is among them where
    `python -m train trace` has recorded some.
    """
    files = {
        HISTORY_PICTURE: history_picture(pairs, run.config(TutorialConfig).seed),
        HISTORY_RECORD: history_record(run, steps),
    }
    recorded = run.folder / RECORD
    return files | ({HISTORY_STEPS: recorded.read_bytes()} if recorded.exists() else {})


def history_picture(pairs: Sequence[TutorialPair], seed: int) -> bytes:
    """The generator's wall at every snapshot, one above the other, as a grey PNG."""
    stream = io.BytesIO()
    walls = [grid(pair.sample(GRID, seed), GRID_COLUMNS) for pair in pairs]
    Image.fromarray(np.concatenate(walls)).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def history_steps(run: Run) -> list[int]:
    """The steps of the history: those that the run kept, thinned evenly to `HISTORY_SNAPSHOTS`.

    Raises:
        RunError: the run is not finished.
    """
    last = run.last()
    kept: list[int] = run.load(last)[1]["kept"]
    if last != kept[-1]:
        raise RunError(f"{run.folder} is at step {last} of {kept[-1]}; finish it with --resume first.")
    chosen = np.linspace(0, len(kept) - 1, min(len(kept), HISTORY_SNAPSHOTS)).round().astype(int)
    return [kept[index] for index in chosen]


def history_record(run: Run, steps: Sequence[int]) -> bytes:
    """Steps, losses (nats) and shares right at every snapshot, how `history.png` is laid out, and the `curve`
    of both losses between snapshots, as JSON.
    """
    rows = [row for row in run.metrics() if row["kind"] == "snapshot" and row["step"] in steps]
    record = {
        "wall": {"digits": GRID, "columns": GRID_COLUMNS},
        "steps": [row["step"] for row in rows],
        **{name: [row[name] for row in rows] for name in WINDOW},
        "curve": history_curve([row for row in run.metrics() if row["kind"] == "window"]),
    }
    return (json.dumps(record, indent=1) + "\n").encode()


def history_curve(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[float]]:
    """Lines to draw of both losses, nats: `step` and the loss's mean since the point before it.

    rows: windows of the metrics, in order, at least one. At most `CURVE_POINTS`, half of them evenly spaced
    and half in equal ratios, so that a line does for a linear axis and for a logarithmic one.
    """
    steps = np.array([row["step"] for row in rows])
    taken = np.diff(steps, prepend=0)
    half, count = CURVE_POINTS // 2, len(rows)
    spaced = np.concatenate([np.linspace(0, count - 1, half), np.geomspace(1, count, half) - 1])
    ends = np.unique(spaced.round().astype(int))
    starts = np.concatenate([[0], ends[:-1] + 1])

    def means(name: str) -> list[float]:
        sums: NDArray[np.float64] = np.add.reduceat(np.array([row[name] for row in rows]) * taken, starts)
        values: list[float] = (sums / np.add.reduceat(taken, starts)).round(CURVE_DECIMALS).tolist()
        return values

    return {"step": steps[ends].tolist(), **{name: means(name) for name in CURVES}}
