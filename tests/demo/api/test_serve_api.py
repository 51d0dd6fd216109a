"""`python -m demo --api-only`: what it answers, what it does not import, how it ends."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import httpx
import pytest

from demo.inference.engine import MODELS_FOLDER
from tests.support.serving import served_lines

ROOT = Path(__file__).parents[3]
COMMAND = ["--api-only", "--device", "cpu", "--model", "mlp_discriminator", "--port", "0"]


def test_it_says_where_it_is_and_serves_what_it_should() -> None:
    with served_lines("--api-only", "--host", "0.0.0.0") as lines:  # noqa: S104
        address = lines[0].removeprefix("Touchstone is at ")
        assert address.startswith("http://localhost:")
        assert lines[-2] == f"It has no page; send pictures to {address}v1/check"
        with httpx.Client(base_url=address, trust_env=False, timeout=60) as client:
            state = client.get("/healthz").json()
            assert state["status"] == "serving"
            assert set(state["models"]) == {"normalizer", "discriminator"}
            published = client.get("/models/manifest.json")
            assert published.content == (MODELS_FOLDER / "manifest.json").read_bytes()
            assert client.get("/models/nothing.onnx").status_code == 404
            assert client.get("/").status_code == 404
            assert client.get("/gradio_api/info").status_code == 404


def test_neither_gradio_nor_torch_is_imported() -> None:
    """In the very process that serves, after an answer, and where gradio could not be imported."""
    program = f"""
import json, sys, threading, urllib.request
sys.modules["gradio"] = sys.modules["torch"] = None
from demo.api import serve_api
from demo.cli import main

class Server(serve_api.uvicorn.Server):
    async def startup(self, sockets):
        await super().startup(sockets)
        threading.Thread(target=ask, args=[self, sockets[0].getsockname()[1]]).start()

def ask(server, port):
    content = open("demo/conformance/drawn-7.png", "rb").read()
    headers = {{"Content-Type": "image/png"}}
    request = urllib.request.Request(f"http://127.0.0.1:{{port}}/v1/check", content, headers)
    with urllib.request.urlopen(request, timeout=60) as response:
        verdict = json.load(response)["verdict"]
    loaded = sorted({{name.split(".")[0] for name, module in sys.modules.items() if module is not None}})
    print(json.dumps([verdict, loaded]), flush=True)
    server.should_exit = True

serve_api.uvicorn.Server = Server
sys.exit(main({COMMAND!r}))
"""
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert result.returncode == 0, result.stderr
    verdict, loaded = json.loads(result.stdout.splitlines()[-1])
    assert verdict in ("real", "fake")
    assert "uvicorn" in loaded
    assert not {"gradio", "gradio_client", "torch", "fastapi", "pandas", "httpx"} & set(loaded)


if os.name == "posix":

    @pytest.mark.parametrize(("told", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
    def test_it_ends_when_it_is_told_and_leaves_nothing_behind(told: signal.Signals, code: int) -> None:
        with subprocess.Popen(
            [sys.executable, "-m", "demo", *COMMAND],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            lines = [process.stdout.readline() for _ in range(3)]
            content = (ROOT / "demo" / "conformance" / "drawn-7.png").read_bytes()
            address = f"{lines[0].split()[-1]}v1/check"
            with urllib.request.urlopen(
                urllib.request.Request(address, content, {"Content-Type": "image/png"}), timeout=60
            ) as response:
                assert response.status == 200
            process.send_signal(told)
            # Its decoders hold the same pipe for errors: it closes when they are gone, too.
            assert process.stderr.read() == ""
            assert process.wait(20) == code
        with pytest.raises(OSError):  # noqa: PT011 - refused, or reset
            urllib.request.urlopen(address, timeout=5)


def test_a_page_and_none_exclude_each_other() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "demo", "--api-only", "--mcp"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert result.returncode == 2
    assert "not allowed with" in result.stderr
