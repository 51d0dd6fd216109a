"""The real app on a free port, in a process of its own."""

import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from export.benchmark.harness import ROOT
from export.benchmark.servers import running

__all__ = ["ROOT", "call", "served_app", "served_lines", "served_process"]


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


def served_process(*options: str) -> AbstractContextManager[tuple[list[str], subprocess.Popen[str]]]:
    """Run `python -m demo` with options; yield the lines it prints when it is ready, and its process.

    The process ends, and tests that use it fail, when it contacts another machine (`tests.support.offline`).
    """
    return running(["tests.support.offline", "--device", "cpu", "--port", "0", *options])


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
