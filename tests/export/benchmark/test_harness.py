"""The harness: interleaved rounds, ratios and their spread, results that are kept and shown; refusals."""

import time
from pathlib import Path

import pytest

from export.benchmark.command import PARTS
from export.benchmark.harness import in_turn, load, microseconds, report, rows_from, save, table
from export.benchmark.servers import running
from export.benchmark.start import run_to_end
from export.cli import main
from export.errors import ExportError


def test_contestants_run_in_turn_after_a_warm_up_round() -> None:
    calls: list[str] = []

    def contestant(name: str) -> int:
        calls.append(name)
        return len(calls)

    samples = in_turn({"one": lambda: contestant("one"), "two": lambda: contestant("two")}, rounds=2)
    assert calls == ["one", "two"] * 3
    assert samples == {"one": [3, 5], "two": [4, 6]}


def test_ratios_are_taken_within_each_round() -> None:
    # The machine gets ten times slower half-way through: costs spread, ratios do not.
    speeds = [1.0, 1.0, 10.0, 10.0]
    costs = {"slow": [6 * speed for speed in speeds], "fast": [2 * speed for speed in speeds]}
    reference, row = rows_from("a task", "µs", costs, "slow")
    assert reference["ratio"] is None
    assert row["ratio"] == {"median": 3, "low": 3, "high": 3}
    assert row["cost"]["low"] < row["cost"]["high"]


def test_processor_time_does_not_include_waiting() -> None:
    assert microseconds(lambda: sum(range(200_000)), repeats=3)() > 100
    assert microseconds(lambda: time.sleep(0.02), repeats=3)() < 5_000


def test_results_are_read_back_and_shown(tmp_path: Path) -> None:
    rows = rows_from("a task", "µs", {"one": [2.0], "two": [1.0]}, "one")
    measured = report("inference", rows, ["Not measured on CUDA."])
    save(measured, tmp_path)
    assert load("inference", tmp_path) == measured
    shown = table(measured)
    assert "| a task | one | 2 µs (2 to 2) | reference |" in shown
    assert "| a task | two | 1 µs (1 to 1) | 2.00 (2.00 to 2.00) |" in shown
    assert "- Not measured on CUDA." in shown
    assert f"torch {measured['machine']['libraries']['torch']}" in shown


def test_every_kept_result_names_the_commit_that_measured_it() -> None:
    assert all(load(part)["commit"] for part in PARTS)


def test_an_unknown_part_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["benchmark", "cooking"]) == 1
    assert "There is no part 'cooking'" in capsys.readouterr().err


def test_a_failing_process_is_an_error() -> None:
    with pytest.raises(ExportError, match=r"failed: .*no such thing"):
        run_to_end(["-S", "-c", "raise SystemExit('no such thing')"])


def test_a_server_that_does_not_start_is_an_error() -> None:
    with pytest.raises(ExportError, match="did not start"), running(["demo", "--models", "/nowhere"]):
        pass
