"""The environment of the process: no telemetry, a folder for temporary files, and available cores."""

import contextlib
import math
import os
import tempfile
from pathlib import Path
from typing import Final

from demo.errors import UsageError

SWITCHES: Final = {
    "DO_NOT_TRACK": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "ORT_DISABLE_TELEMETRY": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
}
"""The environment variables that disable each library's telemetry."""


CPU_LIMIT: Final = Path("/sys/fs/cgroup/cpu.max")
"""Microseconds of all cores together in a period, `max` without a limit, and the period's."""


def disable_telemetry() -> None:
    """Disable telemetry in all libraries; call it before they are imported, because some read it then."""
    os.environ.update(SWITCHES)


def available_cores() -> int:
    """Return how many cores this process may use; `os.cpu_count` ignores the limits of a container.

    A container's limit is a set of cores, or a share of the time of all: https://docs.kernel.org/admin-guide/
    cgroup-v2.html, `cpu.max`.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError):
        quota, period = map(int, CPU_LIMIT.read_text().split())
        cores = min(cores, math.ceil(quota / period))
    return cores


def check_temporary_folder() -> None:
    """Raise UsageError if the folder in `TMPDIR`, or every usual folder without it, cannot be written."""
    named = os.environ.get("TMPDIR")
    try:
        # Where no usual folder can be written, Python falls back to the working folder.
        if not named and Path(tempfile.gettempdir()).resolve() == Path.cwd().resolve():
            raise FileNotFoundError("none of the usual ones can be written")
        with tempfile.TemporaryFile(dir=named) as probe:
            probe.write(b" ")
    except OSError as error:
        where = f"TMPDIR ({named})" if named else "There is no temporary folder; its usual place"
        raise UsageError(
            f"{where} cannot be written ({error.strerror or error}); name a writable folder with TMPDIR."
        ) from error
