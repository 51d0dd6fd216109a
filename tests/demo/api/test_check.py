"""`POST /v1/check` of real servers: the app's and the API's own."""

import io
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import jsonschema
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from demo.api import check, schema
from demo.api.check import CheckEndpoint, check_route
from demo.api.routes import CHECK_PATH
from demo.batch.many import MOST_FILES
from demo.errors import NoRoomError
from demo.inference.engine import Engine, Scores
from export.benchmark.processes import children
from export.conformance import CONFORMANCE_FOLDER
from tests.demo.test_cli import CONTRACT
from tests.support.serving import served_app, served_process

FILES = sorted(path for path in CONFORMANCE_FOLDER.iterdir() if path.suffix not in (".json", ".md"))
PICTURE = CONFORMANCE_FOLDER / "drawn-7.png"
PNG = {"content-type": "image/png"}
LINUX = sys.platform == "linux"


@pytest.fixture(scope="module")
def api() -> Iterator[str]:
    """The address of `python -m demo --api-only`."""
    with served_app("--api-only") as address:
        yield address


@contextmanager
def client_of(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
        yield client


@pytest.fixture
def client(api: str) -> Iterator[httpx.Client]:
    with client_of(api) as client:
        yield client


def forms(paths: list[Path]) -> list[tuple[str, tuple[str, bytes]]]:
    return [("files", (path.name, path.read_bytes())) for path in paths]


def asked(client: httpx.Client, path: Path) -> Any:
    response = client.post(CHECK_PATH, params={"file": path.name}, content=path.read_bytes(), headers=PNG)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    return response.json()


@pytest.fixture(scope="module")
def expected() -> list[dict[str, Any]]:
    """The command line's answers for every file of the pack."""
    command = [sys.executable, "-m", "demo", "check", "--device", "cpu", "--json", *map(str, FILES)]
    root = Path(__file__).parents[3]
    output = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root).stdout
    return [
        json.loads(line) | {"file": path.name} for line, path in zip(output.splitlines(), FILES, strict=True)
    ]


@pytest.mark.parametrize("app", ["server", "api"])
def test_every_file_gets_the_answer_of_the_command_line(
    app: str, expected: list[dict[str, Any]], request: pytest.FixtureRequest
) -> None:
    with client_of(request.getfixturevalue(app)) as client:
        assert [asked(client, path) for path in FILES] == expected
        together = client.post(CHECK_PATH, files=forms(FILES))
        assert together.json() == expected
        # All at once, so that they share batches.
        with ThreadPoolExecutor(16) as threads:
            assert list(threads.map(lambda path: asked(client, path), FILES)) == expected


def test_an_answer_follows_its_schema(client: httpx.Client) -> None:
    answer = asked(client, PICTURE)
    assert list(answer) == CONTRACT
    jsonschema.validate(answer, schema.ANSWER)
    unnamed = client.post(CHECK_PATH, content=PICTURE.read_bytes())
    assert unnamed.json() == answer | {"file": "picture"}


def large_png(width: int, height: int) -> bytes:
    stream = io.BytesIO()
    Image.new("L", (width, height)).save(stream, "PNG")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"no picture at all", "This is no picture"),
        (PICTURE.read_bytes()[:200], "damaged or cut short"),
        (large_png(9000, 9000), "pixels; make it smaller"),
    ],
    ids=["text", "cut", "bomb"],
)
def test_a_hostile_file_costs_its_own_answer_alone(
    client: httpx.Client, content: bytes, sentence: str
) -> None:
    alone = client.post(CHECK_PATH, content=content, headers=PNG)
    assert alone.status_code == 200
    assert sentence in alone.json()["error"]
    good = ("files", (PICTURE.name, PICTURE.read_bytes()))
    first, bad, last = client.post(CHECK_PATH, files=[good, ("files", ("bad.png", content)), good]).json()
    assert first == last == asked(client, PICTURE)
    assert bad == alone.json() | {"file": "bad.png"}
    assert {name for name, value in bad.items() if value is not None} == {"file", "error"}


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"json": {"picture": "7.png"}}, 415),
        ({"content": b""}, 400),
        ({"content": b"--x", "headers": {"content-type": "multipart/form-data; boundary=x"}}, 400),
        ({"content": bytes((32 << 20) + 1), "headers": PNG}, 413),
        ({"content": (bytes(1 << 20) for _ in range(40)), "headers": PNG}, 413),
        ({"files": [("files", ("x.png", bytes((32 << 20) + 1)))]}, 413),
        ({"files": [("files", (f"{index}.png", bytes(31 << 20))) for index in range(3)]}, 413),
        ({"files": [("files", ("x.png", b"x"))] * (MOST_FILES + 1)}, 413),
    ],
    ids=["json", "nothing", "broken", "large", "unending", "large file", "total", "many"],
)
def test_a_refusal_is_one_sentence(client: httpx.Client, options: dict[str, Any], status: int) -> None:
    response = client.post(CHECK_PATH, **options)
    assert response.status_code == status
    assert list(response.json()) == ["error"]
    sentence = response.json()["error"]
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert asked(client, PICTURE)["error"] is None


def test_a_client_that_leaves_half_way_harms_nobody(client: httpx.Client, api: str) -> None:
    url = urlsplit(api)
    head = f"POST {CHECK_PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 5000\r\n\r\n"
    for _ in range(5):
        with socket.create_connection((str(url.hostname), url.port or 0)) as connection:
            connection.sendall(head.encode() + bytes(100))
    assert asked(client, PICTURE)["error"] is None


def test_a_failing_model_or_lack_of_room_is_503(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine.load(device="cpu", model="mlp_discriminator")

    def lost(_: NDArray[np.uint8]) -> Scores:
        raise RuntimeError("CUDA error 719 in /home/someone/secret")

    def ask() -> Any:
        # Its threads belong to one event loop.
        with closing(CheckEndpoint(engine)) as endpoint:
            client = TestClient(Starlette(routes=[check_route(endpoint)]))
            response = client.post(CHECK_PATH, content=PICTURE.read_bytes())
        assert (response.status_code, response.headers["retry-after"]) == (503, "1")
        return response

    monkeypatch.setattr(engine, "score", lost)
    response = ask()
    assert "RuntimeError" in response.json()["error"]
    assert "secret" not in response.text
    monkeypatch.setattr(check, "preprocess", lambda *_: NoRoomError("Too many large pictures; try again."))
    assert ask().json() == {"error": "Too many large pictures; try again."}


if LINUX:

    def test_while_decoders_hang_others_are_served() -> None:
        many = [("files", (f"{index}.png", b"no picture")) for index in range(64)]
        with served_process("--api-only") as server, client_of(server.address) as client:
            # Several pictures, so that every decoder runs.
            assert client.post(CHECK_PATH, files=many).status_code == 200
            decoders = children(server.pid)
            assert decoders
            for decoder in decoders:
                os.kill(decoder, signal.SIGSTOP)
            with ThreadPoolExecutor(1) as thread:
                sent = thread.submit(client.post, CHECK_PATH, files=many)
                assert client.get("/healthz").status_code == 200
                assert client.get("/models/manifest.json").status_code == 200
                assert not sent.done()
                for decoder in decoders:
                    os.kill(decoder, signal.SIGCONT)
                assert sent.result().status_code == 200
