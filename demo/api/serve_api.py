"""The API alone as a server: `POST /v1/check`, `/healthz` and `/models/…`, without page and gradio."""

import signal
import sys
from contextlib import closing
from typing import Final

import uvicorn
from starlette.applications import Starlette

from demo.api.check_route import CHECK_PATH, CheckEndpoint, check_route
from demo.api.downloads import downloads_route
from demo.api.health import health_route
from demo.api.network import free_port, listener, name_here, network_address, url
from demo.bounds.crowd import bound
from demo.contract import NORMALIZER
from demo.doors.headers import SecurityHeaders
from demo.inference.engine import Engine

SECONDS_TO_END: Final = 8
"""How long requests may still take once the server is told to end."""


def serve_api(engine: Engine, host: str, port: int | None) -> None:
    """Serve until interrupted or terminated; what is being answered then is still answered.

    port: None takes the first free one from 7860, 0 any free one. Prints the addresses and the device that
    runs the model.

    Raises:
        DemoError: the port is in use, the host is not an address of this machine, or the models cannot run.
        KeyboardInterrupt: it was interrupted.
        SystemExit: it was terminated; with code 0.
    """
    port = free_port(host, port)
    models = (NORMALIZER, engine.model)
    for name in models:
        engine.session(name)
    checks = CheckEndpoint(engine)
    routes = [check_route(checks), health_route(engine, models), downloads_route(engine.manifest)]
    config = uvicorn.Config(
        SecurityHeaders(Starlette(routes=routes)),
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=SECONDS_TO_END,
    )
    bound(config)
    # What uvicorn is told while it serves it tells this process again once it has ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with closing(listener(host, port)) as listening, closing(checks):
        address = url(name_here(host), port)
        print(f"Touchstone is at {address}")
        if (reached := network_address(host)) is not None:
            print(f"Others on your network: {url(reached, port)}")
        print(f"It has no page; send pictures to {address.rstrip('/')}{CHECK_PATH}")
        print(engine.device_note, flush=True)
        uvicorn.Server(config).run([listening])
