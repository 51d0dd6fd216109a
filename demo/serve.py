"""The app as a server: the page with its API, or the API alone, both under uvicorn."""

import asyncio
import gc
import importlib.util
import logging
import os
import shutil
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from demo.api import limits
from demo.api.downloads import downloads_route
from demo.api.gradio_private import explain_failures, without_type_stubs
from demo.api.health import health_route
from demo.api.middleware import SECURITY_HEADERS, Gateway, Traffic
from demo.api.network import listen, local_url, network_url
from demo.api.openapi import openapi_route
from demo.api.routes import API_RULES, CHECK_PATH, EVERY, GENERATE_PATH, MCP_PATH, MCP_RULE, PAGE_RULES
from demo.api.uploads import NOT_KEPT, clean_regularly, uploads_folder
from demo.api.v1 import CheckEndpoint, GenerateEndpoint
from demo.contract import NORMALIZER
from demo.decoder.images import LARGEST_FILE_BYTES
from demo.environment import check_temporary_folder
from demo.errors import UNEXPECTED, DemoError
from demo.inference.engine import Engine

FROM_ANYWHERE: Final = Middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["GET", "POST"])
"""Pages of other sites may read the answers: there are no accounts, and nothing is kept."""
NO_UPLOAD: Final = (
    'The upload is broken; send files as multipart/form-data, each in a part named "files" with a file name.'
)


def serve(engine: Engine, host: str, port: int | None, mcp: bool = False) -> None:
    """Open every model, and serve the page and its API until interrupted or terminated.

    Print the addresses, and the device that runs the model. port: None takes the first free one from 7860, 0
    any free one. mcp: also serve the endpoints as tools of an MCP server.

    Raises:
        DemoError: the port is in use, the host is not an address of this machine, MCP's library or a folder
            for temporary files is missing, or a model is missing, altered, or fails its self-test.
        KeyboardInterrupt: it was interrupted.
        SystemExit: it was terminated; with code 0.
    """
    if mcp and importlib.util.find_spec("mcp") is None:
        raise DemoError('--mcp needs a library that is not installed: pip install ".[mcp]"')
    check_temporary_folder()
    with closing(listen(host, port)) as listening, uploads_folder() as uploads:
        # Gradio would import it at each event, and it writes to the home folder.
        sys.modules["matplotlib"] = None  # type: ignore[assignment]
        # The models open while gradio is imported, which takes seconds.
        with ThreadPoolExecutor(1) as thread, without_type_stubs():
            opening = thread.submit(engine.open_all)
            import gradio  # noqa: F401
        opening.result()
        with closing(CheckEndpoint(engine)) as checks:
            notes = []
            if network_url(host, 0):
                notes.append("Over plain http a page gets no camera; a phone's own picker still offers it.")
            if mcp:
                notes.append(f"Its MCP server is at {{address}}{MCP_PATH.removeprefix('/')}")
            notes.append(engine.device_note)
            build = partial(page_app, engine, checks, uploads, host if mcp else None)
            run(build, listening, host, notes, uploads)


def serve_api(engine: Engine, host: str, port: int | None) -> None:
    """Serve `/v1`, its description, `/healthz` and `/models/…` alone, without the page; see `serve`."""
    with closing(listen(host, port)) as listening:
        models = (NORMALIZER, engine.model)
        for name in models:
            engine.session(name)
        with closing(CheckEndpoint(engine)) as checks:
            guards = [FROM_ANYWHERE, Middleware(Gateway, rules=API_RULES, traffic=Traffic())]
            app = Starlette(routes=api_routes(engine, checks, models), middleware=guards)
            note = f"It has no page; send pictures to {{address}}{CHECK_PATH.removeprefix('/')}"
            run(lambda: app, listening, host, [note, engine.device_note])


def api_routes(
    engine: Engine, checks: CheckEndpoint, models: Sequence[str], guards: Sequence[Middleware] = ()
) -> list[Route]:
    """Return the routes outside the page. models: those that `/healthz` tests. guards: around each route."""
    routes = [
        Route(CHECK_PATH, checks),
        Route(GENERATE_PATH, GenerateEndpoint(engine)),
        openapi_route(engine),
        health_route(engine, models),
        downloads_route(engine.manifest),
    ]
    return [Route(each.path, each.endpoint, methods=EVERY, middleware=guards) for each in routes]


def page_app(engine: Engine, checks: CheckEndpoint, uploads: Path, mcp_host: str | None) -> Starlette:
    """Build the app with the page, in the event loop that serves it: gradio would make another one.

    uploads: an empty folder. mcp_host: where the MCP server listens, or None for none.
    """
    import gradio as gr

    from demo.api.calls import Calls
    from demo.ui.app import build_app
    from demo.ui.theme import STYLE_SHEETS, touchstone_theme

    traffic = Traffic()
    rules = [*API_RULES, *PAGE_RULES]
    routes = []
    tools = None
    if mcp_host is not None:
        from demo.api.mcp import ToolServer

        tools = ToolServer(engine, mcp_host)
        routes.append(tools.route)
        rules.append(MCP_RULE)
    page, translations = build_app(engine)
    explain_failures(page)

    @asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        async with nullcontext() if tools is None else tools.lifespan():
            cleaning = asyncio.create_task(clean_regularly(page, uploads, traffic.idle_seconds))
            yield
            cleaning.cancel()

    page.state_session_capacity = limits.SESSIONS
    calls = Calls(page, uploads, engine.generators)
    # Within gradio's app its own middleware would cost a tenth of the requests.
    guards = [FROM_ANYWHERE, Middleware(Gateway, rules=rules, traffic=traffic)]
    parent = Starlette(routes=api_routes(engine, checks, engine.models, guards))
    gr.mount_gradio_app(
        parent,
        page,
        path="/",
        root_path=os.environ.get("GRADIO_ROOT_PATH", ""),
        app_kwargs={
            "routes": routes,
            "middleware": [Middleware(Gateway, rules=rules, traffic=traffic, calls=calls)],
            "exception_handlers": dict.fromkeys((TypeError, ValueError, OSError, Exception), unexpected),
            "lifespan": lifespan,
        },
        max_file_size=LARGEST_FILE_BYTES,
        # An exception's own text may name files of the server; it goes to the log.
        show_error=False,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        run_history=False,
        enable_monitoring=False,
        footer_links=["api", "settings"],
        theme=touchstone_theme(),
        i18n=translations,
        css_paths=STYLE_SHEETS,
    )
    return parent


async def unexpected(request: Request, error: Exception) -> Response:
    """Answer a request that failed unexpectedly, without the exception's own text."""
    if request.url.path.endswith("/upload") and isinstance(error, TypeError | ValueError):
        # Gradio's parser of uploads fails so on a part without a file name, and on a missing boundary.
        return JSONResponse({"detail": NO_UPLOAD}, 400)
    if request.url.path.endswith("/upload") and isinstance(error, OSError):
        logging.getLogger("touchstone").error("An upload cannot be kept: %s", error)
        return JSONResponse({"detail": NOT_KEPT}, 503, {"retry-after": "60"})
    logging.getLogger("touchstone").error("A request failed", exc_info=error)
    return JSONResponse({"detail": UNEXPECTED}, 500)


class Server(uvicorn.Server):
    """A uvicorn server that stops in time even if a page is open or a thread still works.

    uploads: a folder to remove if a thread still works.
    """

    uploads: Path | None = None

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Wait for requests in progress, as uvicorn does, but not for open pages."""
        app: Any = self.config.app
        # End the streams of open pages, as `gr.Blocks.close` does for an app that was launched.
        for route in app.routes:
            if (stopping := getattr(getattr(route, "app", None), "stop_event", None)) is not None:
                stopping.set()
        # Python would wait for its threads, and a batch of 2,000 pictures takes longer.
        timer = threading.Timer(limits.EXIT_SECONDS, self._exit)
        timer.daemon = True
        timer.start()
        await super().shutdown(sockets)

    def _exit(self) -> None:
        if self.uploads is not None:
            shutil.rmtree(self.uploads, ignore_errors=True)
        os._exit(130 if signal.SIGINT in self._captured_signals else 0)


def run(
    build: Callable[[], Starlette],
    listening: socket.socket,
    host: str,
    notes: Sequence[str],
    uploads: Path | None = None,
) -> None:
    """Serve an app on a socket until interrupted or terminated; requests in progress are still answered.

    build: makes the app, in the event loop. notes: lines to print; `{address}` in them stands for its
    address. It raises KeyboardInterrupt and SystemExit as `serve` does.
    """
    limits.allow_connections()
    port = listening.getsockname()[1]
    address = local_url(host, port)
    lines = [f"Touchstone is at {address}"]
    if reached := network_url(host, port):
        lines.append(f"Others on your network: {reached}")
    lines += [note.format(address=address) for note in notes]

    async def serving() -> None:
        app = build()
        # Each full collection would go over Gradio's objects, too, and hold all requests for 200 ms.
        gc.freeze()
        config = uvicorn.Config(
            app,
            lifespan="on",
            ws="none",
            # Uvicorn's other HTTP implementation ignores the limit for heads below.
            http="h11",
            log_level="warning",
            access_log=False,
            server_header=False,
            headers=SECURITY_HEADERS,
            limit_concurrency=limits.CONNECTIONS,
            backlog=limits.BACKLOG,
            timeout_keep_alive=limits.KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=limits.SHUTDOWN_SECONDS,
            h11_max_incomplete_event_size=limits.LONGEST_HEAD,
        )
        server = Server(config)
        server.uploads = uploads
        print("\n".join(lines), flush=True)
        await server.serve([listening])

    # Uvicorn raises the signal again once it has shut down.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    asyncio.run(serving())
