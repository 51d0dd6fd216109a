"""`python -m export benchmark cluster`: what it measures, at a small scale."""

import math
import sys
from pathlib import Path

import pytest

from export.benchmark.cluster import (
    DRIVER,
    LISTED,
    LISTING,
    LOCAL,
    ONE,
    TWO,
    UNDER_WAY,
    WHOLE,
    measure,
)
from export.benchmark.options import Options
from export.benchmark.report import load, save
from export.errors import ExportError


# Ray warns of settings that it sets itself.
@pytest.mark.filterwarnings(r"ignore::DeprecationWarning:ray\.data\.context")
def test_every_figure_is_there_and_means_something(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    report = measure(Options(rounds=1, quick=True))
    save(report, tmp_path)
    assert load("cluster", tmp_path) == report
    assert [(row.task, row.contestant) for row in report.rows] == [
        *((UNDER_WAY, name) for name in (ONE, TWO, LOCAL)),
        *((WHOLE, name) for name in (ONE, TWO, LOCAL)),
        *((DRIVER, name) for name in (ONE, TWO)),
        (LISTED, LISTING),
    ]
    for row in report.rows:
        figures = [row.cost, *([row.ratio] if row.ratio else [])]
        assert all(math.isfinite(figure.median) and figure.median > 0 for figure in figures), row


def test_without_ray_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ExportError, match="install"):
        measure(Options(quick=True))
