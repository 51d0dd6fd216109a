"""The web app: check a picture or a drawing, or let a generator make some; the same by API.

Every picture, whoever made it, reaches the model through `demo.check`; this file only lays out the page.
"""

import base64
import binascii
import html
import os
import socket
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import gradio as gr
from gradio.data_classes import FileData

from demo.check import check_bytes
from demo.contract import DIGITS
from demo.endpoints import add_endpoints, generate_files
from demo.errors import DemoError, RequestError
from demo.explanation import explanation
from demo.images import LARGEST_FILE_BYTES
from demo.pad import drawing_pad, picture_drop
from demo.panels import PNG_URL, empty_result, error_result, result_panel, wall
from demo.runtime import Engine
from demo.theme import STYLE_SHEET, touchstone_theme

WALL_SIZE: Final = 64
"""The most digits that the page asks for at once."""

ANY_DIGIT: Final = "Any"
"""The choice to have digits drawn by the seed."""

FIRST_PORTS: Final = range(7860, 7960)
QUEUE_LENGTH: Final = 128
KEEP_FILES_SECONDS: Final = 3600

_INTRODUCTION: Final = """
<header class="masthead">
  <h1>Touchstone</h1>
  <p>Was this digit written by a person, or made by a generator?</p>
</header>
"""

_GENERATE_HEAD: Final = """
<div class="section-head">
  <h2>Let a generator make some</h2>
  <p>The same seed makes the same digits. Under each stands its P(fake | x); choose one to check it above.</p>
</div>
"""

_RESULT_SCRIPT: Final = """
document.addEventListener('touchstone:input', () => {
  element.querySelector('.result')?.setAttribute('data-stale', '');
});
"""

_WALL_SCRIPT: Final = """
element.addEventListener('click', (event) => {
  const digit = event.target.closest('.wall-digit');
  if (!digit) return;
  document.dispatchEvent(new Event('touchstone:input'));
  trigger('select', { name: digit.dataset.name, png: digit.querySelector('img').src });
});
"""


def build_app(engine: Engine) -> gr.Blocks:
    """Lay out the page and its endpoints `/check`, `/check_many`, `/generate` and `/history`."""
    app = gr.Blocks(
        title="Touchstone",
        analytics_enabled=False,
        delete_cache=(KEEP_FILES_SECONDS, KEEP_FILES_SECONDS),
    )
    with app:
        gr.HTML(_INTRODUCTION, apply_default_css=False)
        with gr.Row(elem_id="check"):
            with gr.Column():
                drop = picture_drop(LARGEST_FILE_BYTES)
                pad = drawing_pad()
            with gr.Column():
                result = gr.HTML(
                    empty_result(),
                    js_on_load=_RESULT_SCRIPT,
                    apply_default_css=False,
                    elem_id="result",
                )
        _connect_inputs(engine, drop, pad, result)
        if engine.generators:
            _add_generator(engine, result)
        gr.HTML(explanation(engine.model), apply_default_css=False)
        note = html.escape(engine.device_note)
        gr.HTML(f'<footer class="device-note">{note}</footer>', apply_default_css=False)
        add_endpoints(engine)
    app.queue(max_size=QUEUE_LENGTH, default_concurrency_limit=4)
    return app


def serve(engine: Engine, host: str, port: int | None) -> None:
    """Serve the app until interrupted; `port` None takes the first free one from 7860, 0 any free one.

    Prints the address and the device that runs the model. Raises DemoError when the port is in use or
    the host is not an address of this machine.
    """
    # Gradio asks itself whether it is up, and a proxy would not know the way.
    known = os.environ.get("NO_PROXY", "")
    os.environ["NO_PROXY"] = f"{known},{host},localhost,127.0.0.1".lstrip(",")
    port = _free_port(host, FIRST_PORTS if port is None else [port])
    app = build_app(engine)
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
        css_paths=STYLE_SHEET,
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


def _connect_inputs(engine: Engine, drop: gr.HTML, pad: gr.HTML, result: gr.HTML) -> None:
    def check_upload(picture: FileData | None) -> str:
        if picture is None:
            return empty_result()
        path = Path(picture.path)
        return result_panel(engine, check_bytes(engine, picture.orig_name or path.name, path.read_bytes()))

    def refuse_upload(event: gr.EventData) -> str:
        return error_result(str(event.name), str(event.reason))

    def check_drawing(drawing: str | None) -> str:
        if drawing is None:
            return empty_result()
        return result_panel(engine, check_bytes(engine, "Your drawing", _decode_png_url(drawing)))

    drop.upload(check_upload, drop, result, api_name="page_upload", **_page_event())
    drop.refuse(refuse_upload, None, result, api_name="page_refuse", **_page_event())
    pad.input(check_drawing, pad, result, api_name="page_drawing", **_page_event())


def _add_generator(engine: Engine, result: gr.HTML) -> None:
    gr.HTML(_GENERATE_HEAD, apply_default_css=False)
    with gr.Row(elem_id="make"):
        generator = gr.Dropdown(list(engine.generators), value=engine.default_generator, label="Generator")
        digit = _digit_choice(engine, engine.default_generator)
        count = gr.Slider(1, WALL_SIZE, value=16, step=1, label="How many")
        seed = gr.Number(0, precision=0, label="Seed")
    make = gr.Button("Generate", variant="primary", elem_id="generate")
    digits = gr.HTML(
        label="Generated digits", js_on_load=_WALL_SCRIPT, apply_default_css=False, elem_id="wall"
    )

    def fill_wall(generator: str, count: float, seed: float | None, digit: str) -> str:
        return wall(
            generate_files(engine, generator, count, seed, None if digit == ANY_DIGIT else int(digit))
        )

    def offer_digits(generator: str) -> gr.Dropdown:
        return _digit_choice(engine, generator)

    def check_chosen(event: gr.EventData) -> str:
        return result_panel(engine, check_bytes(engine, str(event.name), _decode_png_url(str(event.png))))

    gr.on(
        [make.click, seed.submit],
        fill_wall,
        [generator, count, seed, digit],
        digits,
        api_name="page_generate",
        **_page_event(),
    )
    generator.change(offer_digits, generator, digit, api_name="page_digits", **_page_event())
    chosen = _page_event() | {"scroll_to_output": True}
    digits.select(check_chosen, None, result, api_name="page_chosen", **chosen)


def _digit_choice(engine: Engine, generator: str) -> gr.Dropdown:
    """Which digit to make: any or one, where the generator can be told; otherwise any, and why."""
    chooses = engine.chooses_digit(generator)
    return gr.Dropdown(
        [ANY_DIGIT, *map(str, range(DIGITS))],
        value=ANY_DIGIT,
        label="Digit",
        info=None if chooses else f"{generator} cannot choose the digit.",
        interactive=chooses,
        elem_id="digit",
    )


def _page_event() -> dict[str, Any]:
    """What the page's own events have in common: not part of the API, and the latest input wins."""
    return {"api_visibility": "private", "show_progress": "hidden", "trigger_mode": "always_last"}


def _decode_png_url(url: str) -> bytes:
    try:
        if not url.startswith(PNG_URL):
            raise RequestError("The picture did not arrive as a PNG.")
        return base64.b64decode(url.removeprefix(PNG_URL), validate=True)
    except (RequestError, binascii.Error) as error:
        raise gr.Error("The picture did not arrive as a PNG.", print_exception=False) from error
