"""What processes cost, as the part `start` measures it; servers that do not start."""

import subprocess
import sys

import pytest

from export.benchmark.processes import KNOWN, children, peak_mebibytes, processor_seconds, served
from export.benchmark.start import run_to_end
from export.errors import ExportError

linux = pytest.mark.skipif(not KNOWN, reason="needs Linux's /proc")


@linux
def test_wall_time_processor_time_and_memory_are_told_apart() -> None:
    idle = run_to_end(["-S", "-c", "import time; time.sleep(0.3)"])
    busy = run_to_end(
        ["-S", "-c", "import time\nwhile time.process_time() < 0.3: pass\nheld = b'x' * (64 << 20)"]
    )
    assert idle.wall >= 0.3
    assert idle.processor < 0.2 < 0.3 <= busy.processor
    assert 60 < busy.peak - idle.peak < 80


@linux
def test_a_process_is_told_from_its_children() -> None:
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


def test_a_failing_process_is_an_error() -> None:
    with pytest.raises(ExportError, match=r"failed: .*no such thing"):
        run_to_end(["-S", "-c", "raise SystemExit('no such thing')"])


def test_a_server_that_does_not_start_is_an_error() -> None:
    with pytest.raises(ExportError, match="did not start"), served(["demo", "--models", "/nowhere"]):
        pass
