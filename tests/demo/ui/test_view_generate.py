"""*Generate*, in a real browser against a real server."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import gradio as gr
import pytest
from demo.ui.views.convince import Chosen, Desk
from playwright.sync_api import Browser, Locator, Page, Route, expect

from demo.api.endpoints import generate_files
from demo.decoder.images import encode_png
from demo.inference.engine import Engine
from demo.insight.grid import FIRST_COUNT, Recipe
from demo.insight.search import STEPS
from demo.ui.app import build_app
from demo.ui.events import UNREADABLE
from demo.ui.html import PNG_URL, base64_text
from tests.support.accessibility import serious
from tests.support.driving import FOUR_DECIMALS, lose_session, open_view, overflow, shown, upload
from tests.support.tabs import both_sizes, on_a_phone

CHOSEN = ".wall-choose[aria-pressed=true]"


def link_to(page: Page, query: str) -> Locator:
    """Open a link to a wall; its digits."""
    page.goto(f"{page.url.split('?')[0]}?view=generate&{query}")
    digits = page.locator(".wall-digit")
    expect(digits.first).to_be_visible()
    return digits


def generate(page: Page, count: int, seed: int) -> Locator:
    """Fill in the fields of the open view; the digits."""
    expect(page.locator(".wall-digit").first).to_be_visible()
    page.get_by_label("number input for How many").fill(str(count))
    page.get_by_role("spinbutton", name="Seed").fill(str(seed))
    digits = page.locator(".wall-digit")
    expect(digits.first).to_have_attribute("data-name", re.compile(f"-{seed}-0\\.png"))
    expect(digits).to_have_count(count)
    return digits


def choose(page: Page, field: str, option: str) -> None:
    page.get_by_role("combobox", name=field).click()
    page.get_by_role("option", name=option, exact=True).click()


def sources(digits: Locator) -> list[str | None]:
    return [each.get_attribute("src") for each in digits.locator("img").all()]


def urls(engine: Engine, generator: str, count: int, seed: int, digit: int | None) -> list[str]:
    made = engine.generate(generator, count, seed, digit)
    return [PNG_URL + base64_text(encode_png(each)) for each in made]


@pytest.mark.browser
@both_sizes
def test_the_first_digits_are_there_without_a_press(page: Page, engine: Engine) -> None:
    page.get_by_role("tab", name="Generate").click()
    digits = page.locator(".wall-digit")
    expect(digits).to_have_count(16)
    assert sources(digits) == urls(engine, "generator", 16, 0, None)
    expect(page.locator(".notice")).to_have_text("")
    assert overflow(page) <= 0


@pytest.mark.browser
@on_a_phone
def test_generated_digits_have_the_score_of_their_saved_files(page: Page) -> None:
    open_view(page, "generate")
    digit = generate(page, 5, 3).nth(4)
    number, name = digit.locator(".wall-number").inner_text(), digit.get_attribute("data-name")
    assert name is not None
    with page.expect_download() as download:
        page.get_by_role("link", name=f"Save {name}").first.click()
    assert download.value.suggested_filename == name
    digit.click()
    chosen = shown(page, name)
    assert chosen.fake == number
    upload(page, "saved.png", Path(download.value.path()).read_bytes())
    assert shown(page, "saved.png").fake == number


@pytest.mark.browser
def test_the_digit_is_chosen_on_the_page(page: Page, engine: Engine) -> None:
    open_view(page, "generate")
    digits = generate(page, 2, 5)
    choose(page, "Digit", "3")
    expect(digits.nth(1)).to_have_attribute("data-name", "generator-digit-3-5-1.png")
    assert sources(digits) == urls(engine, "generator", 2, 5, 3)
    choose(page, "Digit", "Any")
    expect(digits.nth(1)).to_have_attribute("data-name", "generator-5-1.png")


@pytest.mark.browser
@on_a_phone
def test_where_the_digit_cannot_be_chosen_the_page_says_why(page: Page) -> None:
    digits = link_to(page, "digit=3&seed=5&count=2")
    digit = page.get_by_role("combobox", name="Digit")
    reason = page.get_by_text("mlp_generator cannot choose the digit.")
    expect(digit).to_be_enabled()
    expect(reason).to_have_count(0)
    choose(page, "Generator", "mlp_generator")
    expect(digit).to_be_disabled()
    expect(digit).to_have_value("Any")
    expect(reason).to_be_visible()
    assert overflow(page) <= 0
    expect(digits.first).to_have_attribute("data-name", "mlp_generator-5-0.png")
    choose(page, "Generator", "generator")
    expect(digit).to_be_enabled()
    expect(reason).to_have_count(0)


@pytest.mark.browser
def test_another_seed_is_one_press(page: Page) -> None:
    digits = link_to(page, "count=3")
    before = sources(digits)
    page.get_by_role("button", name="Other digits").click()
    expect(digits.first).not_to_have_attribute("data-name", "generator-0-0.png")
    assert sources(digits) != before
    seed = page.get_by_role("spinbutton", name="Seed").input_value()
    expect(digits.first).to_have_attribute("data-name", f"generator-{seed}-0.png")


@pytest.mark.browser
@both_sizes
def test_a_link_opens_the_very_wall_and_can_be_copied(page: Page, engine: Engine) -> None:
    query = "view=generate&generator=generator&digit=3&seed=7&count=5"
    digits = link_to(page, query)
    expect(digits).to_have_count(5)
    assert sources(digits) == urls(engine, "generator", 5, 7, 3)
    expect(page.get_by_role("spinbutton", name="Seed")).to_have_value("7")
    expect(page.get_by_role("combobox", name="Digit")).to_have_value("3")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy a link to these digits").click()
    expect(page.locator(".wall-head .share-says")).to_have_text("The link is copied.")
    assert urlsplit(page.evaluate("navigator.clipboard.readText()")).query == query
    page.get_by_role("button", name="Improve generator-digit-3-7-4.png").click()
    expect(page.locator(".convince")).to_contain_text("Chosen: generator-digit-3-7-4.png.")
    page.get_by_role("button", name="Copy a link to the digit as it was made").click()
    expect(page.locator(".convince .share-says")).to_have_text("The link is copied.")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert urlsplit(copied).query == f"{query}&index=4"
    page.goto(copied)
    expect(page.locator(CHOSEN)).to_have_attribute("data-index", "4")
    expect(page.locator(".convince")).to_be_in_viewport()
    assert page.locator(".convince-before img").get_attribute("src") == sources(digits)[4]


@pytest.mark.browser
@on_a_phone
def test_without_a_clipboard_the_link_stands_selected_in_a_field(page: Page) -> None:
    link_to(page, "seed=9&count=2")
    page.evaluate("() => { Object.defineProperty(navigator, 'clipboard', { value: undefined }); }")
    page.get_by_role("button", name="Copy a link to these digits").click()
    field = page.get_by_role("textbox", name="Link")
    expect(field).to_be_focused()
    expect(field).to_have_value(re.compile(r"\?view=generate&generator=generator&seed=9&count=2$"))
    assert page.evaluate("getSelection().toString()") == field.input_value()
    assert overflow(page) <= 0


@pytest.mark.browser
def test_a_bad_link_is_said_and_gives_the_defaults(page: Page, engine: Engine) -> None:
    digits = link_to(page, "generator=%3Cb%3Enobody%3C/b%3E&digit=77&seed=-4&count=1000&index=16")
    notice = page.get_by_role("alert")
    for said in (
        "There is no generator <b>nobody</b> here; these digits are by generator.",
        "77 is no digit",
        "-4 is no seed",
        "1000 is no count",
        "There is no digit number 16",
    ):
        expect(notice).to_contain_text(said)
    assert sources(digits) == urls(engine, "generator", 16, 0, None)


@pytest.mark.browser
@on_a_phone
def test_a_search_lowers_the_number_and_its_picture_scores_the_same(page: Page) -> None:
    link_to(page, "generator=mlp_generator&seed=3&count=4&index=1")
    panel = page.locator(".convince")
    before = panel.locator(".convince-before .convince-number").inner_text()
    panel.get_by_role("button", name="Search").click()
    expect(panel.get_by_role("button", name="Replay the search")).to_be_enabled(timeout=60_000)
    expect(panel.locator(".convince-step")).to_have_text(f"Step {STEPS} of {STEPS}")
    after = panel.locator(".convince-after .convince-number").inner_text()
    assert FOUR_DECIMALS.fullmatch(after)
    assert float(after) < float(before)
    expect(panel.locator("[role=status]").first).to_have_text(
        f"The search has ended: P(fake | x) from {before} to {after}."
    )
    assert panel.locator("polyline").get_attribute("points", timeout=1000) not in (None, "")
    assert overflow(page) <= 0
    with page.expect_download() as download:
        panel.get_by_role("link", name="Save mlp_generator-3-1-step-").click()
    panel.get_by_role("button", name="Check it").click()
    assert shown(page, download.value.suggested_filename).fake == after
    upload(page, "saved.png", Path(download.value.path()).read_bytes())
    assert shown(page, "saved.png").fake == after


PRESS_WHEN_SEARCHING = """(name) => {
    const panel = document.querySelector('#convince');
    const observer = new MutationObserver(() => {
        if (!panel.querySelector('[data-does=halt]:not([disabled])')) return;
        observer.disconnect();
        document.querySelector(name).click();
    });
    observer.observe(panel, { attributes: true, childList: true, subtree: true });
}"""
"""Once a search runs: press something, within the page, where no search is too quick for it."""


@pytest.mark.browser
def test_a_search_can_be_stopped_and_begun_again(browser: Browser, server: str) -> None:
    page = browser.new_page()
    page.goto(server)
    link_to(page, "seed=3&count=4&index=1")
    panel = page.locator(".convince")
    step = panel.locator(".convince-step")
    page.evaluate(PRESS_WHEN_SEARCHING, "[data-does=halt]")
    panel.get_by_role("button", name="Search").click()
    again = panel.get_by_role("button", name="Replay the search")
    expect(again).to_be_enabled()
    expect(panel.get_by_role("button", name="Stop")).to_be_disabled()
    expect(panel.locator("[role=status]").first).to_contain_text("Stopped: P(fake | x)")
    stopped = step.inner_text()
    assert stopped != f"Step {STEPS} of {STEPS}"
    page.wait_for_timeout(500)
    expect(step).to_have_text(stopped)
    # Another digit ends it as well.
    page.evaluate(PRESS_WHEN_SEARCHING, ".wall-choose[data-index='2']")
    again.click()
    expect(page.locator(CHOSEN)).to_have_attribute("data-index", "2")
    expect(step).to_have_text(f"Step 0 of {STEPS}")
    page.wait_for_timeout(500)
    expect(step).to_have_text(f"Step 0 of {STEPS}")
    page.close()


@pytest.mark.browser
def test_a_search_that_has_to_wait_says_so_at_once(page: Page) -> None:
    link_to(page, "generator=mlp_generator&seed=3&count=4&index=1")
    held: list[Route] = []
    page.route("**/queue/join*", lambda route: held.append(route))
    panel = page.locator(".convince")
    search, status = panel.get_by_role("button", name="Search"), panel.locator("[role=status]").first
    search.click()
    expect(status).to_have_text("Waiting for other searches to end.")
    expect(search).to_be_disabled()
    held[0].continue_()
    expect(status).to_contain_text("The search has ended", timeout=60_000)


@pytest.mark.browser
def test_a_search_that_fails_can_be_begun_again(page: Page) -> None:
    link_to(page, "generator=mlp_generator&seed=3&count=4&index=1")

    def spoil(route: Route) -> None:
        asked: dict[str, Any] = route.request.post_data_json or {}
        route.continue_(post_data=asked | {"event_data": {"turn": "none"}})

    page.route("**/queue/join*", spoil)
    panel = page.locator(".convince")
    search, status = panel.get_by_role("button", name="Search"), panel.locator("[role=status]").first
    search.click()
    expect(status).to_have_text("The search could not go on; try again.")
    page.unroute("**/queue/join*")
    search.click()
    expect(status).to_contain_text("The search has ended", timeout=60_000)


@pytest.mark.browser
@on_a_phone
def test_a_digit_of_a_wall_that_is_gone_is_not_chosen(page: Page) -> None:
    link_to(page, "seed=3&count=4&index=1")
    gone = page.get_by_role("button", name="Improve generator-3-2.png")
    gone.evaluate(
        "button => { const shown = button.closest('[data-wall]'); if (shown) shown.dataset.wall -= 1; }"
    )
    gone.click()
    page.wait_for_timeout(500)
    expect(page.locator(".convince")).to_contain_text("Chosen: generator-3-1.png.")


@pytest.fixture(scope="module")
def handlers(engine: Engine) -> dict[str, Callable[..., Any]]:
    """What answers each of the page's events, by its name."""
    app, _ = build_app(engine)
    return {str(each.api_name): each.fn for each in app.fns.values() if each.fn}


@pytest.mark.parametrize("content", [None, {}, 5, {"query": 5}, {"wall": 1, "index": -1}, {"turn": "1"}])
@pytest.mark.parametrize(
    "name", ["page_open_wall", "page_choose", "page_convince", "page_chosen", "page_convincing"]
)
def test_what_the_page_would_not_send_is_answered_with_a_sentence(
    handlers: dict[str, Callable[..., Any]], engine: Engine, name: str, content: object
) -> None:
    desk = Desk()
    recipe = Recipe(engine.default_generator, count=1)
    files = generate_files(engine, recipe.generator, 1, 0, None)
    desk.lay(desk.ask(), Chosen.of(recipe, files), files)
    arguments: list[Any] = [gr.EventData(None, content), None]
    if name not in ("page_chosen", "page_convincing"):
        arguments.insert(0, desk)
    with pytest.raises(gr.Error, match=UNREADABLE):
        list(handlers[name](*arguments))


@pytest.mark.browser
@pytest.mark.parametrize(
    ("locale", "other", "says"),
    [("en-US", "Other digits", "no longer kept here"), ("zh-CN", "换一批", "已不再保留")],
)
def test_digits_that_the_app_has_forgotten_are_said_and_others_come(
    browser: Browser, product_server: str, locale: str, other: str, says: str
) -> None:
    page = browser.new_page(locale=locale)
    page.goto(f"{product_server}?view=generate")
    expect(page.locator("#wall .wall-choose")).to_have_count(FIRST_COUNT)
    lose_session(page)
    page.locator("#wall .wall-choose").nth(3).click()
    expect(page.locator(".toast-body")).to_contain_text(says)
    wall = page.locator("#wall [data-wall]").get_attribute("data-wall")
    page.get_by_role("button", name=other).click()
    expect(page.locator(f"#wall [data-wall]:not([data-wall='{wall}'])")).to_be_visible()
    page.locator("#wall .wall-choose").nth(3).click()
    expect(page.locator("#convince .convince[data-in-front]")).to_be_visible()
    page.close()


@pytest.mark.browser
def test_the_view_speaks_chinese(browser: Browser, product_server: str) -> None:
    page = browser.new_page(locale="zh-CN")
    page.goto(product_server)
    link_to(page, "seed=abc&count=2&index=1")
    expect(page.get_by_role("alert")).to_contain_text("abc 不是种子")
    expect(page.get_by_role("button", name="换一批")).to_be_visible()
    expect(page.locator(".convince h2")).to_have_text("让它更像真的")
    page.close()


@pytest.mark.browser
@both_sizes
def test_many_digits_stand_within_the_page(page: Page) -> None:
    expect(link_to(page, "count=64&seed=1")).to_have_count(64)
    assert overflow(page) <= 0
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@pytest.mark.node
@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@both_sizes
def test_nothing_serious_stands_in_the_way_of_a_keyboard_or_a_screen_reader(page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    link_to(page, "digit=12&count=4&index=2")
    assert serious(page) == []
