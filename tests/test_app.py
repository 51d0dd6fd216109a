"""The app end to end: a real server, asked through its API and through a real browser."""

import base64
import io
import json
import re
import socket
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from demo.app import serve
from demo.check import check_bytes
from demo.errors import DemoError
from demo.runtime import Engine
from tests.driving import picture_bytes
from tests.test_cli import CONTRACT

NOT_A_PICTURE = b"not a picture"


@pytest.fixture(scope="module")
def client(server: str) -> Client:
    return Client(server, verbose=False)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "seven.png"
    path.write_bytes(picture_bytes())
    return path


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    path = tmp_path / "broken.png"
    path.write_bytes(NOT_A_PICTURE)
    return path


def call(server: str, endpoint: str, data: list[Any]) -> str:
    """The event stream that answers one call made by plain HTTP, as text."""
    address = f"{server}gradio_api/call/{endpoint}"
    body = json.dumps({"data": data}).encode()
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as response:
        event = json.load(response)["event_id"]
    with urllib.request.urlopen(f"{address}/{event}", timeout=30) as response:
        return str(response.read().decode())


def test_four_endpoints_are_documented(client: Client) -> None:
    documented = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert sorted(documented) == ["/check", "/check_many", "/generate", "/history"]
    for endpoint, parameters in {
        "/check": ["picture"],
        "/check_many": ["pictures"],
        "/generate": ["digit", "count", "seed", "model"],
        "/history": ["picture"],
    }.items():
        assert [each["parameter_name"] for each in documented[endpoint]["parameters"]] == parameters
        assert documented[endpoint]["description"]


def test_check_gives_the_engine_s_own_answer(client: Client, engine: Engine, picture: Path) -> None:
    answer = client.predict(picture=handle_file(picture), api_name="/check")
    assert list(answer) == CONTRACT
    assert answer == check_bytes(engine, "seven.png", picture.read_bytes()).answer.as_dict()
    assert answer["model"] == "discriminator"
    assert answer["digit"] in range(10)
    assert 0.1 <= answer["digit_probability"] <= 1


def test_check_many_answers_in_order_and_survives_a_bad_file(
    client: Client, picture: Path, broken: Path
) -> None:
    files = [handle_file(path) for path in (picture, broken, picture)]
    first, bad, last = client.predict(pictures=files, api_name="/check_many")
    assert first == last == client.predict(picture=handle_file(picture), api_name="/check")
    assert {key for key in CONTRACT if bad[key] is not None} == {"file", "error"}
    assert bad["file"] == "broken.png"


def test_a_generated_digit_scores_the_same_once_saved(client: Client, tmp_path: Path) -> None:
    made = client.predict(count=3, seed=11, api_name="/generate")
    assert len(made) == 3
    for each in made:
        path = tmp_path / each["answer"]["file"]
        path.write_bytes(base64.b64decode(each["png"], validate=True))
        assert client.predict(picture=handle_file(path), api_name="/check") == each["answer"]
    assert client.predict(count=3, seed=11, api_name="/generate") == made
    assert client.predict(count=3, seed=12, api_name="/generate") != made


def test_the_digit_can_be_chosen(client: Client, engine: Engine) -> None:
    made = client.predict(digit=3, count=2, seed=11, model="generator", api_name="/generate")
    assert [each["digit"] for each in made] == [3, 3]
    names = [each["answer"]["file"] for each in made]
    assert names == ["generator-digit-3-11-0.png", "generator-digit-3-11-1.png"]
    for each, expected in zip(made, engine.generate("generator", 2, 11, 3), strict=True):
        picture = Image.open(io.BytesIO(base64.b64decode(each["png"])))
        assert np.array_equal(np.asarray(picture), expected)
    # Without a name it is the generator that can choose.
    assert client.predict(digit=3, count=2, seed=11, api_name="/generate") == made


def test_a_digit_left_open_is_null(client: Client) -> None:
    for model in ("generator", "mlp_generator"):
        (made,) = client.predict(model=model, api_name="/generate")
        assert made["digit"] is None
        assert made["answer"]["file"] == f"{model}-0-0.png"


@pytest.mark.parametrize(
    "arguments",
    [
        {"count": 0},
        {"count": 10**6},
        {"count": "many"},
        {"count": 1.5},
        {"seed": -1},
        {"model": "nobody"},
        {"digit": 10},
        {"digit": -1},
        {"digit": 2.5},
        {"digit": 3, "model": "mlp_generator"},
    ],
    ids=str,
)
def test_generate_refuses_with_a_sentence(client: Client, arguments: dict[str, Any]) -> None:
    with pytest.raises(AppError) as refusal:
        client.predict(**arguments, api_name="/generate")
    message = str(refusal.value)
    assert message.endswith(".")
    assert not re.search("Traceback|Error", message)


def test_history_has_a_number_for_each_snapshot(client: Client, picture: Path) -> None:
    history = client.predict(picture=handle_file(picture), api_name="/history")
    assert history["steps"][0] == 0
    assert len(history["steps"]) >= 8
    assert len(history["fake_probability"]) == len(history["steps"])
    assert all(0 <= value <= 1 for value in history["fake_probability"])


def test_history_of_a_bad_file_gives_the_reason_that_check_gives(client: Client, broken: Path) -> None:
    reason = client.predict(picture=handle_file(broken), api_name="/check")["error"]
    with pytest.raises(AppError, match=re.escape(reason)):
        client.predict(picture=handle_file(broken), api_name="/history")


@pytest.mark.parametrize("endpoint", ["check", "history", "page_upload"])
@pytest.mark.parametrize("marked", [True, False])
def test_a_file_that_was_not_uploaded_is_refused(
    server: str, endpoint: str, marked: bool, picture: Path
) -> None:
    named = {"path": str(picture)} | ({"meta": {"_type": "gradio.FileData"}} if marked else {})
    answer = call(server, endpoint, [named])
    assert "event: error" in answer
    assert not re.search("verdict|steps", answer)


def test_no_file_at_all_is_refused_with_a_sentence(client: Client) -> None:
    with pytest.raises(AppError, match="picture file"):
        client.predict(pictures=[], api_name="/check_many")


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
