"""The app as a server: where it listens, what it prints, what else than the page it answers."""

import importlib.util
import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, closing, nullcontext
from pathlib import Path
from typing import Any

from starlette.middleware import Middleware

from demo.api.network import free_port, network_address, url
from demo.api.stubless import without_stubs
from demo.bounds.ending import exits_when_terminated
from demo.decoder.images import LARGEST_FILE_BYTES
from demo.environment import temporary_folder, without_plots
from demo.errors import DemoError, UsageError
from demo.inference.engine import Engine


def serve(engine: Engine, host: str, port: int | None, mcp: bool = False) -> None:
    """Open every model, and serve the app until interrupted.

    port: None takes the first free one from 7860, 0 any free one.
    mcp: serve the endpoints as tools of an MCP server, too. Prints the addresses and the device that runs
    the model. Uploads lie in a folder of their own, which is gone afterwards, within the one that
    `GRADIO_TEMP_DIR` names, if any.

    Raises:
        DemoError: the port is in use, the host is not an address of this machine, MCP's library or a folder
            for temporary files is missing, or a model is missing, altered, or gives other numbers than when
            published.
    """
    if mcp and importlib.util.find_spec("mcp") is None:
        raise DemoError('--mcp needs a library that is not installed: pip install ".[mcp]"')
    port = free_port(host, port)
    temporary_folder()
    # Gradio's own default is the same for all users of a machine, and may belong to another one.
    with exits_when_terminated(), uploads_folder(os.environ.get("GRADIO_TEMP_DIR")) as uploads:
        os.environ["GRADIO_TEMP_DIR"] = uploads
        # Gradio asks itself whether it is up, and a proxy would not know the way.
        known = os.environ.get("NO_PROXY", "")
        os.environ["NO_PROXY"] = f"{known},{host},localhost,127.0.0.1".lstrip(",")
        with without_plots():
            _launch(engine, host, port, mcp, Path(uploads))


def uploads_folder(given: str | None) -> tempfile.TemporaryDirectory[str]:
    """A new folder for uploads, removed afterwards, within the one that is given.

    Never that one itself: whatever comes into a folder of uploads is removed, whoever put it there.

    Raises:
        UsageError: the one that is given cannot be written.
    """
    try:
        if given:
            Path(given).mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(prefix="touchstone-", dir=given or None)
    except OSError as error:
        reason = error.strerror or error
        raise UsageError(
            f"GRADIO_TEMP_DIR ({given}) cannot be written ({reason}); name a folder that can be."
        ) from error


def _launch(engine: Engine, host: str, port: int, mcp: bool, uploads: Path) -> None:
    # Gradio takes seconds to import, in which the models open, and reads its environment at import.
    with without_stubs(), ThreadPoolExecutor(1) as thread:
        opening = thread.submit(engine.open_all)
        from demo.api.check_route import CheckEndpoint, check_route
        from demo.api.downloads import downloads_route
        from demo.api.gradio_inside import failures_told
        from demo.api.health import health_route
        from demo.bounds.guard import guard_calls, guarded
        from demo.bounds.listening import Listening
        from demo.bounds.states import SESSIONS_KEPT
        from demo.doors.door import UNFORESEEN, Door
        from demo.doors.headers import headers_outermost
        from demo.doors.ways import Way
        from demo.ui.app import build_app
        from demo.ui.theme import STYLE_SHEETS, touchstone_theme

    opening.result()
    checks = CheckEndpoint(engine)
    routes = [check_route(checks), health_route(engine), downloads_route(engine.manifest)]
    own: dict[str, Way] = {}
    tools_running: Callable[[Any], AbstractAsyncContextManager[None]] = nullcontext
    if mcp:
        from demo.api.mcp import ToolServer

        tools = ToolServer(engine, host)
        routes.append(tools.route)
        own[tools.route.path] = tools.way
        tools_running = tools.lifespan
    app, translations = build_app(engine)
    forgetter = guard_calls(app, host)
    failures_told(app, UNFORESEEN)
    web = {
        "routes": routes,
        "middleware": [
            Middleware(Door, blocks=app, own=own),
            Middleware(Listening, blocks=app, listeners=forgetter.listeners),
        ],
        "lifespan": headers_outermost(tools_running),
    }
    _, address, _ = app.launch(
        server_name=f"[{host}]" if ":" in host else host,
        server_port=port,
        prevent_thread_lock=True,
        quiet=True,
        inline=False,
        share=False,
        ssr_mode=False,
        # It asks nobody but itself, by plain http: no need to load every authority's certificate.
        ssl_verify=False,
        pwa=False,
        mcp_server=False,
        # What nobody foresaw may name what strangers need not know; it goes to the log.
        show_error=False,
        run_history=False,
        enable_monitoring=False,
        # At so many it drops those that rested longest, open pages or not; `States` keeps below.
        state_session_capacity=2 * SESSIONS_KEPT,
        max_file_size=LARGEST_FILE_BYTES,
        footer_links=["api", "settings"],
        theme=touchstone_theme(),
        i18n=translations,
        css_paths=STYLE_SHEETS,
        app_kwargs=web,
    )
    address = address.replace("[::]", "[::1]")
    print(f"Touchstone is at {address}")
    if (reached := network_address(host)) is not None:
        print(f"Others on your network: {url(reached, port)}")
        print("Over plain http a page gets no camera; a phone's own picker still offers it.")
    if mcp:
        print(f"Its MCP server is at {address.rstrip('/')}{tools.route.path}")
    print(engine.device_note, flush=True)
    with closing(checks), guarded(app, uploads, forgetter):
        app.block_thread()
