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
    """Start `python -m demo` with options and give its address; stop it afterwards."""
    with served_lines(*options) as lines:
        yield lines[0].split()[-1]


@contextmanager
def served_lines(*options: str) -> Iterator[list[str]]:
    """Start `python -m demo` with options and give the lines it prints once it serves; stop it afterwards."""
    with served_process(*options) as (lines, _):
        yield lines


@contextmanager
def served_process(*options: str) -> Iterator[tuple[list[str], subprocess.Popen[str]]]:
    """The lines that `python -m demo` prints once it serves, and its process; it is stopped afterwards.

    It ends, and with it every test that uses it, where it asks anything of another machine.
    """
    command = [sys.executable, "-m", "tests.support.offline", "--device", "cpu", "--port", "0", *options]
    with (
        # What it is sent lies there; killed, it cannot clear that away itself.
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
        # The last line says which device runs.
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
    """The event stream that answers one call made by plain HTTP, as text; or why it is refused."""
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
