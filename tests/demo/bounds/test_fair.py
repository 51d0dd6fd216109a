"""The share of a session: so many calls at once and no more; by session, and not by address."""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from demo.bounds.fair import MOST_OF_A_SESSION
from tests.support.serving import served_app

CALLS = 4 * MOST_OF_A_SESSION


@pytest.fixture(scope="module")
def open_server() -> Iterator[str]:
    """The app as others on the network reach it."""
    with served_app("--host", "0.0.0.0") as address:  # noqa: S104
        yield address


def join(server: str, session: str, language: str = "en") -> tuple[int, str, str | None]:
    """Status, text and `Retry-After` of a call that a page makes, of 16 digits."""
    with urllib.request.urlopen(f"{server}config", timeout=30) as response:
        described = json.load(response)["dependencies"]
    (number,) = (each["id"] for each in described if each["api_name"] == "generate")
    body = {"data": [3, 16, 0, None], "fn_index": number, "session_hash": session}
    request = urllib.request.Request(
        f"{server}gradio_api/queue/join",
        json.dumps(body).encode(),
        {"Content-Type": "application/json", "Accept-Language": language},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.read().decode(), None
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read().decode(), refusal.headers["retry-after"]


def joined(server: str, sessions: list[str], language: str = "en") -> list[tuple[int, str, str | None]]:
    """Calls of sessions, all at once."""
    with ThreadPoolExecutor(len(sessions)) as threads:
        return list(threads.map(lambda session: join(server, session, language), sessions))


@pytest.mark.parametrize(("language", "word"), [("en-GB,en", "wait"), ("zh-CN,zh", "等待")])
def test_more_of_a_session_is_refused_in_the_reader_s_language(
    open_server: str, language: str, word: str
) -> None:
    answers = joined(open_server, [uuid4().hex] * CALLS, language)
    refused = [(text, again) for status, text, again in answers if status == 429]
    assert sum(status == 200 for status, _, _ in answers) >= MOST_OF_A_SESSION
    assert refused
    assert all(word in json.loads(text)["detail"] and again == "2" for text, again in refused)
    # Somebody else's page, from the same address.
    assert join(open_server, uuid4().hex)[0] == 200


def test_a_class_behind_one_address_is_answered(open_server: str) -> None:
    sessions = [uuid4().hex for _ in range(30)]
    assert {status for status, _, _ in joined(open_server, sessions)} == {200}
    for session in sessions:
        queue = f"{open_server}gradio_api/queue/data?session_hash={session}"
        with urllib.request.urlopen(queue, timeout=60) as response:
            assert re.search(r'"process_completed".*"success":true', response.read().decode())


def test_on_this_machine_alone_there_is_no_share(server: str) -> None:
    answers = joined(server, [uuid4().hex] * CALLS)
    assert {status for status, _, _ in answers} == {200}
