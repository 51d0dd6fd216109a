"""The real app on a free port, in a process of its own."""

import json
import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@contextmanager
def served_app(*options: str) -> Iterator[str]:
    """Run `python -m demo` with options and yield its address."""
    with served_lines(*options) as lines:
        yield lines[0].split()[-1]


@contextmanager
def served_lines(*options: str) -> Iterator[list[str]]:
    """Run `python -m demo` with options and yield the lines it prints when it is ready."""
    with served_process(*options) as (lines, _):
        yield lines


@contextmanager
def served_process(*options: str) -> Iterator[tuple[list[str], subprocess.Popen[str]]]:
    """Run `python -m demo` with options; yield the lines it prints when it is ready, and its process.

    The process ends, and tests that use it fail, when it contacts another machine (`tests.support.offline`).
    """
    command = [sys.executable, "-m", "tests.support.offline", "--device", "cpu", "--port", "0", *options]
    with (
        # Uploads lie there; a killed process cannot remove them itself.
        tempfile.TemporaryDirectory() as temporary,
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=os.environ | {"TMPDIR": temporary},
        ) as process,
    ):
        assert process.stdout is not None
        assert process.stderr is not None
        lines: list[str] = []
        # The last line names the device.
        while not lines or "runs on" not in lines[-1]:
            lines.append(process.stdout.readline().rstrip())
            if not lines[-1]:
                process.kill()
                raise RuntimeError(f"The app did not start: {process.stderr.read()}")
        try:
            yield lines, process
        finally:
            process.kill()


def call(server: str, endpoint: str, data: list[Any]) -> str:
    """Call an endpoint by plain HTTP; return the event stream with the answer, or the refusal, as text."""
    address = f"{server}gradio_api/call/{endpoint}"
    body = json.dumps({"data": data}).encode()
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            event = json.load(response)["event_id"]
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.read().decode()
    with urllib.request.urlopen(f"{address}/{event}", timeout=30) as response:
        return str(response.read().decode())
