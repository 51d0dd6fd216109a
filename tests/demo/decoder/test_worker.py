"""The limits of a worker hold for any program."""

import contextlib
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from demo.decoder.limits import Outcome
from demo.decoder.worker import RefusedError, time_limit

ROOT = Path(__file__).parents[3]
POSIX = hasattr(signal, "setitimer")


def busy(seconds: float) -> None:
    """Use processor time, and catch every Exception, as decoders do."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        with contextlib.suppress(Exception):
            sum(range(1000))


if POSIX:

    def test_a_step_that_takes_too_long_is_ended() -> None:
        with pytest.raises(RefusedError) as refusal, time_limit(0.05, Outcome.TOO_MUCH_WORK):
            busy(5)
        assert refusal.value.outcome is Outcome.TOO_MUCH_WORK
        # Afterwards the timer is off.
        with time_limit(5, Outcome.TOO_MUCH_WORK):
            busy(0.01)
        busy(0.1)


if sys.platform == "linux":

    def test_a_worker_reaches_nothing() -> None:
        """No file, socket, pipe or program, and no child of it either; nothing it wrote can stay."""
        program = """
import os, socket, subprocess, sys
from demo.decoder.limits import limit_next_request, limit_process
limit_process(); limit_next_request()
def spawned():
    child = os.posix_spawn("/bin/true", ["true"], {})
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]): raise OSError
def forked():
    child = os.fork()
    if child == 0:
        try: socket.socket()
        except OSError: os._exit(1)
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]): raise OSError
for attempt in (
    lambda: open("/etc/passwd"), lambda: open("/tmp/escaped", "w"), lambda: os.listdir("/"),
    lambda: socket.socket(), lambda: socket.socket(socket.AF_UNIX), socket.socketpair,
    lambda: socket.create_connection(("127.0.0.1", 80)), lambda: socket.getaddrinfo("example.org", 80),
    os.pipe, lambda: os.dup(1), lambda: subprocess.run(["/bin/true"]),
    spawned, forked, lambda: bytearray(3 << 30),
):
    try:
        attempt()
        print("done")
    except (OSError, MemoryError):
        print("refused")
"""
        result = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
        )
        assert result.stdout.split() == ["refused"] * 14

    def test_a_worker_that_computes_for_ever_is_ended_by_the_system() -> None:
        program = (
            "import demo.decoder.limits; demo.decoder.limits.CPU_SECONDS = 1\n"
            "demo.decoder.limits.limit_process(); demo.decoder.limits.limit_next_request()\n"
            "while True: pass\n"
        )
        result = subprocess.run([sys.executable, "-c", program], check=False, cwd=ROOT, timeout=60)
        assert result.returncode < 0
