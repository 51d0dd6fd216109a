"""The app that is told to end (SIGTERM): what was asked is answered, nothing is left, the exit code is 0."""

import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from demo.bounds.ending import exits_when_terminated, wait_until_quiet
from tests.support.serving import ROOT, call
from tests.support.small_server import send
from tests.tools.load import STALLS, form

LONGEST_END = 10.0


@contextmanager
def told_to_serve(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The app's process and its address; its temporary files lie in a folder."""
    command = [sys.executable, "-m", "demo", "--device", "cpu", "--port", "0"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(folder)},
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().split()[-1]
        process.stdout.readline()
        try:
            yield process, address
        finally:
            process.kill()


def ended(process: subprocess.Popen[str], told: signal.Signals) -> tuple[int, float]:
    """Exit code of a process that is told to end, and after how many seconds."""
    began = time.monotonic()
    process.send_signal(told)
    return process.wait(30), time.monotonic() - began


def checked_form(address: str, count: int) -> str:
    """The answers to a form of pictures."""
    kind = {"Content-Type": "multipart/form-data; boundary=between"}
    request = urllib.request.Request(f"{address}v1/check", form("files", count), kind)
    with urllib.request.urlopen(request, timeout=30) as response:
        return str(response.read().decode())


if os.name == "posix":

    def test_what_was_asked_is_answered_and_then_it_exits_with_0(tmp_path: Path) -> None:
        with told_to_serve(tmp_path) as (process, address), ThreadPoolExecutor(2) as threads:
            host, port = address.split("/")[2].split(":")
            beat = b"GET /gradio_api/heartbeat/somebody HTTP/1.1\r\nHost: x\r\n\r\n"
            with closing(send((host, int(port)), beat)) as page:
                assert b" 200 " in page.recv(100)
                files = threads.submit(checked_form, address, 800)
                digits = threads.submit(call, address, "generate", [3, 64, 0, None])
                time.sleep(0.3)
                assert not files.done()
                code, seconds = ended(process, signal.SIGTERM)
            assert files.result().count("verdict") >= 800
            assert "event: complete" in digits.result()
            assert (code, seconds < LONGEST_END) == (0, True)
            assert process.stderr is not None
            assert process.stderr.read() == ""
        assert list(tmp_path.iterdir()) == []

    def test_who_stalls_does_not_hold_the_end_up(tmp_path: Path) -> None:
        with told_to_serve(tmp_path) as (process, address):
            host, port = address.split("/")[2].split(":")
            held = [send((host, int(port)), content) for content in STALLS.values() for _ in range(3)]
            time.sleep(0.5)
            code, seconds = ended(process, signal.SIGTERM)
            assert (code, seconds < LONGEST_END) == (0, True)
            for each in held:
                each.close()
        assert list(tmp_path.iterdir()) == []

    def test_ctrl_c_ends_it_as_before(tmp_path: Path) -> None:
        with told_to_serve(tmp_path) as (process, address):
            with urllib.request.urlopen(f"{address}healthz", timeout=30) as response:
                assert response.status == 200
            code, seconds = ended(process, signal.SIGINT)
            assert (code, seconds < LONGEST_END) == (0, True)
        assert list(tmp_path.iterdir()) == []

    def test_within_the_signal_raises_once_and_afterwards_all_is_as_before() -> None:
        before = signal.getsignal(signal.SIGTERM)
        with pytest.raises(SystemExit) as told, exits_when_terminated():  # noqa: PT012
            try:
                signal.raise_signal(signal.SIGTERM)
            finally:
                signal.raise_signal(signal.SIGTERM)
        assert told.value.code == 0
        assert signal.getsignal(signal.SIGTERM) is before


def test_in_another_thread_no_signal_is_taken() -> None:
    def serve() -> None:
        with exits_when_terminated():
            assert signal.getsignal(signal.SIGTERM) is before

    before = signal.getsignal(signal.SIGTERM)
    with ThreadPoolExecutor(1) as threads:
        threads.submit(serve).result()


def test_it_waits_while_something_is_busy_and_no_longer_than_it_may() -> None:
    done = threading.Event()
    threading.Timer(0.4, done.set).start()
    began = time.monotonic()
    assert wait_until_quiet(lambda: not done.is_set(), 5)
    assert 0.4 <= time.monotonic() - began < 3
    assert not wait_until_quiet(lambda: True, 0.2)
