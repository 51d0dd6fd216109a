"""The entry points of the app: each function sends files to one, and returns the exchange."""

import functools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import httpx

from tests.support.serving import ROOT

LONGEST: Final = 60.0
"""Seconds that an answer is waited for."""

Answers = tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Exchange:
    """Files that were sent, and the response.

    status: of HTTP, 0 for a failed connection. answers: one for each file, with a verdict or an error; none
    for a failed connection. text: the whole response.
    """

    names: tuple[str, ...]
    seconds: float
    status: int
    answers: Answers
    text: str


Ask = Callable[[httpx.Client, Mapping[str, bytes]], tuple[Answers, str]]
"""Sends files to an entry point; returns the answers and the text of the last response."""


def exchange(ask: Ask, client: httpx.Client, files: Mapping[str, bytes]) -> Exchange:
    """Send files to an entry point, and time it."""
    begun = time.perf_counter()
    status = 200
    answers: Answers = ()
    try:
        answers, text = ask(client, files)
    except httpx.HTTPStatusError as refusal:
        status, text = refusal.response.status_code, refusal.response.text
        # One sentence for all.
        answers = ({"error": sentence(text)},) * len(files)
    except (httpx.HTTPError, ValueError, KeyError) as error:
        status, text = 0, f"no answer: {type(error).__name__}"
    return Exchange(tuple(files), time.perf_counter() - begun, status, answers, text)


def sentence(refusal: str) -> str:
    """Return the sentence in a refusal."""
    try:
        content = json.loads(refusal)
        return str(content.get("error") or content["detail"])
    except (ValueError, KeyError, AttributeError):
        return refusal


def post_one(client: httpx.Client, files: Mapping[str, bytes]) -> tuple[Answers, str]:
    """`POST /v1/check`, a picture as the body."""
    (content,) = files.values()
    headers = {"content-type": "image/png"}
    response = client.post("v1/check", content=content, headers=headers).raise_for_status()
    return (response.json(),), response.text


def post_form(client: httpx.Client, files: Mapping[str, bytes]) -> tuple[Answers, str]:
    """`POST /v1/check`, a form of files."""
    sent = [("files", each) for each in files.items()]
    response = client.post("v1/check", files=sent).raise_for_status()
    return tuple(response.json()), response.text


def call(endpoint: str, client: httpx.Client, files: Mapping[str, bytes]) -> tuple[Answers, str]:
    """Uploads, then `/check` of the one or `/check_many` of all, as a gradio client calls them."""
    sent = upload(client, files)
    address = f"gradio_api/call/{endpoint}"
    value = sent if endpoint == "check_many" else sent[0]
    joined = client.post(address, json={"data": [value]}).raise_for_status()
    stream = client.get(f"{address}/{joined.json()['event_id']}").raise_for_status().text
    event, _, data = stream.strip().rpartition("event: ")[2].partition("\ndata: ")
    found = json.loads(data)
    if event != "complete":
        return ({"error": found["error"]},) * len(files), stream
    return tuple(found[0]) if endpoint == "check_many" else (found[0],), stream


def page_many(client: httpx.Client, files: Mapping[str, bytes]) -> tuple[Answers, str]:
    """*Many files* of the page, which opens zips: each member has an answer."""
    session = uuid4().hex
    call = {
        # null: a state, which the server keeps.
        "data": [upload(client, files), None],
        "event_data": {"run": 1, "refused": []},
        "fn_index": event_number(client, "page_many"),
        "session_hash": session,
    }
    client.post("gradio_api/queue/join", json=call).raise_for_status()
    stream = client.get(f"gradio_api/queue/data?session_hash={session}").raise_for_status().text
    events = (json.loads(line[6:]) for line in stream.splitlines() if line.startswith("data: "))
    completed: dict[str, Any] = next((event for event in events if event["msg"] == "process_completed"), {})
    output = completed["output"]
    if not completed["success"]:
        return ({"error": output["error"]},), stream
    return tuple(json.loads(row["answer"]) for row in output["data"][0]["rows"]), stream


@functools.cache
def event_number(client: httpx.Client, name: str) -> int:
    """Return the number of one of the page's events."""
    events = client.get("config").json()["dependencies"]
    return next(int(each["id"]) for each in events if each["api_name"] == name)


def upload(client: httpx.Client, files: Mapping[str, bytes]) -> list[dict[str, Any]]:
    """Upload files one by one; return how calls name them."""
    sent = []
    for name, content in files.items():
        response = client.post("gradio_api/upload", files=[("files", (name, content))]).raise_for_status()
        mark = {"_type": "gradio.FileData"}
        sent += [{"path": path, "orig_name": name, "meta": mark} for path in response.json()]
    return sent


def command_line(files: Mapping[str, bytes]) -> Exchange:
    """`python -m demo check --json` of all of them, in one process."""
    with tempfile.TemporaryDirectory() as folder:
        # By number, since systems limit the names of files.
        paths = [Path(folder) / f"{index}.bin" for index in range(len(files))]
        for path, content in zip(paths, files.values(), strict=True):
            path.write_bytes(content)
        command = [sys.executable, "-m", "demo", "--device", "cpu", "check", "--json", *map(str, paths)]
        begun = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
        seconds = time.perf_counter() - begun
    answers = tuple(json.loads(line) for line in done.stdout.splitlines())
    status = 200 if done.returncode in (0, 1) and not done.stderr else 500
    # The folder is the client's.
    return Exchange(tuple(files), seconds, status, answers, (done.stdout + done.stderr).replace(folder, ""))
