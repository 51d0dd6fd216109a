"""System calls of the app's processes: no outbound connection, no file but temporary ones.

Every test that serves the app runs it under `tests.support.offline`, which sees the connections that Python
opens; here strace sees files, native libraries and the decoders as well.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from gradio_client import Client, handle_file

from tests.support.detectors import leave_product_out
from tests.support.serving import served_process

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "demo" / "conformance" / "drawn-7.png"
CALLS = (
    "?connect,?sendto,?sendmsg,?open,?openat,?creat,?rename,?renameat,?renameat2,?mkdir,?mkdirat,?unlink,"
    "?unlinkat,?rmdir,?link,?linkat,?symlink,?symlinkat,?truncate,?mknod"
)
ADDRESS = re.compile(r'sin_addr=inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)"')


def strace_works() -> bool:
    """Whether there is strace, and it may trace: not in every container."""
    strace = shutil.which("strace")
    return strace is not None and subprocess.run([strace, "-o", os.devnull, "true"]).returncode == 0


traced = pytest.mark.skipif(not strace_works(), reason="needs strace, and the right to trace a process")


def outbound(trace: str) -> set[str]:
    """The addresses in a trace that are not this machine's own."""
    found = {one or other for one, other in ADDRESS.findall(trace)}
    return {each for each in found if not each.startswith("127.") and each != "::1"}


def written(trace: str, temporary: Path) -> set[str]:
    """The paths in a trace that were written or changed outside of the temporary folder."""
    found = set()
    for line in trace.splitlines():
        call = re.match(r"\d+ +([a-z0-9]+)\(", line)
        if not call or call[1] in ("connect", "sendto", "sendmsg") or " = -1 " in line:
            continue
        if call[1] in ("open", "openat") and not re.search(r"O_WRONLY|O_RDWR|O_CREAT", line):
            continue
        found |= set(re.findall(r'"([^"]*)"', line))
    allowed = ("/dev/null", "/proc/self/oom_score_adj", str(temporary))
    return {path for path in found if not path.startswith(allowed) and "__pycache__" not in path}


@contextmanager
def watched(arguments: Sequence[str], tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Run `python -m demo …` under strace, with its own home folder; yield the process and the trace."""
    home, temporary, trace = tmp_path / "home", tmp_path / "temporary", tmp_path / "trace"
    home.mkdir()
    temporary.mkdir()
    strace = ["strace", "-f", "-qq", "-s", "300", "-e", f"trace={CALLS}"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(temporary)}
    with subprocess.Popen(
        [*strace, "-o", str(trace), sys.executable, "-m", "demo", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment,
        start_new_session=True,
    ) as process:
        try:
            yield process, trace
        finally:
            # strace and what it traces.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    assert outbound(trace.read_text()) == set()
    assert written(trace.read_text(), temporary) == set()
    assert not list(home.rglob("*"))


def address_of(process: subprocess.Popen[str]) -> str:
    """Where it serves, once it does."""
    assert process.stdout is not None
    line = process.stdout.readline()
    while process.stdout.readline().find("runs on") < 0:
        assert process.poll() is None
    return line.split()[-1]


def check_by_http(address: str) -> None:
    content = PICTURE.read_bytes()
    answer = httpx.post(f"{address}v1/check", content=content, trust_env=False, timeout=60)
    assert answer.json()["digit"] == 7


@traced
def test_the_api_asks_nobody_and_writes_nothing(tmp_path: Path) -> None:
    with watched(["--device", "cpu", "--port", "0", "--api-only"], tmp_path) as (process, trace):
        check_by_http(address_of(process))
    # The decoder was traced, too: it sets this file.
    assert "/proc/self/oom_score_adj" in trace.read_text()
    assert not list((tmp_path / "temporary").iterdir())


@traced
def test_the_app_asks_nobody_and_writes_temporary_files_alone(tmp_path: Path) -> None:
    with watched(["--device", "cpu", "--port", "0"], tmp_path) as (process, trace):
        address = address_of(process)
        check_by_http(address)
        client = Client(address, verbose=False)
        assert client.predict(picture=handle_file(PICTURE), api_name="/check")["digit"] == 7
        assert len(client.predict(count=2, api_name="/generate")) == 2
        assert "Touchstone" in httpx.get(address, trust_env=False, timeout=60).text
    # The upload lay there: the trace would have shown it elsewhere.
    assert str(tmp_path / "temporary") in trace.read_text()


@traced
def test_the_command_line_asks_nobody_and_writes_nothing(tmp_path: Path) -> None:
    with watched(["check", "--device", "cpu", str(PICTURE)], tmp_path) as (process, _):
        output, errors = process.communicate(timeout=60)
        assert "7" in output, errors
    assert not list((tmp_path / "temporary").iterdir())


def test_a_fallback_is_reported_by_the_page_healthz_and_the_log(models: Path) -> None:
    leave_product_out(models)
    sentence = "discriminator is not published here; mlp_discriminator scores instead."
    with served_process("--models", str(models)) as server:
        assert sentence in server.lines[-1]
        with httpx.Client(base_url=server.address, trust_env=False, timeout=30) as client:
            assert client.get("/healthz").json()["fallbacks"] == [sentence]
            assert sentence in client.get("/").text
