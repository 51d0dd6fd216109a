"""The API: a real server, asked by gradio's client."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError, ValidationError
from PIL import Image

from demo.api import schema
from demo.inference.engine import MODELS_FOLDER, Engine
from tests.demo.test_cli import CONTRACT

PICTURE = MODELS_FOLDER.parent / "conformance" / "drawn-7.png"
RESULTS = {
    "/check": schema.ANSWER,
    "/check_many": schema.ANSWERS,
    "/generate": schema.GENERATED,
    "/history": schema.HISTORY,
}


@pytest.fixture(scope="module")
def client(server: str) -> Client:
    return Client(server, verbose=False)


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    path = tmp_path / "broken.png"
    path.write_bytes(b"not a picture")
    return path


def test_four_endpoints_are_documented(client: Client) -> None:
    documented = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert sorted(documented) == sorted(RESULTS)
    for endpoint, parameters in {
        "/check": ["picture"],
        "/check_many": ["pictures"],
        "/generate": ["digit", "count", "seed", "model"],
        "/history": ["picture"],
    }.items():
        described = documented[endpoint]
        assert [each["parameter_name"] for each in described["parameters"]] == parameters
        assert described["description"].endswith(f"API version {schema.API_VERSION}.")
        (returned,) = described["returns"]
        assert returned["type"] == RESULTS[endpoint]
        assert returned["python_type"]["description"]
    assert "fake_probability: float | None" in documented["/check"]["returns"][0]["python_type"]["type"]
    optional = [each["parameter_has_default"] for each in documented["/generate"]["parameters"]]
    assert optional == [True] * 4


def test_every_result_follows_its_schema(client: Client, broken: Path) -> None:
    picture = handle_file(PICTURE)
    many = client.predict(pictures=[picture, handle_file(broken)], api_name="/check_many")
    for endpoint, result in {
        "/check": client.predict(picture=picture, api_name="/check"),
        "/check_many": many,
        "/generate": client.predict(count=2, api_name="/generate"),
        "/history": client.predict(picture=picture, api_name="/history"),
    }.items():
        jsonschema.validate(result, RESULTS[endpoint])
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(many, schema.GENERATED)


def test_agents_call_by_names_and_poll(server: str, client: Client) -> None:
    with httpx.Client(base_url=f"{server}gradio_api", trust_env=False, timeout=60) as agent:
        (path,) = agent.post("/upload", files={"files": (PICTURE.name, PICTURE.read_bytes())}).json()
        picture = {"path": path, "orig_name": PICTURE.name, "meta": {"_type": "gradio.FileData"}}
        for name, values, expected in (
            ("check", {"picture": picture}, client.predict(picture=handle_file(PICTURE), api_name="/check")),
            ("generate", {"seed": 7}, client.predict(seed=7, api_name="/generate")),
        ):
            event = agent.post(f"/call/v2/{name}", json=values).json()["event_id"]
            answer = agent.get(f"/call/v2/{name}/{event}").text
            kind, data = re.findall(r"^(?:event|data): (.*)$", answer, re.MULTILINE)[-2:]
            assert (kind, json.loads(data)) == ("complete", [expected])
        for content, status in (('{"pictures": []}', 422), ('{"picture": 7}', 422), ("[]", 400)):
            assert agent.post("/call/v2/check", content=content).status_code == status
        assert agent.post("/call/v2/nothing", json={}).status_code == 404


def test_check_many_answers_in_order_and_survives_a_bad_file(client: Client, broken: Path) -> None:
    files = [handle_file(path) for path in (PICTURE, broken, PICTURE)]
    first, bad, last = client.predict(pictures=files, api_name="/check_many")
    assert first == last == client.predict(picture=handle_file(PICTURE), api_name="/check")
    assert list(first) == CONTRACT
    assert {key for key in CONTRACT if bad[key] is not None} == {"file", "error"}
    assert bad["file"] == "broken.png"


def test_a_generated_digit_scores_the_same_once_saved(client: Client, engine: Engine, tmp_path: Path) -> None:
    made = client.predict(digit=3, count=2, seed=11, model="generator", api_name="/generate")
    assert [each["digit"] for each in made] == [3, 3]
    names = [each["answer"]["file"] for each in made]
    assert names == ["generator-digit-3-11-0.png", "generator-digit-3-11-1.png"]
    for each, expected in zip(made, engine.generate("generator", 2, 11, 3), strict=True):
        path = tmp_path / each["answer"]["file"]
        path.write_bytes(base64.b64decode(each["png"], validate=True))
        assert np.array_equal(np.asarray(Image.open(path)), expected)
        assert client.predict(picture=handle_file(path), api_name="/check") == each["answer"]
    # Without a name it is the generator that can choose.
    assert client.predict(digit=3, count=2, seed=11, api_name="/generate") == made
    assert client.predict(digit=3, count=2, seed=12, api_name="/generate") != made


@pytest.mark.parametrize(
    "arguments",
    [
        {"count": 0},
        {"count": "many"},
        {"seed": -1},
        {"model": "nobody"},
        {"digit": 2.5},
        {"digit": 3, "model": "mlp_generator"},
    ],
    ids=str,
)
def test_generate_refuses_with_a_sentence(client: Client, arguments: dict[str, Any]) -> None:
    with pytest.raises((AppError, ValidationError)) as refusal:
        client.predict(**arguments, api_name="/generate")
    message = str(refusal.value)
    assert message.endswith(".")
    assert not re.search("Traceback|Error", message)


def test_history_has_a_number_for_each_snapshot(client: Client, broken: Path) -> None:
    history = client.predict(picture=handle_file(PICTURE), api_name="/history")
    published = json.loads((MODELS_FOLDER / "history.json").read_text())
    for name in ("steps", "discriminator_loss", "generator_loss"):
        assert history[name] == published[name]
    assert len(history["fake_probability"]) == len(history["steps"]) >= 8
    assert all(0 <= value <= 1 for value in history["fake_probability"])
    # A bad file gets the reason that check gives.
    reason = client.predict(picture=handle_file(broken), api_name="/check")["error"]
    with pytest.raises(AppError, match=re.escape(reason)):
        client.predict(picture=handle_file(broken), api_name="/history")
