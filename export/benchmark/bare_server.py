"""The least that can answer a picture over HTTP: what `/v1/check` is held against.

No routes, forms, limits, backlog or batches: a body, the isolated decoder, the same sessions, an answer.
`python -m export.benchmark.bare_server MODELS` takes any free port and prints its address.
"""

import asyncio
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from demo.api.network import listen, local_url
from demo.decoder.images import shared_pool
from demo.inference.check import check_bytes
from demo.inference.engine import Engine

HOST = "127.0.0.1"


def bare_app(engine: Engine) -> ASGIApp:
    """An application that answers a POST to any path with the answer for its body."""
    threads = ThreadPoolExecutor(shared_pool().size)

    def answer(content: bytes) -> bytes:
        found = check_bytes(engine, "picture", content).answer.as_dict()
        return json.dumps(found, separators=(",", ":")).encode()

    async def app(_: Scope, receive: Receive, send: Send) -> None:
        content = b""
        more: Any = True
        while more:
            message = await receive()
            content += message.get("body", b"")
            more = message.get("more_body")
        body = await asyncio.get_running_loop().run_in_executor(threads, answer, content)
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


def main() -> None:
    """Serve until killed."""
    engine = Engine.load(Path(sys.argv[1]), "cpu")
    shared_pool().start()
    listening = listen(HOST, 0)
    config = uvicorn.Config(bare_app(engine), lifespan="off", access_log=False, log_level="warning")
    print(f"Bare at {local_url(HOST, listening.getsockname()[1])}")
    print(engine.device_note, flush=True)
    uvicorn.Server(config).run([listening])


if __name__ == "__main__":
    main()
