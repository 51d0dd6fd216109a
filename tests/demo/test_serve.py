"""The served app: addresses, printed lines, `GET /healthz`, the API alone, and how both end."""

import errno
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import Mock

import httpx
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from demo.api.health import health_route
from demo.api.network import listen, local_url, network_url
from demo.api.routes import HEALTH_PATH
from demo.api.schema import API_VERSION
from demo.contract import VERSION
from demo.errors import MODEL_UNAVAILABLE, DemoError
from demo.inference.engine import MODELS_FOLDER, Engine
from demo.serve import serve
from tests.support.serving import ROOT, call, served_process
from tests.tools.load import PICTURE

EVERY_IPV4 = "0.0.0.0"  # noqa: S104 - the tests are about it


def test_a_host_of_another_machine_is_one_clear_line(engine: Engine) -> None:
    with pytest.raises(DemoError, match=r"192\.0\.2\.1"):
        serve(engine, "192.0.2.1", None)


def test_without_ipv6_its_addresses_are_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    unsupported = OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
    monkeypatch.setattr(socket, "socket", Mock(side_effect=unsupported))
    with pytest.raises(DemoError, match=r"Cannot listen on ::1.*not supported"):
        listen("::1", None)


def test_without_its_library_mcp_is_one_clear_line(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mcp", None)
    with pytest.raises(DemoError, match=r'pip install "\.\[mcp\]"') as refusal:
        serve(engine, "127.0.0.1", 0, mcp=True)
    assert "\n" not in str(refusal.value)


def test_answers_leave_at_once_on_a_kept_connection() -> None:
    with (
        listen("127.0.0.1", 0) as server,
        socket.create_connection(server.getsockname()),
        server.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_addresses_for_this_machine_and_for_others() -> None:
    assert local_url("fd00::2", 7860) == "http://[fd00::2]:7860/"
    assert local_url("192.0.2.7", 7860) == "http://192.0.2.7:7860/"
    assert local_url(EVERY_IPV4, 7860) == "http://localhost:7860/"
    for host in ("127.0.0.1", "::1", "localhost"):
        assert network_url(host, 7860) is None


def test_on_every_address_it_prints_the_one_for_others_and_answers_there() -> None:
    with served_process("--host", EVERY_IPV4) as server:
        lines = server.lines
        assert re.fullmatch(r"Touchstone is at http://localhost:\d+/", lines[0])
        # Only `--mcp` opens it.
        assert httpx.get(f"{server.address}mcp", trust_env=False).status_code == 404
        if network_url(EVERY_IPV4, 0) is None:
            pytest.skip("this machine has no network")
        assert re.fullmatch(r"Others on your network: http://[\d.]+:\d+/", lines[1])
        assert "camera" in lines[2]
        assert "Touchstone" in httpx.get(lines[1].split()[-1], trust_env=False, timeout=30).text


def test_healthz_of_a_served_app(server: str) -> None:
    response = httpx.get(f"{server}healthz", trust_env=False, timeout=30)
    state = response.json()
    assert response.status_code == 200
    # A self-test counts for a while.
    assert httpx.get(f"{server}healthz", trust_env=False, timeout=30).json() == state
    assert (state["status"], state["version"], state["api_version"]) == ("serving", VERSION, API_VERSION)
    assert (state["model"], state["provider"]) == ("discriminator", "CPUExecutionProvider")
    assert state["error"] is None
    published = json.loads((MODELS_FOLDER / "manifest.json").read_text())["files"]
    ran = {
        name.removesuffix(".onnx")
        for name, entry in published.items()
        if name.endswith(".onnx") and "variant_of" not in entry
    }
    assert set(state["models"]) == ran - {"discriminator_from_image"}
    for name, described in state["models"].items():
        assert described["sha256"] == published[f"{name}.onnx"]["sha256"]
        assert re.fullmatch(r"\d+\.\d+\.\d+", described["version"])
    assert state["self_test"]["passed"] is True
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", state["self_test"]["at"])
    assert state["self_test"]["seconds"] > 0


@pytest.mark.parametrize("damage", ["altered", "missing"])
def test_healthz_says_that_a_model_is_damaged_and_the_log_which(
    models: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    engine = Engine.load(models, "cpu")
    path = models / "mlp_history.onnx"
    path.rename(path.with_suffix(".away"))
    if damage == "altered":
        path.write_bytes(b"another file")
    with TestClient(Starlette(routes=[health_route(engine, engine.models)])) as client:
        response = client.get(HEALTH_PATH)
    state = response.json()
    assert response.status_code == 503
    assert (state["status"], state["self_test"]["passed"]) == ("failing", False)
    assert state["error"] == MODEL_UNAVAILABLE
    assert str(models) not in response.text
    assert "mlp_history.onnx" in caplog.text
    assert (str(models) in caplog.text) == (damage == "missing")


def test_the_api_alone_says_where_it_is_and_serves_no_page() -> None:
    with served_process("--api-only", "--host", EVERY_IPV4) as server:
        address = server.lines[0].removeprefix("Touchstone is at ")
        assert address.startswith("http://localhost:")
        assert server.lines[-2] == f"It has no page; send pictures to {address}v1/check"
        with httpx.Client(base_url=address, trust_env=False, timeout=60) as client:
            state = client.get("/healthz").json()
            assert state["status"] == "serving"
            assert set(state["models"]) == {"normalizer", "discriminator"}
            published = client.get("/models/manifest.json")
            assert published.content == (MODELS_FOLDER / "manifest.json").read_bytes()
            assert published.headers["x-content-type-options"] == "nosniff"
            for path in ("/models/nothing.onnx", "/", "/gradio_api/info"):
                refused = client.get(path)
                assert refused.status_code == 404
                assert "script-src 'self'" in refused.headers["content-security-policy"]


def test_the_api_alone_needs_neither_gradio_nor_torch(tmp_path: Path) -> None:
    """It answers where they, and what comes with them, cannot be imported."""
    for name in ("gradio", "gradio_client", "torch", "fastapi", "pandas", "httpx"):
        (tmp_path / f"{name}.py").write_text("raise ImportError")
    with served_process("--api-only", PYTHONPATH=str(tmp_path)) as server:
        assert [each["digit"] for each in json.loads(checked_form(server.address, 2))] == [7, 7]


def checked_form(address: str, count: int) -> str:
    """Return the answers to a form of pictures."""
    files = [("files", ("7.png", PICTURE))] * count
    return httpx.post(f"{address}v1/check", files=files, trust_env=False, timeout=60).text


if os.name == "posix":

    @pytest.mark.parametrize("options", [[], ["--api-only"]], ids=["page", "api"])
    @pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
    def test_a_signal_ends_it_once_requests_are_answered(
        tmp_path: Path, options: list[str], number: signal.Signals, code: int
    ) -> None:
        command = [sys.executable, "-m", "demo", "--device", "cpu", "--port", "0", *options]
        with (
            subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                cwd=ROOT,
                env=os.environ | {"TMPDIR": str(tmp_path)},
                # A test run in the background of a shell ignores SIGINT, and its children would, too.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            ) as process,
            ThreadPoolExecutor(2) as threads,
            ExitStack() as pages,
        ):
            assert process.stdout is not None
            assert process.stderr is not None
            address = process.stdout.readline().split()[-1]
            while "runs on" not in process.stdout.readline():
                assert process.poll() is None
            if not options:
                heartbeat = httpx.stream(
                    "GET", f"{address}gradio_api/heartbeat/x", trust_env=False, timeout=30
                )
                assert pages.enter_context(heartbeat).status_code == 200
            files = threads.submit(checked_form, address, 32)
            digits = None if options else threads.submit(call, address, "generate", [3, 8, 0, None])
            time.sleep(1)
            process.send_signal(number)
            assert files.result().count("verdict") == 32
            assert digits is None or "event: complete" in digits.result()
            # The decoders hold the same pipe for errors: it closes when they are gone, too.
            assert process.stderr.read() == ""
            assert process.wait(30) == code
        assert list(tmp_path.iterdir()) == []
        with pytest.raises(OSError):  # noqa: PT011 - refused, or reset
            urllib.request.urlopen(address, timeout=5)
