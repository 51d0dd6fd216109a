"""`python -m tests.tools.load`: load on the app behind nginx.

It starts the app, and nginx with a copy of `demo/deploy/nginx.conf`, and prints a table of figures: mixed
requests and memory, many requests at once, and ordinary requests beside stalled clients. The clients have
different addresses within 127.0.0.0/8. Exits with 1 where a figure misses its goal.

Memory grows by about 0.1 MB a session until gradio keeps 500 of them, one for every fourth request: a run of
fewer than 4,000 requests fills them in its second half and misses the goal.
"""

import argparse
import asyncio
import itertools
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from uuid import uuid4

import httpx

from demo.api.network import listen
from tests.support.serving import ROOT, served_process

PICTURE: Final = (ROOT / "demo" / "conformance" / "drawn-7.png").read_bytes()
NGINX_CONF: Final = ROOT / "demo" / "deploy" / "nginx.conf"
FORM: Final = "multipart/form-data; boundary=between"
LONGEST: Final = 60.0
"""Seconds that a client waits for one answer."""
CLIENTS: Final = [f"127.0.{block}.{number}" for block in (1, 2) for number in range(1, 251)]
STALLING: Final = [f"127.0.3.{number}" for number in range(1, 251)]
"""Addresses of ordinary clients, and of those that stall."""

AT_ONCE: Final = 500
MOST_GROWTH: Final = 80.0
MOST_LATE_GROWTH: Final = 15.0
"""MiB of memory: after the warm-up, and in the second half of it."""
MOST_RECOVERY: Final = 5.0
"""Seconds until the app answers normally again."""


@dataclass(frozen=True)
class Answer:
    """A response. status: of HTTP, or 0 where there was none; failure: the reason, then."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    failure: str = ""

    @property
    def busy(self) -> bool:
        """Whether it is a 503 or 429 with Retry-After."""
        return self.status in (429, 503) and "retry-after" in self.headers


@dataclass(frozen=True)
class Target:
    """The app as a client reaches it. path: prefix of the app's paths. client: the client's address."""

    host: str
    port: int
    path: str = ""
    client: str | None = None

    @classmethod
    def at(cls, address: str) -> "Target":
        """Return the target at an address such as http://127.0.0.1:7860/."""
        parts = urlsplit(address)
        return cls(str(parts.hostname), int(parts.port or 80), parts.path.rstrip("/"))

    def seen_by(self, client: str) -> "Target":
        """Return the target of a client with an address of its own."""
        return Target(self.host, self.port, self.path, client)

    async def connect(self, limit: int = 1 << 16) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection from the client's address."""
        source = (self.client, 0) if self.client else None
        return await asyncio.open_connection(self.host, self.port, local_addr=source, limit=limit)

    async def ask(self, method: str, path: str, body: bytes = b"", kind: str = "") -> Answer:
        """Send one request on a connection of its own."""
        head = (
            f"{method} {self.path}{path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\nConnection: close\r\n"
        )
        if method == "POST":
            head += f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        writer = None
        try:
            async with asyncio.timeout(LONGEST):
                reader, writer = await self.connect()
                writer.write(head.encode() + b"\r\n" + body)
                return parsed(await reader.read(-1))
        except (OSError, TimeoutError) as error:
            return Answer(0, failure=type(error).__name__)
        finally:
            if writer is not None:
                writer.close()

    async def send(self, path: str, value: object) -> Answer:
        """POST a value as JSON."""
        return await self.ask("POST", path, json.dumps(value).encode(), "application/json")


def parsed(raw: bytes) -> Answer:
    """Parse all bytes that a connection received."""
    head, found, body = raw.partition(b"\r\n\r\n")
    if not found:
        return Answer(0, failure="closed without an answer")
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    if len(body) < int(headers.get("content-length", 0)):
        return Answer(0, failure="closed in the middle of an answer")
    return Answer(int(first.split()[1]), headers, body)


def form(count: int, content: bytes = PICTURE) -> bytes:
    """Return the body of a form with pictures, whose boundary is `between`."""
    part = b'--between\r\nContent-Disposition: form-data; name="files"; filename="7.png"\r\n'
    return (part + b"Content-Type: image/png\r\n\r\n" + content + b"\r\n") * count + b"--between--\r\n"


async def page(target: Target) -> Answer:
    """The page itself."""
    return await target.ask("GET", "/")


async def config(target: Target) -> Answer:
    """The page's configuration."""
    return await target.ask("GET", "/config")


async def health(target: Target) -> Answer:
    """`/healthz`."""
    return await target.ask("GET", "/healthz")


async def check(target: Target) -> Answer:
    """`POST /v1/check` of a picture."""
    return await target.ask("POST", "/v1/check", PICTURE, "image/png")


async def check_form(target: Target) -> Answer:
    """`POST /v1/check` of a form with two pictures."""
    return await target.ask("POST", "/v1/check", form(2), FORM)


async def broken(target: Target) -> Answer:
    """`POST /v1/check` of random bytes, whose answer is a refusal."""
    return await target.ask("POST", "/v1/check", os.urandom(500), "image/png")


async def upload(target: Target) -> Answer:
    """An upload of a file that differs each time."""
    path = f"/gradio_api/upload?upload_id={uuid4().hex[:11]}"
    return await target.ask("POST", path, form(1, PICTURE + os.urandom(16)), FORM)


async def call(target: Target) -> Answer:
    """An upload, and a call of the endpoint `/check` with it."""
    sent = await upload(target)
    if sent.status != 200:
        return sent
    file = {"path": json.loads(sent.body)[0], "meta": {"_type": "gradio.FileData"}}
    joined = await target.send("/gradio_api/call/check", {"data": [file]})
    if joined.status != 200:
        return joined
    found = await target.ask("GET", f"/gradio_api/call/check/{json.loads(joined.body)['event_id']}")
    return found if b"verdict" in found.body or found.status != 200 else Answer(0, failure="no verdict")


async def session_call(target: Target) -> Answer:
    """A call as the page makes it: in a session, with a stream of its answers."""
    session = uuid4().hex
    if target.port not in EVENT_NUMBERS:
        events = json.loads((await config(target)).body)["dependencies"]
        EVENT_NUMBERS[target.port] = next(each["id"] for each in events if each["api_name"] == "generate")
    body = {"data": [3, 1, 0, None], "fn_index": EVENT_NUMBERS[target.port], "session_hash": session}
    joined = await target.send("/gradio_api/queue/join", body)
    if joined.status != 200:
        return joined
    found = await target.ask("GET", f"/gradio_api/queue/data?session_hash={session}")
    done = b"process_completed" in found.body or found.status != 200
    return found if done else Answer(0, failure="no result")


EVENT_NUMBERS: Final[dict[int, int]] = {}
"""By its port, under which number an app's page calls `/generate`."""


async def left_alone(target: Target) -> Answer:
    """A call whose answer nobody fetches."""
    return await target.send("/gradio_api/call/generate", {"data": [3, 1, 0, None]})


Kind = Callable[[Target], Awaitable[Answer]]
EVERY_KIND: Final[Sequence[Kind]] = (
    *(check, page, check, call, check, session_call),
    *(broken, upload, check_form, left_alone, check, health),
)


@dataclass
class Load:
    """Outcomes of many requests, and the seconds of the slowest and of all."""

    outcomes: Counter[str]
    slowest: float
    seconds: float

    @property
    def failures(self) -> int:
        """The number of requests with neither a result nor a 503 or 429 with Retry-After."""
        return sum(count for name, count in self.outcomes.items() if not name.endswith((" 200", "busy")))

    @property
    def busy(self) -> int:
        """The number of 503 and 429 with Retry-After."""
        return sum(count for name, count in self.outcomes.items() if name.endswith("busy"))


async def many(target: Target, kinds: Sequence[Kind], count: int, at_once: int) -> Load:
    """Send `count` requests of mixed kinds, `at_once` at a time, each from the next client's address."""
    outcomes: Counter[str] = Counter()
    slowest = 0.0
    rest = zip(itertools.islice(itertools.cycle(kinds), count), itertools.cycle(CLIENTS), strict=False)

    async def worker() -> None:
        nonlocal slowest
        for kind, address in rest:
            started = time.monotonic()
            answer = await kind(target.seen_by(address))
            slowest = max(slowest, time.monotonic() - started)
            outcome = "busy" if answer.busy else answer.failure or str(answer.status)
            outcomes[f"{kind.__name__} {outcome}"] += 1

    began = time.monotonic()
    await asyncio.gather(*(worker() for _ in range(at_once)))
    return Load(outcomes, slowest, time.monotonic() - began)


async def recovery(target: Target, longest: float = 30.0) -> float:
    """Return the seconds until the app answers normally: its state and a check within a second."""
    began = time.monotonic()
    while (passed := time.monotonic() - began) < longest:
        before = time.monotonic()
        answers = [await health(target), await check(target)]
        if all(each.status == 200 for each in answers) and time.monotonic() - before < 1.0:
            return passed
    return longest


STALLS: Final = {
    "silent": "",
    "slow head": "POST {path}/v1/check HTTP/1.1\r\nHost: x\r\nContent-Ty",
    "slow body": "POST {path}/v1/check HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\nabc",
    "slow upload": "POST {path}/gradio_api/upload HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n"
    "Content-Type: multipart/form-data; boundary=between\r\n\r\n--between\r\n"
    'Content-Disposition: form-data; name="files"; filename="7.png"\r\n\r\nabc',
    "unread": "GET {path}/models/mlp_history.onnx HTTP/1.1\r\nHost: x\r\n\r\n" * 2,
}


async def stall(target: Target, how: str) -> asyncio.StreamWriter | None:
    """Open a connection that stalls as in `STALLS`; None where it is refused."""
    try:
        reader, writer = await target.connect(limit=1)
    except OSError:
        return None
    # Never read from the socket.
    reader._transport.pause_reading()  # type: ignore[attr-defined]
    writer.write(STALLS[how].replace("{path}", target.path).encode())
    return writer


async def beside_stalled(target: Target, count: int, stalled: int) -> tuple[Load, float]:
    """Send requests beside stalled clients; also return the seconds until the app answers normally."""
    turns = zip(itertools.islice(itertools.cycle(STALLS), stalled), itertools.cycle(STALLING), strict=False)
    held = await asyncio.gather(*(stall(target.seen_by(client), how) for how, client in turns))
    load = await many(target, EVERY_KIND, count, 4)
    again = await recovery(target)
    for writer in held:
        if writer is not None:
            writer.transport.abort()
    return load, again


def memory(process: int) -> float:
    """Return the MiB that a process holds in memory."""
    (line,) = (each for each in Path(f"/proc/{process}/status").read_text().splitlines() if "VmRSS" in each)
    return int(line.split()[1]) / 1024


def row(name: str, figure: str, good: bool) -> bool:
    """Print one line of the table."""
    print(f"{name:<52} {figure:<46} {'good' if good else 'MISSED'}", flush=True)
    return good


async def measure(target: Target, process: int, count: int) -> bool:
    """Print the figures of a running app; return whether all goals are met."""
    await many(target, EVERY_KIND, count // 10, 8)
    await recovery(target)
    before = memory(process)
    first = await many(target, EVERY_KIND, count // 2, 8)
    middle = memory(process)
    second = await many(target, EVERY_KIND, count - count // 2, 8)
    after = memory(process)
    failures, seconds = first.failures + second.failures, first.seconds + second.seconds
    figure = f"{failures} failed, {first.busy + second.busy} busy, {count / seconds:.0f} a second"
    good = [row(f"{count:,} mixed requests", figure, not failures)]
    print("   ", dict(first.outcomes + second.outcomes))
    figure = f"{before:.0f} MiB, {after - before:+.1f}, second half {after - middle:+.1f}"
    met = after - before <= MOST_GROWTH and after - middle <= MOST_LATE_GROWTH
    good.append(row("memory after warm-up, and its growth", figure, met))
    burst = await many(target, EVERY_KIND, AT_ONCE, AT_ONCE)
    figure = f"{burst.failures} failed, {burst.busy} busy, slowest {burst.slowest:.1f} s"
    good.append(row(f"{AT_ONCE} requests at once", figure, not burst.failures))
    print("   ", dict(burst.outcomes))
    again = await recovery(target)
    good.append(row("normal again after", f"{again:.1f} s", again <= MOST_RECOVERY))
    for stalled in (300, 1500):
        load, again = await beside_stalled(target, 60, stalled)
        figure = f"{load.failures} failed, {load.busy} busy, slowest {load.slowest:.1f} s"
        good.append(row(f"60 requests beside {stalled:,} that stall", figure, not load.failures + load.busy))
        good.append(row("normal again beside them after", f"{again:.1f} s", again <= MOST_RECOVERY))
    return all(good)


@contextmanager
def behind_nginx(address: str) -> Iterator[str]:
    """Start nginx with a copy of `demo/deploy/nginx.conf` in front of an app; yield its address."""
    with listen("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="nginx-") as folder:
        # nginx's workers have another user where root starts it.
        Path(folder).chmod(0o755)
        temporary = "".join(
            f"{each}_temp_path {folder}/{each};\n"
            for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        text = NGINX_CONF.read_text()
        for before, after in (
            ("http {\n", f"http {{\n{temporary}"),
            ("listen 80;", f"listen 127.0.0.1:{port} backlog=4096;"),
            ("server 127.0.0.1:7860", f"server 127.0.0.1:{urlsplit(address).port}"),
            ("/var/cache/touchstone", f"{folder}/models"),
        ):
            assert before in text, before
            text = text.replace(before, after, 1)
        conf = Path(folder) / "nginx.conf"
        conf.write_text(text)
        options = ["-c", str(conf), "-e", f"{folder}/error.log"]
        command = ["nginx", *options, "-g", f"daemon off; pid {folder}/pid;"]
        with subprocess.Popen(command) as process:
            served = f"http://127.0.0.1:{port}/touchstone/"
            try:
                wait_until_served(f"{served}healthz")
                yield served
            finally:
                process.terminate()


def wait_until_served(address: str) -> None:
    """Wait until an address answers 200; TimeoutError after ten seconds."""
    for _ in range(100):
        try:
            if httpx.get(address, trust_env=False, timeout=5).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise TimeoutError(address)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.tools.load", description=__doc__)
    parser.add_argument("--count", type=int, default=20_000, help="mixed requests, 8 at once (%(default)s)")
    options = parser.parse_args(arguments)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 8192), most))
    with (
        served_process(GRADIO_ROOT_PATH="/touchstone") as server,
        behind_nginx(server.address) as address,
    ):
        target = Target.at(address)
        good = asyncio.run(measure(target, server.pid, options.count))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
