"""Benchmarks: paired ratios, their spread, the report that is kept and shown."""

import time
from pathlib import Path

import pytest

from export.__main__ import main
from export.benchmark.command import PARTS
from export.benchmark.machine import machine
from export.benchmark.report import RESULTS, Report, load, save, table
from export.benchmark.rounds import Spread, compare, cpu_microseconds


def test_ratios_are_taken_round_by_round() -> None:
    # A machine that gets ten times slower half-way through: the costs spread, the ratios do not.
    speeds = [1.0, 1.0, 1.0, 10.0, 10.0]

    def contestant(cost: float) -> list[float]:
        return [cost * speed for speed in speeds]

    slow, fast = iter(contestant(6)), iter(contestant(2))
    rows = compare(
        "a task",
        "µs",
        {"slow": lambda: next(slow), "fast": lambda: next(fast)},
        "slow",
        rounds=4,
        goals={"fast": 4},
    )
    reference, row = rows
    assert reference.ratio is None
    assert reference.reached is None
    assert row.ratio == Spread(3, 3, 3)
    assert row.reached is False
    assert row.cost.low < row.cost.high


def test_processor_time_is_what_a_call_works_not_what_it_waits() -> None:
    working = cpu_microseconds(lambda: sum(range(200_000)), repeats=3)()
    assert working > 100
    waiting = cpu_microseconds(lambda: time.sleep(0.02), repeats=3)()
    assert waiting < 5_000


def test_a_report_is_read_back_as_it_was_and_shown(tmp_path: Path) -> None:
    costs = iter([2.0, 1.0, 2.0, 1.0])
    rows = compare("a task", "µs", dict.fromkeys(("one", "two"), lambda: next(costs)), "one", 1, {"two": 1.5})
    report = Report("inference", machine(), rows, ["Not measured on CUDA."])
    save(report, tmp_path)
    assert load("inference", tmp_path) == report
    shown = table(report)
    assert "| a task | two | 1 µs (1 to 1) | 2.00 (2.00 to 2.00) | ≥ 1.5 | yes |" in shown
    assert "- Not measured on CUDA." in shown
    assert machine()["libraries"]["torch"] in shown


def test_the_readme_holds_what_was_measured() -> None:
    measured = [part for part in PARTS if (RESULTS / f"{part}.json").exists()]
    assert "inference" in measured
    readme = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
    assert [part for part in measured if table(load(part)) not in readme] == []


def test_a_part_that_does_not_exist_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["benchmark", "cooking"]) == 1
    assert "There is no part 'cooking'" in capsys.readouterr().err
