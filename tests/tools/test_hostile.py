"""The hostile battery finds failures, and there are none in a small run."""

import json
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from demo.decoder.limits import MEMORY_LIMIT
from tests.tools.hostile.battery import LARGEST_PEAK, WRONGS, EntryPoint, Report, leaked, run, unreasonable
from tests.tools.hostile.bombs import bombs, zeros
from tests.tools.hostile.corpus import build
from tests.tools.hostile.entry_points import Exchange

ROOT = Path(__file__).parents[2]
GOOD = {"file": "x", "verdict": "real", "error": None}
REFUSED = {"file": "/home/mine/x", "verdict": None, "error": "This is no picture that can be read."}


def exchange(*answers: object, seconds: float = 0.1, status: int = 200) -> Exchange:
    return Exchange(("x",), seconds, status, answers, json.dumps(answers))  # type: ignore[arg-type]


def test_the_same_seed_gives_the_same_files() -> None:
    first, again, other = (
        {name: each for name, each in (corpus.pictures | corpus.zips).items() if "avif-frames" not in name}
        for corpus in (build(200, seed) for seed in (1, 1, 2))
    )
    # Not by an assertion on the files themselves, which would print them.
    same, different = first == again, first != other
    assert same
    assert different
    assert 180 <= len(first) <= 210


def test_bombs_are_as_small_as_they_say() -> None:
    large = bombs()["13000x13000.png"]
    assert 600_000 < len(large) < 800_000
    assert zlib.decompress(zeros(3_500_000)) == bytes(3_500_000)


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


if sys.platform == "linux":

    def test_the_app_answers_whatever_it_is_sent() -> None:
        report = run(build(100, 0))
        assert report.wrongs() == ""
        assert report.deaths == report.logged == 0
        assert 0 < report.worker_peak <= MEMORY_LIMIT
        # How much is for the battery: beside other tests it depends on what they take.
        assert report.peak > 0
        assert len(report.entries) == 6


def test_the_fuzz_says_what_it_needs() -> None:
    program = "import sys; sys.modules['atheris'] = None; from tests.tools.hostile.fuzz import fuzz; fuzz(1)"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert result.returncode == 1
    assert result.stderr == "the fuzz needs atheris, which there is for Linux: pip install atheris\n"
