"""The battery of hostile files tells wrong answers from right ones."""

import json
from pathlib import Path
from typing import Any

import pytest

from demo.decoder.limits import MEMORY_LIMIT
from tests.tools.hostile.battery import LARGEST_PEAK, EntryPoint, Peaks, Report
from tests.tools.hostile.entry_points import Exchange

ROOT = Path(__file__).parents[2]
GOOD: dict[str, Any] = {"file": "x", "verdict": "real", "error": None}
REFUSED: dict[str, Any] = {
    "file": "/home/mine/x",
    "verdict": None,
    "error": "This is no picture that can be read.",
}


def exchange(*answers: dict[str, Any], seconds: float = 0.1, status: int = 200) -> Exchange:
    return Exchange(("x",), seconds, status, answers, json.dumps(answers))


@pytest.mark.parametrize(
    ("found", "wrong"),
    [
        (exchange(GOOD), None),
        (exchange(REFUSED, status=413), None),
        (exchange(REFUSED, status=500), "5xx or none"),
        (exchange(GOOD, seconds=10.5), "over 10 s"),
        (exchange(GOOD, GOOD), "no reason"),
        (exchange({"error": None}), "no reason"),
        (exchange({"error": "Error"}), "no reason"),
        (exchange({"error": "No such file: /home/app/uploads/x.png was read."}), "paths"),
        (exchange({"error": f"The file {ROOT}/demo is not there, so nothing was read."}), "paths"),
    ],
)
def test_a_wrong_answer_is_found(found: Exchange, wrong: str | None) -> None:
    entry = EntryPoint("any", single=True)
    entry.record(found)
    assert {kind for kind, each in entry.failures.items() if each} == ({wrong} if wrong else set())
    assert bool(Report([entry], Peaks()).failures()) == (wrong is not None)


@pytest.mark.parametrize(
    "report",
    [
        Report([], Peaks(alive=False)),
        Report([], Peaks(server=LARGEST_PEAK + 1)),
        Report([], Peaks(worker=MEMORY_LIMIT + 1)),
        Report([EntryPoint("any", single=True, seconds=[1.2])], Peaks()),
    ],
)
def test_each_goal_counts(report: Report) -> None:
    assert len(report.failures()) == 1
