"""*Generate*: what does a generator make, and what does the discriminator say of it?"""

import html
import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl

import gradio as gr

from demo.check import check_bytes
from demo.contract import DIGITS
from demo.endpoints import generate_files
from demo.latent_search import search
from demo.page import Page, private_event
from demo.panels import VERDICTS, verdict_words, wall
from demo.recipe import FIRST_COUNT, WALL_SIZE, Mistake, Recipe, read_recipe
from demo.runtime import LARGEST_SEED, Engine
from demo.texts import Words
from demo.views.check import decode_png_url
from demo.views.convince import CONVINCE_SCRIPT, Chosen, convince_panel
from demo.widgets.share_link import SHARE_SCRIPT, share_link

SEEDS_TO_TRY: Final = 1_000_000
"""The random seeds are below it: short enough to be told to somebody."""

_WALL_SCRIPT: Final = (
    SHARE_SCRIPT
    + """
// It has a size from the moment that the view is open, and the first digits wait for that.
new ResizeObserver((entries, observer) => {
  observer.disconnect();
  trigger('open', { query: location.search.slice(1) });
}).observe(element);

element.addEventListener('click', (event) => {
  const chosen = event.target.closest('.wall-choose');
  if (chosen) {
    for (const each of element.querySelectorAll('.wall-choose')) each.ariaPressed = each === chosen;
    trigger('choose', { index: Number(chosen.dataset.index) });
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
    made = gr.State(None)
    chosen = gr.State(None)

    def fill(asked: Mapping[str, object], words: Words) -> list[Any]:
        recipe, mistakes = read_recipe(engine, asked)
        files = generate_files(engine, recipe.generator, recipe.count, recipe.seed, recipe.digit)
        picked = Chosen.of(recipe, files)
        return [
            _wall(recipe, mistakes, files, words),
            convince_panel(engine, picked, words, in_front="index" in asked),
            files,
            picked,
            _digit_field(engine, recipe, words),
        ]

    filled = [digits, panel, made, chosen, digit]
    fields = [generator, digit, count, seed]

    def open_wall(event: gr.EventData, request: gr.Request) -> list[Any]:
        asked = dict(parse_qsl(str(event.query)))
        recipe, _ = read_recipe(engine, asked)
        return [*fill(asked, page.words(request)), recipe.generator, recipe.count, recipe.seed]

    def change(
        generator: str, digit: str, count: float, seed: float | None, request: gr.Request
    ) -> list[Any]:
        asked: dict[str, object] = {"generator": generator, "count": count, "seed": seed}
        if engine.chooses_digit(generator):
            asked["digit"] = digit
        return fill(asked, page.words(request))

    def change_seed(generator: str, digit: str, count: float, request: gr.Request) -> list[Any]:
        seed = secrets.randbelow(SEEDS_TO_TRY)
        return [*change(generator, digit, count, seed, request), seed]

    def choose(
        event: gr.EventData, files: list[Any] | None, before: Chosen | None, request: gr.Request
    ) -> Sequence[Any]:
        if not files or before is None:
            return gr.skip(), gr.skip()
        index = min(max(int(event.index), 0), len(files) - 1)
        picked = before.other(index, files)
        return convince_panel(engine, picked, page.words(request), in_front=True), picked

    def convince(picked: Chosen | None, request: gr.Request) -> Iterator[Sequence[Any]]:
        if picked is None:
            return
        for found in search(engine, picked.recipe):
            now = picked.at(found)
            yield convince_panel(engine, now, page.words(request), running=True), now
        yield convince_panel(engine, now, page.words(request)), now

    def halt(picked: Chosen | None, request: gr.Request) -> object:
        return gr.skip() if picked is None else convince_panel(engine, picked, page.words(request))

    def check_chosen(event: gr.EventData, request: gr.Request) -> Sequence[Any]:
        return page.show(check_bytes(engine, str(event.name), decode_png_url(str(event.png))), request)

    once = private_event() | {"trigger_mode": "once"}
    running = panel.start(convince, chosen, [panel, chosen], api_name="page_convince", **once)
    stops = private_event() | {"cancels": running}
    panel.halt(halt, chosen, panel, api_name="page_halt", **stops)
    digits.open(open_wall, None, [*filled, generator, count, seed], api_name="page_open_wall", **stops)
    changes = [generator.input, digit.input, count.input, seed.input]
    gr.on(changes, change, fields, filled, api_name="page_generate", **stops)
    other.click(change_seed, fields[:3], [*filled, seed], api_name="page_seed", **stops)
    digits.choose(choose, [made, chosen], [panel, chosen], api_name="page_choose", **stops)
    for part, name in ((digits, "page_chosen"), (panel, "page_convincing")):
        part.select(check_chosen, None, page.shown, api_name=name, **private_event())


def _wall(recipe: Recipe, mistakes: Sequence[Mistake], files: Sequence[Any], words: Words) -> str:
    """What was asked for and cannot be, what was made and how it is judged, a link to it, the digits."""
    notices = "".join(f"<p>{_mistake(each, words)}</p>" for each in mistakes)
    verdicts = [checked.answer.verdict for checked, _ in files]
    counts = " &middot; ".join(
        f"{verdict_words(verdict, words)} {verdicts.count(verdict)}"
        for verdict in VERDICTS
        if verdict in verdicts
    )
    key = "generate.made" if recipe.digit is None else "generate.made-digit"
    says = words(key, count=len(files), digit=recipe.digit, generator=recipe.generator, seed=recipe.seed)
    return (
        f'<div class="notice" role="alert">{notices}</div>'
        f'<div class="wall-head"><p role="status">{says} {counts}</p>'
        f"{share_link(recipe.wall_query, words('share.wall'), words)}</div>"
        f"{wall(files, words, recipe.index)}"
    )


def _mistake(mistake: Mistake, words: Words) -> str:
    return words(
        f"generate.bad-{mistake.name}",
        asked=mistake.asked,
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
