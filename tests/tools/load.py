"""`python -m tests.tools.load`: what many requests, many at once, and clients that stall do to the app.

Prints a table of figures, and ends with 1 where a figure misses its goal. Connections are opened for each
request anew, and every way in which one can fail is counted by its name.
"""

import argparse
import asyncio
import itertools
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

from demo.bounds.connections import open_files
from tests.support.serving import ROOT, served_process

PICTURE: Final = (ROOT / "demo" / "conformance" / "drawn-7.png").read_bytes()
MARK: Final = {"_type": "gradio.FileData"}
LONGEST: Final = 60.0
"""Seconds that a client waits for one answer."""

MOST_GROWTH: Final = 25.0
MOST_RECOVERY: Final = 5.0
MOST_BESIDE_STALLED: Final = 5.0
"""Seconds until a request is answered, or told when to come again, beside clients that stall."""


@dataclass(frozen=True)
class Answer:
    """What came back. status: of HTTP, or 0 where there was none; failure: how it failed, then."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    failure: str = ""

    @property
    def busy(self) -> bool:
        """Whether it says that there is too much to do, and when to come again."""
        return self.status in (429, 503) and "retry-after" in self.headers


@dataclass(frozen=True)
class Door:
    """Where the app listens."""

    host: str
    port: int

    @classmethod
    def of(cls, address: str) -> "Door":
        """Of an address such as http://127.0.0.1:7860/."""
        parts = urlsplit(address)
        return cls(str(parts.hostname), int(parts.port or 80))

    async def ask(
        self, method: str, path: str, body: bytes = b"", kind: str = "", headers: str = ""
    ) -> Answer:
        """One request on a connection of its own."""
        head = f"{method} {path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\nConnection: close\r\n{headers}"
        if method == "POST":
            head += f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        writer = None
        try:
            async with asyncio.timeout(LONGEST):
                reader, writer = await asyncio.open_connection(self.host, self.port)
                writer.write(head.encode() + b"\r\n" + body)
                return parsed(await reader.read(-1))
        except (OSError, TimeoutError) as error:
            return Answer(0, failure=type(error).__name__)
        finally:
            if writer is not None:
                writer.close()

    async def send(self, path: str, value: object, headers: str = "") -> Answer:
        """POST a value as JSON."""
        return await self.ask("POST", path, json.dumps(value).encode(), "application/json", headers)


def parsed(raw: bytes) -> Answer:
    """An answer from what came until the connection was closed."""
    head, found, body = raw.partition(b"\r\n\r\n")
    if not found:
        return Answer(0, failure="closed without an answer")
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    if len(body) < int(headers.get("content-length", 0)):
        return Answer(0, failure="closed in the midst of an answer")
    return Answer(int(first.split()[1]), headers, body)


async def page(door: Door) -> Answer:
    """The page itself."""
    return await door.ask("GET", "/")


async def config(door: Door) -> Answer:
    """What the page asks for next."""
    return await door.ask("GET", "/config")


async def health(door: Door) -> Answer:
    """`/healthz`."""
    return await door.ask("GET", "/healthz")


async def check(door: Door) -> Answer:
    """`POST /v1/check` of a picture."""
    return await door.ask("POST", "/v1/check", PICTURE, "image/png")


async def check_form(door: Door) -> Answer:
    """`POST /v1/check` of a form with two pictures."""
    return await door.ask("POST", "/v1/check", form("files", 2), "multipart/form-data; boundary=between")


async def broken(door: Door) -> Answer:
    """`POST /v1/check` of what is no picture: an answer that says so."""
    return await door.ask("POST", "/v1/check", os.urandom(500), "image/png")


async def upload(door: Door) -> Answer:
    """An upload of the page, of a file that differs each time."""
    content = PICTURE + os.urandom(16)
    body = form("files", 1, content)
    path = f"/gradio_api/upload?upload_id={uuid4().hex[:11]}"
    return await door.ask("POST", path, body, "multipart/form-data; boundary=between")


async def call(door: Door) -> Answer:
    """An upload, and a call of the endpoint `/check` with it."""
    sent = await upload(door)
    if sent.status != 200:
        return sent
    file = {"path": json.loads(sent.body)[0], "meta": MARK}
    joined = await door.send("/gradio_api/call/check", {"data": [file]})
    if joined.status != 200:
        return joined
    event = json.loads(joined.body)["event_id"]
    found = await door.ask("GET", f"/gradio_api/call/check/{event}")
    return found if b"verdict" in found.body or found.status != 200 else Answer(0, failure="no verdict")


async def session_call(door: Door, session: str = "", headers: str = "") -> Answer:
    """A call as the page makes it: in a session, which may be named, and with a stream of its answers."""
    session = session or uuid4().hex
    if door not in NUMBERS:
        described = await config(door)
        if described.status != 200:
            return described
        NUMBERS[door] = generate_number(described)
    body = {"data": [3, 1, 0, None], "fn_index": NUMBERS[door], "session_hash": session}
    joined = await door.send("/gradio_api/queue/join", body, headers)
    if joined.status != 200:
        return joined
    found = await door.ask("GET", f"/gradio_api/queue/data?session_hash={session}")
    return (
        found if b"process_completed" in found.body or found.status != 200 else Answer(0, failure="no result")
    )


async def left_alone(door: Door) -> Answer:
    """A call whose answer nobody fetches."""
    return await door.send("/gradio_api/call/generate", {"data": [3, 1, 0, None]})


NUMBERS: Final[dict[Door, int]] = {}
"""Under which number each app's page calls the endpoint `/generate`."""


def generate_number(described: Answer) -> int:
    """That number, by what `/config` answers."""
    events = json.loads(described.body)["dependencies"]
    (number,) = (each["id"] for each in events if each["api_name"] == "generate")
    return int(number)


def form(name: str, count: int, content: bytes = PICTURE) -> bytes:
    """The body of a form with pictures, whose boundary is `between`."""
    head = f'--between\r\nContent-Disposition: form-data; name="{name}"; filename="7.png"\r\n'.encode()
    part = head + b"Content-Type: image/png\r\n\r\n" + content + b"\r\n"
    return part * count + b"--between--\r\n"


Kind = Callable[[Door], Any]
API_KINDS: Final[Sequence[Kind]] = (check, check_form, broken, health)
EVERY_KIND: Final[Sequence[Kind]] = (
    *(check, page, check, call, check, session_call),
    *(broken, upload, check_form, left_alone, check, health),
)


@dataclass
class Load:
    """What became of many requests: how often each outcome, and how long the slowest took in seconds."""

    outcomes: Counter[str]
    slowest: float
    seconds: float

    @property
    def failures(self) -> int:
        """Requests that had neither a result nor a 503 or 429 with Retry-After."""
        return sum(count for name, count in self.outcomes.items() if not name.endswith((" 200", "busy")))


async def many(door: Door, kinds: Sequence[Kind], count: int, at_once: int) -> Load:
    """So many requests of mixed kinds, so many at once."""
    outcomes: Counter[str] = Counter()
    slowest = 0.0
    rest = iter(itertools.islice(itertools.cycle(kinds), count))

    async def client() -> None:
        nonlocal slowest
        for kind in rest:
            started = time.monotonic()
            answer = await kind(door)
            slowest = max(slowest, time.monotonic() - started)
            told = "busy" if answer.busy else answer.failure or str(answer.status)
            outcomes[f"{kind.__name__} {told}"] += 1

    began = time.monotonic()
    await asyncio.gather(*(client() for _ in range(at_once)))
    return Load(outcomes, slowest, time.monotonic() - began)


async def recovery(door: Door, longest: float = 30.0) -> float:
    """Seconds until the app answers normally: its state and a check within a second."""
    began = time.monotonic()
    while (passed := time.monotonic() - began) < longest:
        before = time.monotonic()
        answers = [await health(door), await check(door)]
        if all(each.status == 200 for each in answers) and time.monotonic() - before < 1.0:
            return passed
    return longest


async def stall(door: Door, how: str) -> asyncio.StreamWriter | None:
    """A connection that is held up in one of the ways of `STALLS`; None where it is refused."""
    try:
        reader, writer = await asyncio.open_connection(door.host, door.port, limit=1)
    except OSError:
        return None
    # Nothing is ever taken from the socket.
    reader._transport.pause_reading()  # type: ignore[attr-defined]
    writer.write(STALLS[how])
    return writer


STALLS: Final = {
    "silent": b"",
    "slow head": b"POST /v1/check HTTP/1.1\r\nHost: x\r\nContent-Ty",
    "slow body": b"POST /v1/check HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\nabc",
    "slow upload": b"POST /gradio_api/upload HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n"
    b"Content-Type: multipart/form-data; boundary=between\r\n\r\n--between\r\n"
    b'Content-Disposition: form-data; name="files"; filename="7.png"\r\n\r\nabc',
    "unread": b"GET /models/mlp_history.onnx HTTP/1.1\r\nHost: x\r\n\r\n" * 2,
}


async def beside_stalled(
    door: Door, kinds: Sequence[Kind], count: int, stalled: int, ways: Sequence[str] = tuple(STALLS)
) -> tuple[Load, float]:
    """So many requests while so many connections are held up, begun all at once and in all ways in turn, and
    seconds after them until the app answers normally in spite of it.
    """
    turns = itertools.islice(itertools.cycle(ways), stalled)
    held = await asyncio.gather(*(stall(door, way) for way in turns))
    load = await many(door, kinds, count, 4)
    again = await recovery(door)
    for writer in held:
        if writer is not None:
            writer.transport.abort()
    return load, again


def memory(process: int) -> float:
    """MiB that a process holds in memory."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"process {process} has no memory")


def row(name: str, figure: str, good: bool) -> bool:
    """Print one line of the table."""
    print(f"{name:<58} {figure:<40} {'good' if good else 'MISSED'}", flush=True)
    return good


def kept(folder: Path) -> list[str]:
    """What lies in a folder, at any depth."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


async def measure(address: str, process: int, count: int, at_once: int, kinds: Sequence[Kind]) -> bool:
    """Print the figures of a running app; whether all goals are met."""
    door = Door.of(address)
    good = []
    await many(door, kinds, count // 10, 8)
    await recovery(door)
    before = memory(process)
    load = await many(door, kinds, count, 8)
    growth = memory(process) - before
    rate = f"{count / load.seconds:.0f} a second"
    figure = f"{load.failures} failed, {rate}"
    good.append(row(f"{count:,} requests of mixed kinds", figure, not load.failures))
    figure = f"{before:.0f} MiB, {growth:+.1f} MiB"
    good.append(row("memory after warm-up, and growth", figure, growth <= MOST_GROWTH))
    print("   ", dict(load.outcomes))
    burst = await many(door, kinds, at_once, at_once)
    again = await recovery(door)
    figure = f"{burst.failures} failed, slowest {burst.slowest:.1f} s"
    good.append(row(f"{at_once} requests at once", figure, not burst.failures))
    print("   ", dict(burst.outcomes))
    good.append(row("normal again after", f"{again:.1f} s", again <= MOST_RECOVERY))
    for stalled, ways in ((300, tuple(STALLS)), (1500, ("slow head", "slow body"))):
        normal, again = await beside_stalled(door, kinds, 60, stalled, ways)
        busy = sum(count for name, count in normal.outcomes.items() if name.endswith("busy"))
        figure = f"{normal.failures} failed, {busy} told, slowest {normal.slowest:.1f} s"
        met = not normal.failures and normal.slowest <= MOST_BESIDE_STALLED
        good.append(row(f"60 requests beside {stalled:,} that stall", figure, met))
        good.append(row("normal again beside them after", f"{again:.1f} s", again <= MOST_RECOVERY))
    return all(good)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.tools.load", description=__doc__)
    parser.add_argument("--count", type=int, default=20_000, help="requests one after the other, 8 at once")
    parser.add_argument("--at-once", type=int, default=500, help="requests at the same moment")
    parser.add_argument("--api-only", action="store_true", help="of the app without its page")
    parsed_arguments = parser.parse_args(arguments)
    open_files(4000)
    options = ["--api-only"] if parsed_arguments.api_only else []
    kinds = API_KINDS if parsed_arguments.api_only else EVERY_KIND
    with served_process(*options) as (lines, process):
        address = next(word for word in lines[0].split() if word.startswith("http"))
        good = asyncio.run(
            measure(address, process.pid, parsed_arguments.count, parsed_arguments.at_once, kinds)
        )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
