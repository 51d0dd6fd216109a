"""The limits of a worker hold for any program."""

import sys

import pytest

from tests.support.processes import run_python


@pytest.mark.skipif(sys.platform != "linux", reason="other systems offer fewer limits")
def test_a_worker_reaches_nothing() -> None:
    """No file, socket, pipe or program, and no child of it either; nothing it wrote can stay."""
    program = """
import os, socket, subprocess, sys
from demo.decoder.worker import limit_process
limit_process()
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
    result = run_python("-c", program)
    assert result.stdout.split() == ["refused"] * 14
