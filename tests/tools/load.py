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
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from uuid import uuid4

import httpx

from demo.api.network import listen
from tests.support.processes import mebibytes
from tests.support.serving import ROOT, served_process

PICTURE: Final = (ROOT / "demo" / "conformance" / "drawn-7.png").read_bytes()
NGINX_CONF: Final = ROOT / "demo" / "deploy" / "nginx.conf"
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


def client_at(address: str, source: str | None = None) -> httpx.AsyncClient:
    """Return a client of the app that opens a connection for each request. source: the client's address."""
    # Nothing is encrypted; a context that verifies takes long to make.
    transport = httpx.AsyncHTTPTransport(
        verify=False, local_address=source, limits=httpx.Limits(max_keepalive_connections=0)
    )
    return httpx.AsyncClient(base_url=address, transport=transport, timeout=LONGEST, trust_env=False)


async def upload(client: httpx.AsyncClient) -> httpx.Response:
    """An upload of a file that differs each time."""
    path = f"/gradio_api/upload?upload_id={uuid4().hex[:11]}"
    return await client.post(path, files={"files": ("7.png", PICTURE + os.urandom(16))})


async def call(client: httpx.AsyncClient) -> httpx.Response:
    """An upload, and a call of the endpoint `/check` with it."""
    sent = (await upload(client)).raise_for_status()
    file = {"path": sent.json()[0], "meta": {"_type": "gradio.FileData"}}
    joined = (await client.post("/gradio_api/call/check", json={"data": [file]})).raise_for_status()
    found = await client.get(f"/gradio_api/call/check/{joined.json()['event_id']}")
    if "verdict" not in found.raise_for_status().text:
        raise ValueError("no verdict")
    return found


async def session_call(client: httpx.AsyncClient) -> httpx.Response:
    """A call as the page makes it: in a session, with a stream of its answers."""
    session = uuid4().hex
    if client.base_url not in EVENT_NUMBERS:
        events = (await client.get("/config")).raise_for_status().json()["dependencies"]
        numbers = (each["id"] for each in events if each["api_name"] == "generate")
        EVENT_NUMBERS[client.base_url] = next(numbers)
    number = EVENT_NUMBERS[client.base_url]
    body = {"data": [3, 1, 0, None], "fn_index": number, "session_hash": session}
    (await client.post("/gradio_api/queue/join", json=body)).raise_for_status()
    found = await client.get(f"/gradio_api/queue/data?session_hash={session}")
    if "process_completed" not in found.raise_for_status().text:
        raise ValueError("no result")
    return found


EVENT_NUMBERS: Final[dict[httpx.URL, int]] = {}
"""By its address, under which number an app's page calls `/generate`."""
KINDS: Final[Mapping[str, Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]]] = {
    "page": lambda client: client.get("/"),
    "health": lambda client: client.get("/healthz"),
    "check": lambda client: client.post("/v1/check", content=PICTURE),
    "form": lambda client: client.post("/v1/check", files=[("files", ("7.png", PICTURE))] * 2),
    # Its answer is a refusal.
    "broken": lambda client: client.post("/v1/check", content=os.urandom(500)),
    "upload": upload,
    "call": call,
    "session": session_call,
    # Nobody fetches its answer.
    "left alone": lambda client: client.post("/gradio_api/call/generate", json={"data": [3, 1, 0, None]}),
}
EVERY_KIND: Final = (
    *("check", "page", "check", "call", "check", "session"),
    *("broken", "upload", "form", "left alone", "check", "health"),
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


async def outcome(kind: str, client: httpx.AsyncClient) -> str:
    """Send a request; return its status, `busy` for a 503 or 429 with Retry-After, or the kind of failure."""
    try:
        async with asyncio.timeout(LONGEST):
            response = await KINDS[kind](client)
    except httpx.HTTPStatusError as error:
        response = error.response
    except (httpx.HTTPError, TimeoutError, ValueError) as error:
        return type(error).__name__
    busy = response.status_code in (429, 503) and "retry-after" in response.headers
    return "busy" if busy else str(response.status_code)


async def many(address: str, kinds: Sequence[str], count: int, at_once: int) -> Load:
    """Send `count` requests of mixed kinds, `at_once` at a time, each from the next client's address."""
    outcomes: Counter[str] = Counter()
    slowest = 0.0
    clients = itertools.cycle([client_at(address, each) for each in CLIENTS])
    rest = zip(itertools.islice(itertools.cycle(kinds), count), clients, strict=False)

    async def worker() -> None:
        nonlocal slowest
        for kind, client in rest:
            started = time.monotonic()
            outcomes[f"{kind} {await outcome(kind, client)}"] += 1
            slowest = max(slowest, time.monotonic() - started)

    began = time.monotonic()
    await asyncio.gather(*(worker() for _ in range(at_once)))
    return Load(outcomes, slowest, time.monotonic() - began)


async def recovery(address: str, longest: float = 30.0) -> float:
    """Return the seconds until the app answers normally: its state and a check within a second."""
    client = client_at(address)
    began = time.monotonic()
    while (passed := time.monotonic() - began) < longest:
        before = time.monotonic()
        answers = [await outcome(kind, client) for kind in ("health", "check")]
        if answers == ["200", "200"] and time.monotonic() - before < 1.0:
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


async def stall(address: str, source: str, how: str) -> asyncio.StreamWriter | None:
    """Open a connection from an address that stalls as in `STALLS`; None where it is refused."""
    app = httpx.URL(address)
    try:
        reader, writer = await asyncio.open_connection(app.host, app.port, local_addr=(source, 0), limit=1)
    except OSError:
        return None
    # Never read from the socket.
    reader._transport.pause_reading()  # type: ignore[attr-defined]
    writer.write(STALLS[how].replace("{path}", app.path.rstrip("/")).encode())
    return writer


async def beside_stalled(address: str, count: int, stalled: int) -> tuple[Load, float]:
    """Send requests beside stalled clients; also return the seconds until the app answers normally."""
    turns = zip(itertools.islice(itertools.cycle(STALLS), stalled), itertools.cycle(STALLING), strict=False)
    held = await asyncio.gather(*(stall(address, source, how) for how, source in turns))
    load = await many(address, EVERY_KIND, count, 4)
    again = await recovery(address)
    for writer in held:
        if writer is not None:
            writer.transport.abort()
    return load, again


def row(name: str, figure: str, good: bool) -> bool:
    """Print one line of the table."""
    print(f"{name:<52} {figure:<46} {'good' if good else 'MISSED'}", flush=True)
    return good


async def measure(address: str, process: int, count: int) -> bool:
    """Print the figures of a running app; return whether all goals are met."""
    await many(address, EVERY_KIND, count // 10, 8)
    await recovery(address)
    before = mebibytes(process, "VmRSS")
    first = await many(address, EVERY_KIND, count // 2, 8)
    middle = mebibytes(process, "VmRSS")
    second = await many(address, EVERY_KIND, count - count // 2, 8)
    after = mebibytes(process, "VmRSS")
    failures, seconds = first.failures + second.failures, first.seconds + second.seconds
    figure = f"{failures} failed, {first.busy + second.busy} busy, {count / seconds:.0f} a second"
    good = [row(f"{count:,} mixed requests", figure, not failures)]
    print("   ", dict(first.outcomes + second.outcomes))
    figure = f"{before:.0f} MiB, {after - before:+.1f}, second half {after - middle:+.1f}"
    met = after - before <= MOST_GROWTH and after - middle <= MOST_LATE_GROWTH
    good.append(row("memory after warm-up, and its growth", figure, met))
    burst = await many(address, EVERY_KIND, AT_ONCE, AT_ONCE)
    figure = f"{burst.failures} failed, {burst.busy} busy, slowest {burst.slowest:.1f} s"
    good.append(row(f"{AT_ONCE} requests at once", figure, not burst.failures))
    print("   ", dict(burst.outcomes))
    again = await recovery(address)
    good.append(row("normal again after", f"{again:.1f} s", again <= MOST_RECOVERY))
    for stalled in (300, 1500):
        load, again = await beside_stalled(address, 60, stalled)
        figure = f"{load.failures} failed, {load.busy} busy, slowest {load.slowest:.1f} s"
        good.append(row(f"60 requests beside {stalled:,} that stall", figure, not load.failures + load.busy))
        good.append(row("normal again beside them after", f"{again:.1f} s", again <= MOST_RECOVERY))
    return all(good)


@contextmanager
def behind_nginx(address: str, *, forwarded: bool = True) -> Iterator[str]:
    """Start nginx with a copy of `demo/deploy/nginx.conf` in front of an app; yield its address.

    forwarded: without it nginx sends no header of its own but Host.
    """
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
        if not forwarded:
            text = re.sub(r"proxy_set_header X-Forwarded-\w+ .*", "", text)
        conf = Path(folder) / "nginx.conf"
        conf.write_text(text)
        options = ["-c", str(conf), "-e", f"{folder}/error.log"]
        command = ["nginx", *options, "-g", f"daemon off; pid {folder}/pid;"]
        with subprocess.Popen(command) as process:
            served = f"http://127.0.0.1:{port}/touchstone/"
            try:
                # It may not listen yet.
                with httpx.Client(transport=httpx.HTTPTransport(retries=5), trust_env=False) as client:
                    client.get(f"{served}healthz").raise_for_status()
                yield served
            finally:
                process.terminate()


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.tools.load", description=__doc__)
    parser.add_argument("--count", type=int, default=20_000, help="mixed requests, 8 at once (%(default)s)")
    options = parser.parse_args(arguments)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 8192), most))
    with served_process(GRADIO_ROOT_PATH="/touchstone") as server, behind_nginx(server.address) as address:
        good = asyncio.run(measure(address, server.pid, options.count))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
