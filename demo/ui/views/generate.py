"""*Generate*: what does a generator make, and how does the discriminator score it?"""

import html
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl

import gradio as gr

from demo.api.endpoints import errors_shown
from demo.api.results import checked_digits
from demo.contract import DIGITS
from demo.inference.check import Checked, check_bytes
from demo.inference.engine import LARGEST_SEED, Engine
from demo.insight.grid import DEFAULT_COUNT, LARGEST_GRID, GenerateParams, InvalidArgument, read_params
from demo.insight.search import Found, search
from demo.ui.events import event_number, event_text
from demo.ui.html import VERDICTS, digit_grid
from demo.ui.page import Page, private_event, script
from demo.ui.texts import Texts
from demo.ui.views.search import search_panel
from demo.ui.widgets.picture_area import decode_png_url
from demo.ui.widgets.share_link import SHARE_SCRIPT, share_link

SEEDS_TO_TRY: Final = 1_000_000
"""Random seeds stay below it, short enough to pass on."""

SEARCHES_AT_ONCE: Final = 3
"""More searches wait: on two cores a fourth adds hardly any throughput and delays checks."""

Latest = dict[str, int]
"""What a visitor requested last: the number of the `grid`, of the `turn` (a selected digit or a search of its
neighbours), and of the turn that was `halted`."""


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
    # Changed in place, because a running search must see at once that it is no longer wanted.
    latest = gr.State({"grid": 0, "turn": 0, "halted": 0})

    def fill(latest: Latest, query: Mapping[str, object], text: Texts, *fields: Any) -> list[Any]:
        """Return values for `filled` and for fields; no changes if another grid has been requested since."""
        grid = _begin(latest, "grid")
        params, invalid = read_params(engine, query)
        with errors_shown():
            files = checked_digits(engine, params.generator, params.count, params.seed, params.digit)
        if grid != latest["grid"]:
            return [gr.skip()] * (3 + len(fields))
        panel = select_digit(latest, params, text, in_front="index" in query)
        return [_grid(params, files, invalid, text), panel, _digit_field(engine, params, text), *fields]

    def select_digit(latest: Latest, params: GenerateParams, text: Texts, *, in_front: bool) -> str:
        turn = _begin(latest, "turn")
        original = next(search(engine, params))
        return search_panel(engine, params, [original], turn, text, in_front=in_front)

    def open_grid(latest: Latest, event: gr.EventData, request: gr.Request) -> list[Any]:
        query = dict(parse_qsl(event_text(event, "query")))
        params, _ = read_params(engine, query)
        # Only what the link names, because the visitor may have started to fill in the rest.
        values = {"generator": params.generator, "count": params.count, "seed": params.seed}
        fields = [value if name in query else gr.skip() for name, value in values.items()]
        return fill(latest, query, page.texts(request), *fields)

    def change(
        latest: Latest, generator: str, digit: str, count: float, seed: float | None, request: gr.Request
    ) -> list[Any]:
        query: dict[str, object] = {"generator": generator, "count": count, "seed": seed}
        if engine.chooses_digit(generator):
            query["digit"] = digit
        return fill(latest, query, page.texts(request))

    def select(latest: Latest, event: gr.EventData, request: gr.Request) -> str:
        params, _ = read_params(engine, dict(parse_qsl(event_text(event, "query"))))
        return select_digit(latest, params, page.texts(request), in_front=True)

    def search_on(latest: Latest, event: gr.EventData, request: gr.Request) -> Iterator[str]:
        params, _ = read_params(engine, dict(parse_qsl(event_text(event, "query"))))
        text = page.texts(request)
        if event_number(event, "turn") < latest["turn"]:
            # While the search waited, the panel was replaced.
            return
        turn = _begin(latest, "turn")
        steps: list[Found] = []
        for found in search(engine, params):
            if turn != latest["turn"]:
                return
            steps.append(found)
            yield search_panel(engine, params, steps, turn, text, running=True)
            if turn == latest["halted"]:
                break
        yield search_panel(engine, params, steps, turn, text)

    def halt(latest: Latest) -> None:
        latest["halted"] = latest["turn"]

    def check_digit(event: gr.EventData, request: gr.Request) -> Sequence[Any]:
        name, png = event_text(event, "name"), event_text(event, "png")
        return page.show(check_bytes(engine, name, decode_png_url(png)), request)

    events, with_data = private_event(), private_event(with_data=True)
    filled = [digits, panel, digit]
    fields = [generator, digit, count]
    opened = [*filled, generator, count, seed]
    digits.open(open_grid, latest, opened, api_name="page_open_grid", **with_data)
    changes = [generator.input, digit.input, count.input, seed.input]
    gr.on(changes, change, [latest, *fields, seed], filled, api_name="page_generate", **events)
    other_seed = f"() => Math.floor({SEEDS_TO_TRY} * Math.random())"
    chosen = other.click(None, None, seed, js=other_seed, api_visibility="private")
    chosen.then(change, [latest, *fields, seed], filled, api_name="page_seed", **events)
    digits.choose(select, latest, panel, api_name="page_select_digit", **with_data)
    searching = panel.start(
        search_on, latest, panel, api_name="page_search", concurrency_limit=SEARCHES_AT_ONCE, **with_data
    )
    searching.failure(
        None,
        js="() => document.dispatchEvent(new Event('touchstone:search-failed'))",
        api_visibility="private",
    )
    panel.halt(halt, latest, None, api_name="page_halt", **events)
    for part, name in ((digits, "page_check_digit"), (panel, "page_check_found")):
        part.select(check_digit, None, page.shown, api_name=name, **with_data)


def _begin(latest: Latest, what: str) -> int:
    # From the clock, so that after a restart the numbers on an open page are older.
    latest[what] = max(latest[what] + 1, time.time_ns() // 1000)
    return latest[what]


def _grid(
    params: GenerateParams,
    digits: Sequence[tuple[Checked, bytes]],
    invalid: Sequence[InvalidArgument],
    text: Texts,
) -> str:
    """Return the notices, what was generated and its verdicts, a link to it, and the digits."""
    largest = {"largest_seed": LARGEST_SEED, "largest_count": LARGEST_GRID}
    notices = "".join(
        f"<p>{text(f'generate.bad-{each.name}', asked=each.given, used=each.used, **largest)}</p>"
        for each in invalid
    )
    verdicts = [checked.answer.verdict for checked, _ in digits]
    counts = " &middot; ".join(
        f"{text(f'verdict.{name}')} {verdicts.count(verdict)}"
        for verdict, name in VERDICTS.items()
        if verdict in verdicts
    )
    key = "generate.made" if params.digit is None else "generate.made-digit"
    summary = text(key, count=len(verdicts), digit=params.digit, generator=params.generator, seed=params.seed)
    return (
        f'<div class="notice" role="alert">{notices}</div>'
        f'<div class="grid-head"><p role="status">{summary} {counts}</p>'
        f"{share_link(params.grid_query, text('share.grid'), text)}</div>"
        f"{digit_grid(digits, text, params.index)}"
    )


def _digit_field(engine: Engine, params: GenerateParams, text: Texts) -> Any:
    """Return the digit's field, disabled with the reason if the generator cannot choose."""
    value = "" if params.digit is None else str(params.digit)
    chooses = engine.chooses_digit(params.generator)
    reason = "" if chooses else html.unescape(text("generate.no-choice", generator=params.generator))
    return gr.update(value=value, interactive=chooses, info=reason)
