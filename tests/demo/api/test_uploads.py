"""What the app reads: files that were uploaded to it, and nothing else, whichever way they are named."""

import json
import re
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from demo.doors.uploads import GONE, NOT_MARKED, NOT_UPLOADED
from demo.inference.engine import MODELS_FOLDER
from tests.support.serving import call

PICTURE = MODELS_FOLDER.parent / "conformance" / "drawn-7.png"
MARK = {"_type": "gradio.FileData"}

LISTS = ("check_many", "page_many")
ENDPOINTS = ("check", "history", "check_many")
PAGE_EVENTS = ("page_check", "page_many")

# Of the range that is for documentation: nobody answers there.
ADDRESSES = ("http://192.0.2.1/7.png", "https://example.org/7.png")


def sent_by_the_page(server: str, event: str, data: list[Any], event_data: object = None) -> str:
    """What an event of the page answers to a browser that sends what it likes: the event stream, as text;
    or why it is refused.
    """
    with urllib.request.urlopen(f"{server}config", timeout=30) as response:
        described = json.load(response)["dependencies"]
    (number,) = (each["id"] for each in described if each["api_name"] == event)
    session = uuid4().hex
    body = {"data": data, "event_data": event_data, "fn_index": number, "session_hash": session}
    request = urllib.request.Request(
        f"{server}gradio_api/queue/join", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=30):
            pass
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.read().decode()
    queue = f"{server}gradio_api/queue/data?session_hash={session}"
    with urllib.request.urlopen(queue, timeout=30) as response:
        return str(response.read().decode())


def answered(server: str, name: str, file: dict[str, Any]) -> str:
    """What an endpoint, or an event of the page, answers to a file that is named so."""
    data: list[Any] = [[file] if name in LISTS else file]
    if name in ENDPOINTS:
        return call(server, name, data)
    if name == "page_check":
        data = [file, json.dumps({"kind": "sent"})]
    return sent_by_the_page(server, name, data, {"run": 1, "refused": []})


@pytest.mark.parametrize("name", [*ENDPOINTS, *PAGE_EVENTS])
@pytest.mark.parametrize("path", [*ADDRESSES, str(PICTURE), "README.md"])
def test_only_what_was_uploaded_is_read(server: str, name: str, path: str) -> None:
    answer = answered(server, name, {"path": path, "meta": MARK})
    assert NOT_UPLOADED in answer
    assert not re.search("verdict|steps|P\\(fake", answer)


@pytest.mark.parametrize("name", [*ENDPOINTS, *PAGE_EVENTS])
def test_a_file_without_its_mark_is_refused(server: str, name: str) -> None:
    assert NOT_MARKED in answered(server, name, {"path": ADDRESSES[0]})


@pytest.mark.parametrize("address", [*ADDRESSES, ADDRESSES[0].replace("/", "%2F")])
def test_an_address_is_not_handed_on(server: str, address: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(f"{server}gradio_api/file={address}", timeout=30)
    with refusal.value as response:
        assert response.code == 404


def test_an_address_in_place_of_another_value_is_not_fetched(server: str) -> None:
    file = {"path": ADDRESSES[0], "meta": MARK}
    assert NOT_UPLOADED in call(server, "generate", [file, 1, 0, None])


def test_what_no_endpoint_foresees_says_nothing_of_the_server(server: str) -> None:
    # Too few values, for which gradio has words of its own.
    answer = sent_by_the_page(server, "page_check", [])
    assert "The data must be a list" in answer
    assert "event handler" not in answer


def test_the_sentences_are_one_each() -> None:
    for sentence in (NOT_UPLOADED, NOT_MARKED):
        assert re.fullmatch(r"[A-Z].*[^.]\.", sentence)


@pytest.mark.parametrize(("language", "says"), [("en", GONE), ("zh-CN,en;q=0.5", "请重新选择并发送")])
@pytest.mark.parametrize("name", ["7.png", "8.png"])
def test_what_was_removed_since_is_to_be_sent_again(server: str, name: str, language: str, says: str) -> None:
    sent = httpx.post(
        f"{server}gradio_api/upload", files={"files": (name, PICTURE.read_bytes())}, trust_env=False
    )
    (path,) = sent.json()
    # As it would be named: by the hash of another content.
    gone = str(Path(path).parent.with_name("0" * 64) / name)
    answer = httpx.post(
        f"{server}gradio_api/call/check",
        json={"data": [{"path": gone, "meta": MARK}]},
        headers={"accept-language": language},
        trust_env=False,
    )
    assert answer.status_code == 410
    assert says in answer.json()["detail"]
