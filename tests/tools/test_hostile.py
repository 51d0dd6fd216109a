"""The battery of hostile files tells wrong answers from right ones."""

import json
from pathlib import Path

import pytest

from demo.decoder.limits import MEMORY_LIMIT
from tests.tools.hostile.battery import LARGEST_PEAK, WRONGS, EntryPoint, Report, leaked, unreasonable
from tests.tools.hostile.entry_points import Exchange

ROOT = Path(__file__).parents[2]
GOOD = {"file": "x", "verdict": "real", "error": None}
REFUSED = {"file": "/home/mine/x", "verdict": None, "error": "This is no picture that can be read."}


def exchange(*answers: object, seconds: float = 0.1, status: int = 200) -> Exchange:
    return Exchange(("x",), seconds, status, answers, json.dumps(answers))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("found", "wrong"),
    [
        (exchange(GOOD), None),
        (exchange(REFUSED), None),
        (exchange({"answer": json.dumps(GOOD)}), None),
        (exchange(REFUSED, status=413), None),
        (exchange(REFUSED, status=500), "HTTP 5xx or no answer"),
        (exchange(status=0), "HTTP 5xx or no answer"),
        (exchange(GOOD, seconds=10.5), "hangs"),
        (exchange(), "no reason"),
        (exchange(GOOD, GOOD), "no reason"),
        (exchange({"error": None}), "no reason"),
        (exchange({"error": "Error"}), "no reason"),
        (exchange({"answer": json.dumps({"error": ""})}), "no reason"),
        (exchange({"error": "No such file: /home/app/uploads/x.png was read."}), "paths"),
        (exchange({"error": f"The file {ROOT}/demo is not there, so nothing was read."}), "paths"),
    ],
)
def test_what_is_wrong_is_found(found: Exchange, wrong: str | None) -> None:
    entry = EntryPoint("any", True)
    entry.record(found, many=False)
    counted = {kind for kind in WRONGS if entry.wrong[kind]}
    assert wrong in counted if wrong else not counted
    assert Report([entry], 0, 0, 0, 0).met == (wrong is None)


def test_each_goal_counts() -> None:
    entry = EntryPoint("any", True, [0.1], 1)
    assert Report([entry], 0, LARGEST_PEAK, MEMORY_LIMIT, 0).met
    for report in (
        Report([entry], 1, 0, 0, 0),
        Report([entry], 0, LARGEST_PEAK + 1, 0, 0),
        Report([entry], 0, 0, MEMORY_LIMIT + 1, 0),
        Report([EntryPoint("any", True, [1.2], 1)], 0, 0, 0, 0),
    ):
        assert not report.met
        assert "**no**" in report.table()
    assert unreasonable(None)
    assert leaked(exchange({"error": "site-packages"}))
