"""Where the app listens, what it prints, and `GET /healthz`."""

import json
import re
import shutil
import socket
import sys
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from demo.api.health import HEALTH_PATH, Health, health_route
from demo.api.network import network_address, url
from demo.api.schema import API_VERSION
from demo.contract import VERSION
from demo.errors import DemoError, ModelError, UsageError
from demo.inference.engine import MODELS_FOLDER, Engine
from demo.serve import serve, uploads_folder
from tests.support.serving import served_lines

EVERY_IPV4 = "0.0.0.0"  # noqa: S104 - the tests are about it


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A copy of the committed models, to be damaged."""
    return Path(shutil.copytree(MODELS_FOLDER, tmp_path / "models"))


def test_a_port_in_use_is_one_clear_line(engine: Engine) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(DemoError, match=f"port {port}.*--port") as refusal:
            serve(engine, "127.0.0.1", port)
    assert "\n" not in str(refusal.value)


def test_a_host_of_another_machine_is_one_clear_line(engine: Engine) -> None:
    with pytest.raises(DemoError, match=r"192\.0\.2\.1"):
        serve(engine, "192.0.2.1", None)


def test_without_its_library_mcp_is_one_clear_line(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mcp", None)
    with pytest.raises(DemoError, match=r'pip install "\.\[mcp\]"') as refusal:
        serve(engine, "127.0.0.1", 0, mcp=True)
    assert "\n" not in str(refusal.value)


def test_the_network_address_is_one_of_this_machine_s() -> None:
    for host, family in ((EVERY_IPV4, socket.AF_INET), ("::", socket.AF_INET6)):
        address = network_address(host)
        if address is None:  # no such network here
            continue
        # Only an address of one's own can be bound.
        with closing(socket.socket(family, socket.SOCK_STREAM)) as own:
            own.bind((address, 0))
        assert address not in (host, "127.0.0.1", "::1")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_this_machine_alone_has_no_network_address(host: str) -> None:
    assert network_address(host) is None


def test_an_address_of_version_6_stands_in_brackets() -> None:
    assert url("fd00::2", 7860) == "http://[fd00::2]:7860/"
    assert url("192.0.2.7", 7860) == "http://192.0.2.7:7860/"


def test_on_every_address_it_prints_the_one_for_others_and_answers_there() -> None:
    with served_lines("--host", EVERY_IPV4) as lines:
        assert re.fullmatch(r"Touchstone is at http://localhost:\d+/", lines[0])
        if (address := network_address(EVERY_IPV4)) is None:
            pytest.skip("this machine has no network")
        assert lines[1].startswith(f"Others on your network: http://{address}:")
        assert "camera" in lines[2]
        with urllib.request.urlopen(lines[1].split()[-1], timeout=30) as response:
            assert "Touchstone" in response.read().decode()


def test_healthz_of_a_served_app(server: str) -> None:
    with urllib.request.urlopen(f"{server}healthz", timeout=30) as response:
        assert response.status == 200
        assert response.headers["content-type"] == "application/json"
        state = json.load(response)
    assert (state["status"], state["version"], state["api_version"]) == ("serving", VERSION, API_VERSION)
    assert (state["model"], state["provider"], state["error"]) == (
        "discriminator",
        "CPUExecutionProvider",
        None,
    )
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
    with TestClient(Starlette(routes=[health_route(engine)])) as client:
        response = client.get(HEALTH_PATH)
    state = response.json()
    assert response.status_code == 503
    assert (state["status"], state["self_test"]["passed"]) == ("failing", False)
    assert state["error"] == ModelError("").public
    assert str(models) not in response.text
    assert "mlp_history.onnx" in caplog.text
    assert (str(models) in caplog.text) == (damage == "missing")


def test_a_self_test_counts_for_a_while(engine: Engine) -> None:
    health = Health(engine)
    assert health.state() is health.state()


def test_uploads_lie_in_a_folder_of_their_own_within_the_one_that_is_given(tmp_path: Path) -> None:
    others = tmp_path / "another-app.png"
    others.write_bytes(b"not ours")
    with uploads_folder(str(tmp_path)) as uploads:
        assert Path(uploads).parent == tmp_path
    assert list(tmp_path.iterdir()) == [others]
    with uploads_folder(str(tmp_path / "new")) as uploads:
        assert Path(uploads).parent == tmp_path / "new"
    with pytest.raises(UsageError, match=r"GRADIO_TEMP_DIR .* cannot be written"):
        uploads_folder(str(others))
