"""The web app: its views in tabs, and the same by API.

Every picture, whoever made it, reaches the model through `demo.check`; this file puts the views together.
"""

import html
import os
import socket
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Final

import gradio as gr

from demo.endpoints import add_endpoints
from demo.errors import DemoError
from demo.images import LARGEST_FILE_BYTES
from demo.page import Page
from demo.runtime import Engine
from demo.theme import STYLE_SHEETS, touchstone_theme
from demo.views.check import add_check
from demo.views.game import add_game
from demo.views.generate import add_generate

FIRST_PORTS: Final = range(7860, 7960)
KEEP_FILES_SECONDS: Final = 3600
QUEUE_LENGTH: Final = 128

VIEWS: Final[dict[str, Callable[[Page], None]]] = {
    "check": add_check,
    "generate": add_generate,
    "game": add_game,
}
"""By its name in the address (`?view=generate`), what lays out each view, in the order of the tabs."""


def build_app(engine: Engine) -> tuple[gr.Blocks, gr.I18n]:
    """The page with its endpoints `/check`, `/check_many`, `/generate` and `/history`, and its texts."""
    app = gr.Blocks(
        title="Touchstone",
        analytics_enabled=False,
        delete_cache=(KEEP_FILES_SECONDS, KEEP_FILES_SECONDS),
    )
    with app:
        page = Page(engine)
        gr.HTML(page.block(_masthead), apply_default_css=False)
        page.tabs.render()  # type: ignore[no-untyped-call]
        with page.tabs:
            for name, add_view in VIEWS.items():
                with gr.Tab(page.say(f"page.{name}"), id=name):
                    add_view(page)
        note = html.escape(engine.device_note)
        gr.HTML(f'<footer class="device-note">{note}</footer>', apply_default_css=False)
        add_endpoints(engine)
        app.load(_named_view, None, page.tabs, api_visibility="private", show_progress="hidden")
    app.queue(max_size=QUEUE_LENGTH, default_concurrency_limit=4)
    return app, page.translations()


def _masthead(words: Callable[[str], str]) -> str:
    return f'<header class="masthead"><h1>Touchstone</h1><p>{words("page.question")}</p></header>'


def _named_view(request: gr.Request) -> object:
    """The view that the address names, in front."""
    name = request.query_params.get("view")
    return gr.Tabs(selected=name) if name in VIEWS else gr.skip()


def serve(engine: Engine, host: str, port: int | None) -> None:
    """Serve the app until interrupted; `port` None takes the first free one from 7860, 0 any free one.

    Prints the address and the device that runs the model. Raises DemoError when the port is in use or
    the host is not an address of this machine.
    """
    # Gradio asks itself whether it is up, and a proxy would not know the way.
    known = os.environ.get("NO_PROXY", "")
    os.environ["NO_PROXY"] = f"{known},{host},localhost,127.0.0.1".lstrip(",")
    port = _free_port(host, FIRST_PORTS if port is None else [port])
    app, translations = build_app(engine)
    _, url, _ = app.launch(
        server_name=f"[{host}]" if ":" in host else host,
        server_port=port,
        prevent_thread_lock=True,
        quiet=True,
        inline=False,
        share=False,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        show_error=True,
        run_history=False,
        enable_monitoring=False,
        max_file_size=LARGEST_FILE_BYTES,
        footer_links=["api", "settings"],
        theme=touchstone_theme(),
        i18n=translations,
        css_paths=STYLE_SHEETS,
    )
    print(f"Touchstone is at {url}", flush=True)
    print(engine.device_note, flush=True)
    app.block_thread()


def _free_port(host: str, ports: Sequence[int]) -> int:
    """The first of `ports` that can be listened on; gradio itself needs 5 s to find that one cannot."""
    tried = f"port {ports[0]}" if len(ports) == 1 else f"ports {ports[0]} to {ports[-1]}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, ports[0], type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise DemoError(
            f"There is no address {host} to listen on ({error.strerror}); mend --host."
        ) from error
    failure: OSError | None = None
    for port in ports:
        try:
            with closing(socket.socket(family, kind, protocol)) as probe:
                # A port that was just closed may be taken again; on Windows this would also take one in use.
                if os.name == "posix":
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((address[0], port, *address[2:]))
                return int(probe.getsockname()[1])
        except OSError as error:
            failure = error
    reason = failure.strerror if failure else ""
    raise DemoError(f"Cannot listen on {host}, {tried}: {reason}. Choose another with --host or --port.")
