"""*Generate*: what does a generator make, and how does the discriminator score it?"""

import html
import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl

import gradio as gr

from demo.api.endpoints import checked_digits, errors_shown
from demo.contract import DIGITS
from demo.inference.check import check_bytes
from demo.inference.engine import LARGEST_SEED, Engine
from demo.insight.grid import DEFAULT_COUNT, LARGEST_GRID, GenerateParams, InvalidArgument, read_params
from demo.ui.events import LARGEST_NUMBER, event_number, event_text
from demo.ui.html import VERDICTS, digit_grid
from demo.ui.page import Page, private_event, script
from demo.ui.texts import Texts
from demo.ui.views.search import SearchState, Selection, search_panel
from demo.ui.widgets.picture_area import decode_png_url
from demo.ui.widgets.share_link import SHARE_SCRIPT, share_link

SEEDS_TO_TRY: Final = 1_000_000
"""Random seeds stay below it, short enough to pass on."""

SEARCHES_AT_ONCE: Final = 3
"""More searches wait: on two cores a fourth adds hardly any throughput and delays checks."""

LONGEST_SHOWN: Final = 40
"""Characters of an invalid value that the page repeats."""


def add_generate(page: Page) -> None:
    """Build the view: what to generate, the grid of digits, and the search for a better one."""
    engine = page.engine
    if not engine.generators:
        page.paragraph("generate.none")
        return
    page.paragraph("generate.introduction")
    with gr.Row(elem_id="make"):
        generator = gr.Dropdown(
            list(engine.generators), value=engine.default_generator, label=page.label("generate.generator")
        )
        digit = gr.Dropdown(
            [(page.label("generate.any"), ""), *((str(each), str(each)) for each in range(DIGITS))],
            value="",
            label=page.label("generate.digit"),
            elem_id="digit",
        )
        count = gr.Slider(1, LARGEST_GRID, value=DEFAULT_COUNT, step=1, label=page.label("generate.count"))
        seed = gr.Number(0, precision=0, label=page.label("generate.seed"))
        other = gr.Button(page.label("generate.other"), variant="primary", size="md", elem_id="other")
    with gr.Row(elem_id="made"):
        digits = page.html(
            lambda text: f'<p class="hint">{text("generate.soon")}</p>',
            label="Generated digits",
            js_on_load=SHARE_SCRIPT + script(__file__, "generate.js"),
            elem_id="digit-grid",
        )
        panel = gr.HTML(
            label="Make it more convincing",
            js_on_load=SHARE_SCRIPT + script(__file__, "search.js"),
            apply_default_css=False,
            elem_id="search",
        )
    state = gr.State(SearchState())

    def fill(state: SearchState, query: Mapping[str, object], text: Texts, *fields: Any) -> list[Any]:
        """Return values for `filled` and for fields; no changes if a grid requested later is shown."""
        grid = state.request_grid()
        params, invalid = read_params(engine, query)
        with errors_shown():
            files = checked_digits(engine, params.generator, params.count, params.seed, params.digit)
        selection = state.show_grid(grid, params, files)
        if selection is None:
            return [gr.skip()] * (3 + len(fields))
        return [
            _grid(selection, invalid, text),
            search_panel(engine, selection, text, in_front="index" in query),
            _digit_field(engine, params, text),
            *fields,
        ]

    def open_grid(state: SearchState, event: gr.EventData, request: gr.Request) -> list[Any]:
        query = dict(parse_qsl(event_text(event, "query")))
        params, _ = read_params(engine, query)
        # Only what the link names, because the visitor may have started to fill in the rest.
        values = {"generator": params.generator, "count": params.count, "seed": params.seed}
        fields = [value if name in query else gr.skip() for name, value in values.items()]
        return fill(state, query, page.texts(request), *fields)

    def change(
        state: SearchState, generator: str, digit: str, count: float, seed: float | None, request: gr.Request
    ) -> list[Any]:
        query: dict[str, object] = {"generator": generator, "count": count, "seed": seed}
        if engine.chooses_digit(generator):
            query["digit"] = digit
        return fill(state, query, page.texts(request))

    def change_seed(
        state: SearchState, generator: str, digit: str, count: float, request: gr.Request
    ) -> list[Any]:
        seed = secrets.randbelow(SEEDS_TO_TRY)
        return [*change(state, generator, digit, count, seed, request), seed]

    def select(state: SearchState, event: gr.EventData, request: gr.Request) -> object:
        _refuse_expired(state, page.texts(request))
        index = event_number(event, "index", LARGEST_GRID)
        selection = state.select(event_number(event, "grid", LARGEST_NUMBER), index)
        if selection is None:
            return gr.skip()
        return search_panel(engine, selection, page.texts(request), in_front=True)

    def search(state: SearchState, event: gr.EventData, request: gr.Request) -> Iterator[str]:
        _refuse_expired(state, page.texts(request))
        yield from state.run(engine, event_number(event, "turn", LARGEST_NUMBER), page.texts(request))

    def halt(state: SearchState) -> None:
        state.halt()

    def check_digit(event: gr.EventData, request: gr.Request) -> Sequence[Any]:
        name, png = event_text(event, "name"), event_text(event, "png")
        return page.show(check_bytes(engine, name, decode_png_url(png)), request)

    events, with_data = private_event(), private_event(with_data=True)
    filled = [digits, panel, digit]
    fields = [generator, digit, count]
    opened = [*filled, generator, count, seed]
    digits.open(open_grid, state, opened, api_name="page_open_grid", **with_data)
    changes = [generator.input, digit.input, count.input, seed.input]
    gr.on(changes, change, [state, *fields, seed], filled, api_name="page_generate", **events)
    other.click(change_seed, [state, *fields], [*filled, seed], api_name="page_seed", **events)
    digits.choose(select, state, panel, api_name="page_select_digit", **with_data)
    searching = panel.start(
        search,
        state,
        panel,
        api_name="page_search",
        concurrency_limit=SEARCHES_AT_ONCE,
        **with_data,
    )
    searching.failure(
        None,
        js="() => document.dispatchEvent(new Event('touchstone:search-failed'))",
        api_visibility="private",
    )
    panel.halt(halt, state, None, api_name="page_halt", **events)
    for part, name in ((digits, "page_check_digit"), (panel, "page_check_found")):
        part.select(check_digit, None, page.shown, api_name=name, **with_data)


def _refuse_expired(state: SearchState, text: Texts) -> None:
    """Raise gr.Error if the page shows a grid that the app no longer has, for example after a restart."""
    if state.now is None:
        raise gr.Error(text("generate.gone"), print_exception=False)


def _grid(selection: Selection, invalid: Sequence[InvalidArgument], text: Texts) -> str:
    """Return the notices, what was generated and its verdicts, a link to it, and the digits."""
    params = selection.params
    notices = "".join(f"<p>{_notice(each, text)}</p>" for each in invalid)
    verdicts = [checked.answer.verdict for checked, _ in selection.digits]
    counts = " &middot; ".join(
        f"{text(f'verdict.{name}')} {verdicts.count(verdict)}"
        for verdict, name in VERDICTS.items()
        if verdict in verdicts
    )
    key = "generate.made" if params.digit is None else "generate.made-digit"
    summary = text(key, count=len(verdicts), digit=params.digit, generator=params.generator, seed=params.seed)
    return (
        f'<div data-grid="{selection.grid}"><div class="notice" role="alert">{notices}</div>'
        f'<div class="grid-head"><p role="status">{summary} {counts}</p>'
        f"{share_link(params.grid_query, text('share.grid'), text)}</div>"
        f"{digit_grid(selection.digits, text, params.index)}</div>"
    )


def _notice(argument: InvalidArgument, text: Texts) -> str:
    return text(
        f"generate.bad-{argument.name}",
        asked=argument.given[:LONGEST_SHOWN],
        used=argument.used,
        largest_seed=LARGEST_SEED,
        largest_count=LARGEST_GRID,
    )


def _digit_field(engine: Engine, params: GenerateParams, text: Texts) -> Any:
    """Return the digit's field, disabled with the reason if the generator cannot choose."""
    value = "" if params.digit is None else str(params.digit)
    if engine.chooses_digit(params.generator):
        return gr.Dropdown(value=value, interactive=True, info="")
    reason = html.unescape(text("generate.no-choice", generator=params.generator))
    return gr.Dropdown(value=value, interactive=False, info=reason)
