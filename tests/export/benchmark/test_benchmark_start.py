"""`python -m export benchmark start`: what it measures, each once."""

import math
import subprocess
import sys
from pathlib import Path

import pytest

from export.benchmark.options import Options
from export.benchmark.processes import KNOWN, children, peak_mebibytes, processor_seconds
from export.benchmark.report import load, save
from export.benchmark.start import API, APP, CHECK, GRADIO, ended, measure
from export.errors import ExportError

pytestmark = pytest.mark.skipif(not KNOWN, reason="only Linux tells what other processes cost")


def test_every_start_is_measured(tmp_path: Path) -> None:
    report = measure(Options(rounds=1, quick=True))
    save(report, tmp_path)
    assert load("start", tmp_path) == report
    contestants = {row.contestant for row in report.rows}
    assert contestants == {GRADIO, APP, API, CHECK}
    for kind in ("by the clock", "processor time", "peak memory of the main process"):
        assert {row.contestant for row in report.rows if row.task == f"start, {kind}"} == {GRADIO, APP}
    for row in report.rows:
        figures = [row.cost, *([row.ratio] if row.ratio else [])]
        assert all(math.isfinite(figure.median) and figure.median > 0 for figure in figures), row


def test_a_process_costs_what_it_does() -> None:
    idle = ended(["-S", "-c", "import time; time.sleep(0.3)"])
    busy = ended(["-S", "-c", "import time\nwhile time.process_time() < 0.3: pass\nheld = b'x' * (64 << 20)"])
    assert idle.clock >= 0.3
    assert idle.processor < 0.2 < 0.3 <= busy.processor
    assert 60 < busy.peak - idle.peak < 80


def test_a_process_that_fails_is_an_error() -> None:
    with pytest.raises(ExportError, match=r"failed: .*no such thing"):
        ended(["-S", "-c", "raise SystemExit('no such thing')"])


def test_processes_are_told_from_their_children() -> None:
    program = (
        "import subprocess, sys; held = b'x' * (64 << 20)\n"
        "with subprocess.Popen([sys.executable, '-S', '-c', 'input()'], stdin=subprocess.PIPE) as child:\n"
        "    print(child.pid, flush=True); input()\n"
    )
    command = [sys.executable, "-S", "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        assert children(process.pid) == [child]
        assert peak_mebibytes(process.pid) > 64 > peak_mebibytes(child)
        assert processor_seconds(process.pid) < 60
        process.communicate("\n")
