"""*Generate*: what does a generator make, and what does the discriminator say of it?"""

import html
import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl

import gradio as gr

from demo.api.endpoints import generate_files
from demo.contract import DIGITS
from demo.inference.check import check_bytes
from demo.inference.engine import LARGEST_SEED, Engine
from demo.insight.grid import FIRST_COUNT, WALL_SIZE, Mistake, Recipe, read_recipe
from demo.ui.events import event_number, event_text
from demo.ui.html import VERDICTS, verdict_words, wall
from demo.ui.page import Page, private_event
from demo.ui.texts import Words
from demo.ui.views.check import decode_png_url
from demo.ui.views.convince import CONVINCE_SCRIPT, Chosen, Desk, LaidOut, convince_panel
from demo.ui.widgets.share_link import SHARE_SCRIPT, share_link

SEEDS_TO_TRY: Final = 1_000_000
"""The random seeds are below it: short enough to be told to somebody."""

SEARCHES_AT_ONCE: Final = 3
"""The others wait: on two cores a fourth hardly adds steps a second, and holds up a check."""

LARGEST_TURN: Final = 1 << 53
"""The browser counts exactly up to there."""

LONGEST_SHOWN: Final = 40
"""Characters of a bad value that the page repeats."""

_WALL_SCRIPT: Final = (
    SHARE_SCRIPT
    + """
// It has a size from the moment that the view is open, and the first digits wait for that.
new ResizeObserver((entries, observer) => {
  observer.disconnect();
  trigger('open', { query: location.search.slice(1) });
}).observe(element);

let latest = { wall: 0 };
watch('value', () => {
  const wall = Number(element.querySelector('[data-wall]')?.dataset.wall ?? 0);
  // Of two that were on their way at once the later stays.
  if (wall < latest.wall) props.value = latest.value;
  else latest = { wall, value: props.value };
});

element.addEventListener('click', (event) => {
  const chosen = event.target.closest('.wall-choose');
  if (chosen) {
    for (const each of element.querySelectorAll('.wall-choose')) each.ariaPressed = each === chosen;
    const { wall } = chosen.closest('[data-wall]').dataset;
    trigger('choose', { wall: Number(wall), index: Number(chosen.dataset.index) });
    return;
  }
  const digit = event.target.closest('.wall-digit');
  if (!digit) return;
  document.dispatchEvent(new Event('touchstone:input'));
  trigger('select', { name: digit.dataset.name, png: digit.querySelector('img').src });
});
"""
)


def add_generate(page: Page) -> None:
    """Lay out the view: what to make, the wall of what was made, and the search for a better digit."""
    engine = page.engine
    if not engine.generators:
        gr.HTML(page.block(lambda words: f"<p>{words('generate.none')}</p>"), apply_default_css=False)
        return
    gr.HTML(
        page.block(lambda words: f'<p class="says">{words("generate.says")}</p>'), apply_default_css=False
    )
    with gr.Row(elem_id="make"):
        generator = gr.Dropdown(
            list(engine.generators), value=engine.default_generator, label=page.say("generate.generator")
        )
        digit = gr.Dropdown(
            [(page.say("generate.any"), ""), *((str(each), str(each)) for each in range(DIGITS))],
            value="",
            label=page.say("generate.digit"),
            elem_id="digit",
        )
        count = gr.Slider(1, WALL_SIZE, value=FIRST_COUNT, step=1, label=page.say("generate.count"))
        seed = gr.Number(0, precision=0, label=page.say("generate.seed"))
        other = gr.Button(page.say("generate.other"), variant="primary", size="md", elem_id="other")
    with gr.Row(elem_id="made"):
        digits = gr.HTML(
            page.block(lambda words: f'<p class="hint">{words("generate.soon")}</p>'),
            label="Generated digits",
            js_on_load=_WALL_SCRIPT,
            apply_default_css=False,
            elem_id="wall",
        )
        panel = gr.HTML(
            label="Make it more convincing",
            js_on_load=CONVINCE_SCRIPT,
            apply_default_css=False,
            elem_id="convince",
        )
    desk = gr.State(Desk())

    def fill(desk: Desk, asked: Mapping[str, object], words: Words, *fields: Any) -> list[Any]:
        """Values for `filled` and for fields; nothing changes where a wall asked for later lies there."""
        wall = desk.ask()
        recipe, mistakes = read_recipe(engine, asked)
        files = generate_files(engine, recipe.generator, recipe.count, recipe.seed, recipe.digit)
        laid = desk.lay(wall, Chosen.of(recipe, files), files)
        if laid is None:
            return [gr.skip()] * (3 + len(fields))
        return [
            _wall(recipe, mistakes, laid, words),
            convince_panel(engine, laid, words, in_front="index" in asked),
            _digit_field(engine, recipe, words),
            *fields,
        ]

    def open_wall(desk: Desk, event: gr.EventData, request: gr.Request) -> list[Any]:
        asked = dict(parse_qsl(event_text(event, "query")))
        recipe, _ = read_recipe(engine, asked)
        # Only what the link names: somebody may have begun to fill in the rest.
        values = {"generator": recipe.generator, "count": recipe.count, "seed": recipe.seed}
        named = [value if name in asked else gr.skip() for name, value in values.items()]
        return fill(desk, asked, page.words(request), *named)

    def wanted(generator: str, digit: str, count: float, seed: float | None) -> dict[str, object]:
        fields: dict[str, object] = {"generator": generator, "count": count, "seed": seed}
        return fields | {"digit": digit} if engine.chooses_digit(generator) else fields

    def change(
        desk: Desk, generator: str, digit: str, count: float, seed: float | None, request: gr.Request
    ) -> list[Any]:
        return fill(desk, wanted(generator, digit, count, seed), page.words(request))

    def change_seed(desk: Desk, generator: str, digit: str, count: float, request: gr.Request) -> list[Any]:
        seed = secrets.randbelow(SEEDS_TO_TRY)
        return fill(desk, wanted(generator, digit, count, seed), page.words(request), seed)

    def choose(desk: Desk, event: gr.EventData, request: gr.Request) -> object:
        _refuse_forgotten(desk, page.words(request))
        index = event_number(event, "index", WALL_SIZE)
        laid = desk.choose(event_number(event, "wall", LARGEST_TURN), index)
        if laid is None:
            return gr.skip()
        return convince_panel(engine, laid, page.words(request), in_front=True)

    def convince(desk: Desk, event: gr.EventData, request: gr.Request) -> Iterator[str]:
        _refuse_forgotten(desk, page.words(request))
        turn = event_number(event, "turn", LARGEST_TURN)
        yield from desk.convince(engine, turn, page.words(request))

    def halt(desk: Desk) -> None:
        desk.halt()

    def check_chosen(event: gr.EventData, request: gr.Request) -> Sequence[Any]:
        name, png = event_text(event, "name"), event_text(event, "png")
        return page.show(check_bytes(engine, name, decode_png_url(png)), request)

    events, telling = private_event(), private_event(telling=True)
    filled = [digits, panel, digit]
    values = [generator, count, seed]
    digits.open(open_wall, desk, [*filled, *values], api_name="page_open_wall", **telling)
    changes = [generator.input, digit.input, count.input, seed.input]
    gr.on(changes, change, [desk, generator, digit, count, seed], filled, api_name="page_generate", **events)
    other.click(change_seed, [desk, generator, digit, count], [*filled, seed], api_name="page_seed", **events)
    digits.choose(choose, desk, panel, api_name="page_choose", **telling)
    searching = panel.start(
        convince,
        desk,
        panel,
        api_name="page_convince",
        concurrency_limit=SEARCHES_AT_ONCE,
        **telling,
    )
    searching.failure(
        None,
        js="() => document.dispatchEvent(new Event('touchstone:search-failed'))",
        api_visibility="private",
    )
    panel.halt(halt, desk, None, api_name="page_halt", **events)
    for part, name in ((digits, "page_chosen"), (panel, "page_convincing")):
        part.select(check_chosen, None, page.shown, api_name=name, **telling)


def _refuse_forgotten(desk: Desk, words: Words) -> None:
    """An error that gradio shows where the page has a wall that the app has forgotten, or, started anew,
    knows nothing of.
    """
    if desk.now.chosen is None:
        raise gr.Error(words("generate.gone"), print_exception=False)


def _wall(recipe: Recipe, mistakes: Sequence[Mistake], laid: LaidOut, words: Words) -> str:
    """What was asked for and cannot be, what was made and how it is judged, a link to it, the digits."""
    notices = "".join(f"<p>{_mistake(each, words)}</p>" for each in mistakes)
    verdicts = [checked.answer.verdict for checked, _ in laid.files]
    counts = " &middot; ".join(
        f"{verdict_words(verdict, words)} {verdicts.count(verdict)}"
        for verdict in VERDICTS
        if verdict in verdicts
    )
    key = "generate.made" if recipe.digit is None else "generate.made-digit"
    says = words(key, count=len(laid.files), digit=recipe.digit, generator=recipe.generator, seed=recipe.seed)
    return (
        f'<div data-wall="{laid.wall}"><div class="notice" role="alert">{notices}</div>'
        f'<div class="wall-head"><p role="status">{says} {counts}</p>'
        f"{share_link(recipe.wall_query, words('share.wall'), words)}</div>"
        f"{wall(laid.files, words, recipe.index)}</div>"
    )


def _mistake(mistake: Mistake, words: Words) -> str:
    return words(
        f"generate.bad-{mistake.name}",
        asked=mistake.asked[:LONGEST_SHOWN],
        used=mistake.used,
        largest_seed=LARGEST_SEED,
        largest_count=WALL_SIZE,
    )


def _digit_field(engine: Engine, recipe: Recipe, words: Words) -> Any:
    """The field of the digit: closed, with the reason, where the generator cannot choose."""
    value = "" if recipe.digit is None else str(recipe.digit)
    if engine.chooses_digit(recipe.generator):
        return gr.Dropdown(value=value, interactive=True, info="")
    reason = html.unescape(words("generate.no-choice", generator=recipe.generator))
    return gr.Dropdown(value=value, interactive=False, info=reason)
