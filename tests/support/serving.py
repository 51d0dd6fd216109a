"""The real app on a free port, in a process of its own."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from export.benchmark.servers import Server, running

ROOT = Path(__file__).parents[2]


@contextmanager
def served_process(*options: str, **environment: str) -> Iterator[Server]:
    """Run `python -m demo` with options, without MNIST unless `TOUCHSTONE_DATA` is given; yield its server.

    The process ends, and tests that use it fail, when it contacts another machine (`tests.support.offline`).
    """
    command = ["tests.support.offline", "--device", "cpu", "--port", "0", *options]
    without = {"TOUCHSTONE_DATA": "/nonexistent", "XDG_CACHE_HOME": "/nonexistent"}
    with running(command, ROOT, **(without | environment)) as server:
        yield server


@contextmanager
def served_app(*options: str, **environment: str) -> Iterator[str]:
    """Do the same, and yield its address."""
    with served_process(*options, **environment) as server:
        yield server.address


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
