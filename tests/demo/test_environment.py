"""Cores that a container allows."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from demo import environment
from demo.environment import available_cores
from tests.support.processes import ROOT

PICTURE = ROOT / "demo" / "conformance" / "drawn-7.png"


@pytest.mark.parametrize(
    ("limit", "most"),
    [("100000 100000", 1), ("50000 100000", 1), ("150000 100000", 2), ("max 100000", 1000), ("", 1000)],
)
def test_a_share_of_the_time_limits_the_cores(
    limit: str, most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "CPU_LIMIT", tmp_path / "none")
    everything = available_cores()
    (tmp_path / "cpu.max").write_text(f"{limit}\n")
    monkeypatch.setattr(environment, "CPU_LIMIT", tmp_path / "cpu.max")
    assert available_cores() == min(everything, most)


@pytest.mark.skipif(shutil.which("taskset") is None, reason="needs taskset")
def test_on_one_core_nothing_complains() -> None:
    core = str(min(os.sched_getaffinity(0)))
    command = ["taskset", "-c", core, sys.executable, "-m", "demo", "check", "--device", "cpu", str(PICTURE)]
    result = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert result.stderr == ""
