"""The entry points of the app: each function sends files to one, and returns what came back."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import httpx

from tests.tools.hostile.server import ROOT

LONGEST: Final = 30.0
"""Seconds that an answer is waited for; from `HANGS_FROM` on it counts as one that hangs."""
HANGS_FROM: Final = 10.0
MARK: Final = {"_type": "gradio.FileData"}
NOT_ANSWERED: Final = "no answer"


@dataclass(frozen=True)
class Exchange:
    """A request and its response. status: the worst of HTTP, 0 for a failed connection. answers: one for each
    file, or fewer; each has a verdict, or an error that says why. text: the whole response.
    """

    names: tuple[str, ...]
    seconds: float
    status: int
    answers: tuple[Mapping[str, Any], ...]
    text: str


def post_one(client: httpx.Client, name: str, content: bytes) -> Exchange:
    """`POST /v1/check`, a picture as the body."""
    begun = time.perf_counter()
    try:
        response = client.post("v1/check", content=content, headers={"content-type": "image/png"})
    except httpx.HTTPError as error:
        return failed((name,), begun, error)
    return Exchange(
        (name,), time.perf_counter() - begun, response.status_code, parsed(response), response.text
    )


def post_form(client: httpx.Client, files: Mapping[str, bytes]) -> Exchange:
    """`POST /v1/check`, a form of files."""
    begun = time.perf_counter()
    try:
        response = client.post("v1/check", files=[("files", each) for each in files.items()])
    except httpx.HTTPError as error:
        return failed(tuple(files), begun, error)
    answers = parsed(response)
    # One sentence for all: the form is too large.
    several = answers * len(files) if response.status_code == 413 else answers
    return Exchange(tuple(files), time.perf_counter() - begun, response.status_code, several, response.text)


def call_check(client: httpx.Client, name: str, content: bytes) -> Exchange:
    """An upload, then `/check`, as a gradio client has it."""
    return called(client, "check", {name: content}, lambda files: files[0])


def call_check_many(client: httpx.Client, files: Mapping[str, bytes]) -> Exchange:
    """Uploads, then `/check_many`."""
    return called(client, "check_many", files, lambda sent: sent)


def called(client: httpx.Client, endpoint: str, files: Mapping[str, bytes], value: Any) -> Exchange:
    names, begun = tuple(files), time.perf_counter()
    try:
        sent, refused = uploaded(client, files)
        if refused is not None:
            return refused_upload(names, begun, refused, len(names))
        joined = client.post(f"gradio_api/call/{endpoint}", json={"data": [value(sent)]})
        stream = client.get(f"gradio_api/call/{endpoint}/{joined.json()['event_id']}")
    except (httpx.HTTPError, ValueError, KeyError) as error:
        return failed(names, begun, error)
    seconds = time.perf_counter() - begun
    status = max(joined.status_code, stream.status_code)
    event, _, data = stream.text.strip().rpartition("event: ")[2].partition("\ndata: ")
    found = json.loads(data or "null")
    answers: tuple[Any, ...] = ()
    if event == "complete":
        answers = tuple(found[0]) if isinstance(found[0], list) else (found[0],)
    elif isinstance(found, dict):
        answers = ({"error": found.get("error")},) * len(names)
    return Exchange(names, seconds, status, answers, stream.text)


def refused_upload(names: tuple[str, ...], begun: float, refused: httpx.Response, answers: int) -> Exchange:
    """Return an exchange that ended with the upload, whose refusal is the answer to each file."""
    seconds = time.perf_counter() - begun
    return Exchange(names, seconds, refused.status_code, ({"error": refused.text},) * answers, refused.text)


def page_many(client: httpx.Client, number: int, files: Mapping[str, bytes]) -> Exchange:
    """*Many files* of the page, which opens zips: each member has an answer. number: of its event."""
    names, begun = tuple(files), time.perf_counter()
    session = uuid4().hex
    try:
        sent, refused = uploaded(client, files)
        if refused is not None:
            return refused_upload(names, begun, refused, 1)
        body = {
            "data": [sent],
            "event_data": {"run": 1, "refused": []},
            "fn_index": number,
            "session_hash": session,
        }
        joined = client.post("gradio_api/queue/join", json=body)
        stream = client.get(f"gradio_api/queue/data?session_hash={session}")
    except (httpx.HTTPError, ValueError) as error:
        return failed(names, begun, error)
    events = [
        json.loads(line.removeprefix("data: "))
        for line in stream.text.splitlines()
        if line.startswith("data: ")
    ]
    return Exchange(
        names,
        time.perf_counter() - begun,
        max(joined.status_code, stream.status_code),
        tuple(page_answers(events)),
        stream.text,
    )


def page_answers(events: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the rows in a stream of the page's events, or the error that ended it."""
    for event in events:
        if event["msg"] == "process_completed":
            output = event["output"]
            if not event["success"]:
                return [{"error": output.get("error")}]
            return list(output["data"][0]["rows"])
    return []


def event_number(client: httpx.Client, name: str) -> int:
    """Return the number of one of the page's events."""
    described = client.get("config").json()["dependencies"]
    return next(int(each["id"]) for each in described if each["api_name"] == name)


def uploaded(
    client: httpx.Client, files: Mapping[str, bytes]
) -> tuple[list[dict[str, Any]], httpx.Response | None]:
    """Upload files one by one; return how each is named then, or the response that refuses one."""
    sent = []
    for name, content in files.items():
        response = client.post("gradio_api/upload", files=[("files", (name, content))])
        if response.status_code != 200:
            return [], response
        sent += [{"path": path, "orig_name": name, "meta": MARK} for path in response.json()]
    return sent, None


def command_line(files: Mapping[str, bytes]) -> Exchange:
    """`python -m demo check --json` of all of them, in one process."""
    with tempfile.TemporaryDirectory() as folder:
        # By number: what a file is called on a disk is the system's affair.
        paths = [Path(folder) / f"{index}.bin" for index in range(len(files))]
        for path, content in zip(paths, files.values(), strict=True):
            path.write_bytes(content)
        begun = time.perf_counter()
        command = [sys.executable, "-m", "demo", "--device", "cpu", "check", "--json", *map(str, paths)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
        seconds = time.perf_counter() - begun
        # The names are those that were given.
        text = (done.stdout + done.stderr).replace(folder, "")
    answers = tuple(json.loads(line) for line in done.stdout.splitlines())
    status = 200 if done.returncode in (0, 1) and not done.stderr else 500
    return Exchange(tuple(files), seconds, status, answers, text)


def failed(names: tuple[str, ...], begun: float, error: Exception) -> Exchange:
    """Return the exchange of a request without a response."""
    return Exchange(names, time.perf_counter() - begun, 0, (), f"{NOT_ANSWERED}: {type(error).__name__}")


def parsed(response: httpx.Response) -> tuple[Mapping[str, Any], ...]:
    try:
        found = response.json()
    except ValueError:
        return ()
    return tuple(found) if isinstance(found, list) else (found,)
