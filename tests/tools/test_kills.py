"""A few of the kills that `python -m tests.tools.kills` makes many of."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("pyarrow")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="it forks")
def test_nothing_that_is_killed_leaves_anything_that_cannot_be_read() -> None:
    # Of its own process: what forks must not run threads.
    result = subprocess.run(
        [sys.executable, "-m", "tests.tools.kills", "--kills", "2", "--resumes", "1"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert result.returncode == 0, result.stdout + result.stderr
    rows = re.findall(r"^\| ([^|]+) \| 2 \| \d \| 0 \| yes \|$", result.stdout, re.MULTILINE)
    assert len(rows) == 9
    told = r"^Of 1 trainings, killed [12] times and resumed, 1 came out the same"
    assert re.search(told, result.stdout, re.MULTILINE)
