"""`POST /v1/check` of real servers: the app's and the API's own."""

import base64
import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import numpy as np
import pytest
from numpy.typing import NDArray
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from demo.api import schema, v1
from demo.api.routes import CHECK_PATH, GENERATE_PATH, OPENAPI_PATH
from demo.api.v1 import CheckEndpoint
from demo.batch.many import MOST_FILES
from demo.errors import NoRoomError
from demo.inference.engine import Engine, Scores
from export.conformance import CONFORMANCE_FOLDER
from tests.demo.test_cli import CONTRACT
from tests.support.processes import children, run_python
from tests.support.serving import served_app, served_process

FILES = sorted(path for path in CONFORMANCE_FOLDER.iterdir() if path.suffix not in (".json", ".md"))
PICTURE = CONFORMANCE_FOLDER / "drawn-7.png"
PNG = {"content-type": "image/png"}
LINUX = sys.platform == "linux"


@contextmanager
def client_of(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
        yield client


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """A client of `python -m demo --api-only`."""
    with served_app("--api-only") as address, client_of(address) as client:
        yield client


def forms(paths: list[Path]) -> list[tuple[str, tuple[str, bytes]]]:
    return [("files", (path.name, path.read_bytes())) for path in paths]


def asked(client: httpx.Client, path: Path) -> Any:
    response = client.post(CHECK_PATH, params={"file": path.name}, content=path.read_bytes(), headers=PNG)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    return response.json()


def test_every_file_gets_the_answer_of_the_command_line(client: httpx.Client, server: str) -> None:
    done = run_python("-m", "demo", "check", "--device", "cpu", "--json", *map(str, FILES))
    lines = done.stdout.splitlines()
    expected = [json.loads(line) | {"file": path.name} for line, path in zip(lines, FILES, strict=True)]
    assert (done.returncode != 0) == any(each["error"] for each in expected)
    with client_of(server) as page_client:
        for each in (client, page_client):
            assert each.post(CHECK_PATH, files=forms(FILES)).json() == expected
            # All at once, so that they share batches.
            with ThreadPoolExecutor(16) as threads:
                assert list(threads.map(partial(asked, each), FILES)) == expected


def test_an_answer_follows_its_schema(client: httpx.Client) -> None:
    answer = asked(client, PICTURE)
    assert list(answer) == CONTRACT
    jsonschema.validate(answer, schema.ANSWER)
    unnamed = client.post(CHECK_PATH, content=PICTURE.read_bytes())
    assert unnamed.json() == answer | {"file": "picture"}


def test_a_request_chooses_its_discriminator(client: httpx.Client) -> None:
    names = ("mlp_discriminator", "discriminator", "discriminator_int8")
    with ThreadPoolExecutor(8) as threads:
        ask = partial(client.post, CHECK_PATH, content=PICTURE.read_bytes())
        asked = [(name, threads.submit(ask, params={"model": name})) for name in names * 8]
        answers = [(name, each.result().json()) for name, each in asked]
    for name, answer in answers:
        assert answer["model"] == name
    assert len({answer["fake_probability"] for _, answer in answers}) == len(names)


def test_digits_are_generated_with_answers_that_check_repeats(client: httpx.Client, server: str) -> None:
    arguments = {"digit": 3, "count": 2, "seed": 7}
    with client_of(server) as page_client:
        for each in (client, page_client):
            made = each.post(GENERATE_PATH, json=arguments).json()
            jsonschema.validate(made, schema.GENERATED)
            assert [digit["digit"] for digit in made] == [3, 3]
            for digit in made:
                png = base64.b64decode(digit["png"])
                answer = each.post(CHECK_PATH, content=png, params={"file": digit["answer"]["file"]}).json()
                assert answer == digit["answer"]
    assert client.post(GENERATE_PATH, json=arguments).json() == made
    tutorial = client.post(GENERATE_PATH, params={"model": "mlp_generator"}).json()
    assert len(tutorial) == 1
    assert tutorial == client.post(GENERATE_PATH, json={"model": "mlp_generator"}).json()


@pytest.mark.parametrize(
    ("path", "options", "sentence"),
    [
        (CHECK_PATH, {"params": {"modle": "discriminator"}}, "no parameter 'modle'"),
        (CHECK_PATH, {"params": {"model": "generator"}}, "no discriminator 'generator'; choose one of"),
        (GENERATE_PATH, {"params": {"seed": 3}}, "no parameter 'seed'"),
        (GENERATE_PATH, {"json": {"seed": -1}}, "seed"),
        (GENERATE_PATH, {"json": {"digits": 3}}, "digits"),
        (GENERATE_PATH, {"json": {"digit": 3, "model": "mlp_generator"}}, "leave the digit out"),
        (GENERATE_PATH, {"json": [3]}, "must be a JSON object"),
        (GENERATE_PATH, {"content": b"{"}, "must be a JSON object"),
    ],
)
def test_what_an_address_does_not_take_is_400(
    client: httpx.Client, path: str, options: dict[str, Any], sentence: str
) -> None:
    picture: dict[str, Any] = {"content": PICTURE.read_bytes()} if path == CHECK_PATH else {}
    response = client.post(path, **picture, **options)
    assert response.status_code == 400
    assert list(response.json()) == ["error"]
    assert sentence in response.json()["error"]


def test_the_description_holds_for_the_answers_and_names_what_is_installed(
    client: httpx.Client, server: str
) -> None:
    described = client.get(OPENAPI_PATH).json()
    assert described["openapi"] == "3.1.0"
    check, generate = (described["paths"][path]["post"] for path in (CHECK_PATH, GENERATE_PATH))
    for operation, path, options in (
        (check, CHECK_PATH, {"content": PICTURE.read_bytes()}),
        (check, CHECK_PATH, {"files": forms([PICTURE])}),
        (check, CHECK_PATH, {"content": b""}),
        (check, CHECK_PATH, {"json": {}}),
        (generate, GENERATE_PATH, {}),
        (generate, GENERATE_PATH, {"json": {"count": 0}}),
    ):
        response = client.post(path, **options)
        content = operation["responses"][str(response.status_code)]["content"]
        jsonschema.validate(response.json(), content["application/json"]["schema"])
    arguments = generate["requestBody"]["content"]["application/json"]["schema"]
    jsonschema.validate({"digit": 3, "count": 4, "seed": 7, "model": "generator"}, arguments)
    for wrong in ({"digit": 10}, {"count": 0}, {"digits": 3}, {"model": "discriminator"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, arguments)
    assert check["parameters"][0]["schema"]["enum"] == [
        "discriminator",
        "discriminator_int8",
        "mlp_discriminator",
        "mlp_discriminator_int8",
    ]
    with client_of(server) as page_client:
        assert page_client.get(OPENAPI_PATH).json() == described


def test_pages_of_other_sites_may_read_the_answers_with_and_without_the_page(
    client: httpx.Client, server: str
) -> None:
    origin = {"origin": "https://example.org"}
    asking = origin | {
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type",
    }
    with client_of(server) as page_client:
        for each in (client, page_client):
            for path in (CHECK_PATH, GENERATE_PATH):
                allowed = each.options(path, headers=asking)
                assert allowed.status_code == 200
                assert allowed.headers["access-control-allow-origin"] == "*"
                assert "POST" in allowed.headers["access-control-allow-methods"]
                assert "access-control-allow-credentials" not in allowed.headers
            answers = [
                each.post(CHECK_PATH, content=PICTURE.read_bytes(), headers=origin | PNG),
                each.post(CHECK_PATH, content=b"", headers=origin | PNG),
                *(
                    each.get(path, headers=origin)
                    for path in ("/healthz", "/models/manifest.json", OPENAPI_PATH)
                ),
            ]
            assert {answer.headers["access-control-allow-origin"] for answer in answers} == {"*"}
        assert "access-control-allow-origin" not in page_client.get("/config", headers=origin).headers


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"no picture at all", "This is no picture"), (PICTURE.read_bytes()[:200], "damaged or cut short")],
    ids=["text", "cut"],
)
def test_a_bad_file_costs_its_own_answer_alone(client: httpx.Client, content: bytes, sentence: str) -> None:
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


def test_a_client_that_leaves_half_way_harms_nobody(client: httpx.Client) -> None:
    head = f"POST {CHECK_PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 5000\r\n\r\n"
    for _ in range(5):
        with socket.create_connection((client.base_url.host, client.base_url.port or 0)) as connection:
            connection.sendall(head.encode() + bytes(100))
    assert asked(client, PICTURE)["error"] is None


def test_a_failing_model_or_lack_of_room_is_503(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine.load(device="cpu", model="mlp_discriminator")

    def lost(_: NDArray[np.uint8]) -> Scores:
        raise RuntimeError("CUDA error 719 in /home/someone/secret")

    def ask() -> Any:
        # Its threads belong to one event loop.
        with closing(CheckEndpoint(engine)) as endpoint:
            client = TestClient(Starlette(routes=[Route(CHECK_PATH, endpoint)]))
            response = client.post(CHECK_PATH, content=PICTURE.read_bytes())
        assert (response.status_code, response.headers["retry-after"]) == (503, "1")
        return response

    monkeypatch.setattr(engine, "score", lost)
    response = ask()
    assert "RuntimeError" in response.json()["error"]
    assert "secret" not in response.text
    monkeypatch.setattr(v1, "preprocess", lambda *_: NoRoomError("Too many large pictures; try again."))
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
