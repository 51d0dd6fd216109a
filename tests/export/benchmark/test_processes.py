"""The cost of processes, as the part `start` measures it; servers that do not start."""

import pytest

from export.benchmark.processes import KNOWN, served
from export.benchmark.start import run_to_end
from export.errors import ExportError


@pytest.mark.skipif(not KNOWN, reason="needs Linux's /proc")
def test_wall_time_processor_time_and_memory_are_told_apart() -> None:
    idle = run_to_end(["-S", "-c", "import time; time.sleep(0.3)"])
    busy = run_to_end(
        ["-S", "-c", "import time\nwhile time.process_time() < 0.3: pass\nheld = b'x' * (64 << 20)"]
    )
    assert idle.wall >= 0.3
    assert idle.processor < 0.2 < 0.3 <= busy.processor
    assert 60 < busy.peak - idle.peak < 80


def test_a_failing_process_is_an_error() -> None:
    with pytest.raises(ExportError, match=r"failed: .*no such thing"):
        run_to_end(["-S", "-c", "raise SystemExit('no such thing')"])


def test_a_server_that_does_not_start_is_an_error() -> None:
    with pytest.raises(ExportError, match="did not start"), served(["demo", "--models", "/nowhere"]):
        pass
