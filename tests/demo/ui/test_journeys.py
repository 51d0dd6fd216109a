"""One journey per view in a real browser against a real server, one on a phone, one for accessibility."""

import base64
import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from playwright.sync_api import Browser, FilePayload, Locator, Page, Route, expect

from demo.api.uploads import GONE
from demo.batch.many import MOST_FILES
from demo.contract import HISTORY_PICTURE
from demo.decoder.images import LARGEST_FILE_BYTES, encode_png
from demo.inference.check import check_bytes
from demo.inference.engine import Engine
from demo.insight.game import CARDS
from demo.insight.learning import example_digit, load_learning, load_recording
from demo.insight.search import STEPS
from demo.insight.why import CHANGES
from demo.snippets.programs import SHOWN_ADDRESS, programs
from demo.ui.app import VIEWS
from demo.ui.html import png_url
from demo.ui.texts import load_texts
from demo.ui.views.model_files import published_models
from demo.ui.views.one_step import STAGES
from demo.ui.widgets.examples import EXAMPLES
from tests.demo.batch.test_archive import zip_bytes
from tests.support.accessibility import serious
from tests.support.driving import (
    FOUR_DECIMALS,
    USES,
    finger_stroke,
    hand_over,
    open_view,
    overflow,
    picture_bytes,
    requests_held,
    shown,
    stroke,
    upload,
)
from tests.support.serving import served_app
from tests.support.tabs import PHONE, visit

SEVEN = picture_bytes()
SQUARE = encode_png(np.pad(np.full((60, 60), 255, np.uint8), 20))
"""Ink, but not a digit."""
LARGE = encode_png(np.pad(np.full((600, 600), 255, np.uint8), 200))
"""Takes a while, so that many of them can be stopped before the last."""
LONG_NAME = "a-very-long-file-name-without-a-single-space-in-it-" * 3 + ".png"
FINISHED = re.compile(r"in \d+\.\d s")

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def product_server(product_models: Path) -> Iterator[str]:
    """The app with a detector of known weights."""
    with served_app("--models", str(product_models)) as address:
        yield address


@pytest.fixture
def page(tab: Page, product_server: str) -> Iterator[Page]:
    """The app's page as on a first visit, wide."""
    with visit(tab, product_server) as page:
        expect(page.locator("#area .pad")).to_be_visible()
        yield page


def draw_seven(page: Page, bottom: float = 0.8) -> None:
    stroke(page, [(0.3, 0.2), (0.7, 0.2), (0.45, bottom)])


def saved(page: Page, link: Locator) -> tuple[str, bytes]:
    with page.expect_download() as download:
        link.click()
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def clipboard(page: Page) -> str:
    return str(page.evaluate("navigator.clipboard.readText()"))


def ink(page: Page) -> int:
    """How many pixels of the pad are white."""
    return int(
        page.locator("#area .pad").evaluate(
            "pad => pad.getContext('2d').getImageData(0, 0, pad.width, pad.height)"
            ".data.filter((value, index) => index % 4 === 0 && value > 200).length"
        )
    )


def test_check(page: Page, product_engine: Engine) -> None:
    panel = page.locator("#result")
    draw_seven(page)
    first = shown(page, "Your drawing")
    before = ink(page)
    assert before > 2000
    stroke(page, [(0.35, 0.5), (0.65, 0.5)])
    expect(page.locator(".fake-probability")).not_to_have_text(first.fake)
    shown(page, "Your drawing")
    assert ink(page) > before
    page.get_by_role("button", name="Clear").click()
    expect(panel.locator(".result-verdict")).to_have_text("No picture yet")
    assert ink(page) == 0

    upload(page, "seven.png", SEVEN)
    answer = check_bytes(product_engine, "seven.png", SEVEN).answer
    assert answer.verdict is not None
    result = shown(page, "seven.png")
    heading = (answer.leaning or answer.verdict).capitalize()
    assert (result.verdict, result.fake) == (heading, f"{answer.fake_probability:.4f}")
    expect(panel).to_contain_text(f"reads it as {answer.digit} ({answer.digit_probability:.4f});")
    bars = [float(each) for each in panel.locator(".bar-number").all_inner_texts()]
    assert len(bars) == 10
    assert bars.index(max(bars)) == answer.digit
    expect(panel.locator(".scale-text")).to_contain_text("Real up to 0.3750, fake from 0.6250")
    upload(page, "seven.png", SEVEN)
    assert shown(page, "seven.png") == result, "an equal result must not stay marked as out of date"
    for kind in ("drop", "paste"):
        hand_over(page, {f"{kind}.png": SEVEN}, kind)
        assert shown(page, f"{kind}.png").fake == result.fake

    reasons = page.locator("#reasons")
    page.get_by_role("button", name="Why?").click()
    assert answer.logit is not None
    costs = [f"{np.logaddexp(0, answer.logit):.4f}", f"{np.logaddexp(0, -answer.logit):.4f}"]
    expect(reasons.locator(".costs dd")).to_have_text(costs)
    expect(reasons.locator(".strip li")).to_have_count(len(CHANGES))
    expect(reasons.get_by_role("img", name="Heat map")).to_be_visible()
    page.get_by_role("button", name="Clear").click()
    draw_seven(page)
    shown(page, "Your drawing")
    expect(reasons.locator(".costs dd")).not_to_have_text(costs)
    upload(page, "square.png", SQUARE)
    expect(panel.locator(".result-verdict")).to_have_text("Not a digit")
    expect(panel).not_to_contain_text(FOUR_DECIMALS)
    expect(panel.get_by_alt_text("The picture as the model saw it")).to_be_visible()
    expect(reasons).to_contain_text("A picture that is not a digit gets no score")
    expect(reasons).not_to_contain_text(FOUR_DECIMALS)

    name = "<img src=x onerror=alert(1)>&amp;${1}.png"
    upload(page, name, b"not a picture")
    expect(panel.locator(".result-file")).to_have_text(name)
    expect(panel.locator(".result-verdict")).to_have_text("Cannot be judged")
    expect(panel.locator("img, dd")).to_have_count(0)
    hand_over(page, {"0.png": b""}, size=LARGEST_FILE_BYTES + 1)
    expect(panel.locator(".result-file")).to_have_text("0.png")
    expect(panel.locator(".result-text")).to_contain_text("larger than 32 MiB")
    page.evaluate("() => { navigator.mediaDevices.getUserMedia = async () => { throw Error('refused'); }; }")
    page.get_by_role("button", name="Camera").click()
    expect(panel.locator(".result-text")).to_contain_text("does not let this page use the camera")

    def expire(route: Route) -> None:
        """Name another file, as if the app had removed the one that was uploaded."""
        route.continue_(post_data=re.sub(r"/\w{64}/", f"/{'0' * 64}/", route.request.post_data or ""))

    page.route("**/queue/join*", expire)
    upload(page, "late.png", SEVEN)
    expect(page.get_by_text(GONE)).to_be_visible()


def test_each_example_is_answered_with_one_click(page: Page) -> None:
    buttons = page.locator("#examples button")
    expect(buttons).to_have_count(len(EXAMPLES))
    verdicts = {}
    for button in buttons.all():
        name = button.inner_text()
        button.click()
        expect(page.locator("#result .result:not([data-stale]) .result-file")).to_have_text(name)
        verdicts[name] = page.locator("#result .result-verdict").inner_text()
    assert verdicts["Two digits (simulated photo)"] == "Several digits"
    assert FOUR_DECIMALS.search(page.locator("#result").inner_text()) is None


def test_the_pad_undoes_clears_and_changes_its_brush_by_mouse_and_keyboard(page: Page) -> None:
    page.locator(".area-brush").fill("10")
    draw_seven(page)
    thin, first = ink(page), shown(page, "Your drawing")
    stroke(page, [(0.35, 0.5), (0.65, 0.5)])
    expect(page.locator(".fake-probability")).not_to_have_text(first.fake)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".fake-probability")).to_have_text(first.fake)
    assert ink(page) == thin
    page.keyboard.press("Tab")
    page.locator("#area .pad").focus()
    page.keyboard.press("Control+z")
    expect(page.locator("#result .result-verdict")).to_have_text("No picture yet")
    assert ink(page) == 0
    for _ in range(3):
        page.keyboard.press("+")
    draw_seven(page)
    shown(page, "Your drawing")
    assert ink(page) > 1.5 * thin
    page.keyboard.press("Delete")
    expect(page.locator("#result .result-verdict")).to_have_text("No picture yet")
    assert ink(page) == 0


PALM_AND_PEN = """pad => {
    const box = pad.getBoundingClientRect();
    pad.setPointerCapture = () => {};
    const send = (type, pointerId, pointerType, x, y) => pad.dispatchEvent(new PointerEvent(type, {
        pointerId, pointerType, button: 0, bubbles: true,
        clientX: box.left + x * box.width, clientY: box.top + y * box.height,
    }));
    send('pointerdown', 5, 'touch', 0.9, 0.9);
    send('pointermove', 5, 'touch', 0.8, 0.9);
    send('pointerdown', 6, 'pen', 0.3, 0.3);
    send('pointermove', 5, 'touch', 0.7, 0.9);
    send('pointermove', 6, 'pen', 0.6, 0.3);
    send('pointerup', 6, 'pen', 0.6, 0.3);
    send('pointerup', 5, 'touch', 0.7, 0.9);
    send('pointerdown', 7, 'touch', 0.9, 0.8);
    send('pointerup', 7, 'touch', 0.9, 0.8);
    const { data } = pad.getContext('2d').getImageData(0, 0, pad.width, pad.height);
    const bright = (x, y) => data[4 * (Math.round(y * pad.height) * pad.width + Math.round(x * pad.width))];
    return [bright(0.45, 0.3), bright(0.8, 0.9), bright(0.9, 0.8)];
}"""


def test_a_pen_wins_over_a_resting_palm(page: Page) -> None:
    assert page.locator("#area .pad").evaluate(PALM_AND_PEN) == [255, 0, 0]
    expect(page.locator("#result .result-file")).to_have_text("Your drawing")


def test_a_browser_that_hides_its_canvas_is_told_so(page: Page) -> None:
    page.evaluate(
        """() => {
            const read = CanvasRenderingContext2D.prototype.getImageData;
            CanvasRenderingContext2D.prototype.getImageData = function (...area) {
                const image = read.apply(this, area);
                image.data[5] ^= 1;
                image.data[8] ^= 1;
                return image;
            };
        }"""
    )
    draw_seven(page)
    expect(page.locator("#result .result-text")).to_contain_text("does not let this page read pictures")


def test_several_files_and_zips_dropped_on_check_open_many_files(page: Page) -> None:
    rows = page.locator(".answers-rows tr")
    hand_over(page, {"a.png": SEVEN, "b.png": SEVEN})
    expect(page.get_by_role("tab", name="Many files")).to_have_attribute("aria-selected", "true")
    expect(rows).to_have_count(2)
    page.get_by_role("tab", name="Check").click()
    hand_over(page, {"all.zip": zip_bytes({f"{index}.png": SEVEN for index in range(3)})}, "paste")
    expect(rows).to_have_count(3)
    expect(page.get_by_role("tab", name="Many files")).to_have_attribute("aria-selected", "true")


def test_the_address_follows_the_open_view(page: Page) -> None:
    def opened(name: str) -> None:
        expect(page.locator(f"#views [data-tab-id={name}]")).to_have_attribute("aria-selected", "true")
        expect(page).to_have_url(re.compile(rf"\?view={name}$" if name != "check" else r"/(\?view=check)?$"))

    page.get_by_role("tab", name="Many files").click()
    opened("many")
    page.get_by_role("tab", name="Use it elsewhere").click()
    opened("elsewhere")
    page.go_back()
    opened("many")
    page.reload()
    opened("many")
    page.go_back()
    opened("check")
    page.go_forward()
    opened("many")


def test_only_the_latest_of_several_pictures_is_answered(page: Page, product_engine: Engine) -> None:
    upload(page, "seven.png", SEVEN)
    shown(page, "seven.png")
    with requests_held(page, "**/upload*"):
        upload(page, "late.png", SEVEN)
        expect(page.locator("#result .result[data-stale] .result-file")).to_have_text("seven.png")
        with requests_held(page, "**/queue/join*"):
            for bottom in (0.4, 0.6, 0.8):
                draw_seven(page, bottom)
    drawing = page.locator("#area .pad").evaluate("pad => pad.toDataURL('image/png').split(',')[1]")
    answer = check_bytes(product_engine, "", base64.b64decode(drawing)).answer
    expect(page.locator(".fake-probability")).to_have_text(f"{answer.fake_probability:.4f}")
    page.wait_for_timeout(500)
    assert shown(page, "Your drawing").fake == f"{answer.fake_probability:.4f}"
    upload(page, "seven.png", SEVEN)
    shown(page, "seven.png")
    page.get_by_role("button", name="Clear").click()
    with requests_held(page, "**/queue/join*"):
        draw_seven(page)
        page.get_by_role("tab", name="Generate").click()
    expect(page.locator("#result .result-file")).to_have_text("Your drawing")
    # A late answer does not bring its view to the front.
    expect(page.get_by_role("tab", name="Generate")).to_have_attribute("aria-selected", "true")


def test_the_camera_takes_a_photo_and_is_turned_off(page: Page) -> None:
    camera, video = page.get_by_role("button", name="Camera"), page.locator(".area-camera")
    camera.click()
    expect(video).to_be_visible()
    page.get_by_role("button", name="Take a photo").click()
    expect(page.locator("#result .result-file")).to_have_text("photo.png")
    expect(video).to_be_hidden()
    assert video.evaluate("video => video.srcObject") is None
    camera.click()
    expect(video).to_be_visible()
    page.get_by_role("tab", name="Generate").click()
    page.wait_for_function("document.querySelector('.area-camera').srcObject === null")


def test_generate(page: Page, product_engine: Engine) -> None:
    digits = page.locator(".grid-digit")

    def expect_digits(generator: str, count: int, seed: int, digit: int | None) -> None:
        made = product_engine.generate(generator, count, seed, digit)
        expect(digits).to_have_count(count)
        expect(digits.locator("img").last).to_have_attribute("src", png_url(encode_png(made[-1])))
        sources = [each.get_attribute("src") for each in digits.locator("img").all()]
        assert sources == [png_url(encode_png(each)) for each in made]

    def choose(field: str, option: str) -> None:
        page.get_by_role("combobox", name=field).click()
        page.get_by_role("option", name=option, exact=True).click()

    page.get_by_role("tab", name="Generate").click()
    expect_digits("generator", 16, 0, None)
    expect(page.locator(".notice")).to_have_text("")
    page.get_by_label("number input for How many").fill("2")
    choose("Digit", "3")
    expect(digits.first).to_have_attribute("data-name", "generator-digit-3-0-0.png")
    expect_digits("generator", 2, 0, 3)
    choose("Generator", "mlp_generator")
    expect(page.get_by_role("combobox", name="Digit")).to_be_disabled()
    expect(page.get_by_text("mlp_generator cannot choose the digit.")).to_be_visible()
    page.get_by_role("button", name="Other digits").click()
    expect(digits.first).not_to_have_attribute("data-name", "mlp_generator-0-0.png")
    seed = page.get_by_role("spinbutton", name="Seed").input_value()
    expect(digits.first).to_have_attribute("data-name", f"mlp_generator-{seed}-0.png")

    query = "view=generate&generator=generator&digit=3&seed=7&count=5"
    page.goto(f"{page.url.split('?')[0]}?{query}")
    expect_digits("generator", 5, 7, 3)
    expect(page.get_by_role("spinbutton", name="Seed")).to_have_value("7")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy a link to these digits").click()
    expect(page.locator(".grid-head .share-status")).to_have_text("Link copied.")
    assert urlsplit(clipboard(page)).query == query
    page.get_by_role("button", name="Improve generator-digit-3-7-4.png").click()
    # Until the panel shows this digit, a press would copy the link of the one before it.
    expect(page.locator(".search-panel p[role=status]").first).to_contain_text("generator-digit-3-7-4.png")
    page.get_by_role("button", name="Copy a link to the original digit").click()
    expect(page.locator(".search-panel .share-status")).to_have_text("Link copied.")
    assert urlsplit(clipboard(page)).query == f"{query}&index=4"
    page.goto(clipboard(page))
    expect(page.locator(".grid-select[aria-pressed=true]")).to_have_attribute("data-index", "4")
    expect(page.locator(".search-panel")).to_be_in_viewport()

    bad = "generator=%3Cb%3Enobody%3C/b%3E&digit=77&seed=-4&count=1000&index=16"
    page.goto(f"{page.url.split('?')[0]}?view=generate&{bad}")
    expect(page.get_by_role("alert")).to_contain_text("No generator is called <b>nobody</b>")
    expect_digits("generator", 16, 0, None)

    digit = digits.nth(4)
    number, name = digit.locator(".grid-number").inner_text(), digit.get_attribute("data-name")
    assert name is not None
    file, content = saved(page, page.get_by_role("link", name=f"Save {name}").first)
    assert file == name
    digit.click()
    assert shown(page, name).fake == number
    expect(page.locator("#result .result-verdict")).to_be_in_viewport()
    expect(page.locator("#result .result")).to_be_focused()
    upload(page, "saved.png", content)
    assert shown(page, "saved.png").fake == number


PRESS_HALT = """() => {
    const panel = document.querySelector('#search');
    const observer = new MutationObserver(() => {
        const halt = panel.querySelector('[data-action=halt]:not([disabled])');
        if (!halt) return;
        observer.disconnect();
        halt.click();
    });
    observer.observe(panel, { attributes: true, childList: true, subtree: true });
}"""
"""Stops a search within the page as soon as it runs, however short it is."""


def test_the_search_for_a_more_convincing_digit(page: Page) -> None:
    page.goto(f"{page.url}?view=generate&generator=mlp_generator&seed=3&count=4&index=1")
    panel = page.locator(".search-panel")
    step, status = panel.locator(".search-step"), panel.locator("[role=status]").first
    search, again = (panel.get_by_role("button", name=name) for name in ("Search", "Replay the search"))
    before = panel.locator(".search-before .search-number").inner_text()

    def spoil(route: Route) -> None:
        route.continue_(post_data=(route.request.post_data_json or {}) | {"event_data": {"turn": "none"}})

    page.route("**/queue/join*", spoil)
    search.click()
    expect(status).to_have_text("The search failed; try again.")
    page.unroute("**/queue/join*")
    with requests_held(page, "**/queue/join*"):
        search.click()
        expect(status).to_have_text("Waiting for other searches to finish.")
        expect(search).to_be_disabled()
    expect(status).to_contain_text("Search finished", timeout=60_000)
    expect(step).to_have_text(f"Step {STEPS} of {STEPS}")
    after = panel.locator(".search-after .search-number").inner_text()
    assert float(after) < float(before)
    expect(status).to_have_text(f"Search finished: P(fake | x) went from {before} to {after}.")

    file, _ = saved(page, panel.get_by_role("link", name="Save mlp_generator-3-1-step-"))
    # On a busy machine, a search may end before the browser shows that it can be stopped.
    for _ in range(5):
        page.evaluate(PRESS_HALT)
        again.click()
        expect(status).to_contain_text(re.compile("Stopped|finished:"), timeout=60_000)
        if "Stopped" in status.inner_text():
            break
    expect(status).to_contain_text("Stopped: P(fake | x)")
    expect(step).not_to_have_text(f"Step {STEPS} of {STEPS}")
    search.click()
    expect(status).to_contain_text("Search finished", timeout=60_000)
    panel.get_by_role("button", name="Check it").click()
    assert shown(page, file).fake == after


def test_watch_it_learn(page: Page, product_engine: Engine) -> None:
    def numbers_of(pixels: np.ndarray | None) -> list[str]:
        assert pixels is not None
        return [f"{each:.4f}" for each in product_engine.history(pixels[np.newaxis])[0]]

    digit, slider = page.locator("#learn-digit"), page.get_by_role("slider", name="Training step")
    number = page.locator("#learn-digit .learn-number .stops [data-now]")
    example, learning = example_digit(product_engine), load_learning(product_engine.manifest)
    assert example is not None
    assert learning is not None
    numbers = numbers_of(example.pixels)
    with page.expect_response(f"**/models/{HISTORY_PICTURE}") as response:
        open_view(page, "learn")
    assert response.value.body() == product_engine.manifest.read(HISTORY_PICTURE)
    expect(number).to_have_text(numbers[-1])
    expect(digit).to_contain_text("You have not checked a digit yet")
    digit.locator("summary").click()
    assert digit.locator("tbody td").all_inner_texts() == numbers

    asked: list[str] = []
    page.on("request", lambda sent: asked.append(sent.url) if "/queue/join" in sent.url else None)
    slider.focus()
    page.keyboard.press("Home")
    expect(number).to_have_text(numbers[0])
    losses = [f"{learning[f'{name}_loss'][0]:.4f}" for name in ("discriminator", "generator")]
    assert page.locator(".learn-key [data-now]").all_inner_texts() == losses
    expect(slider).to_have_attribute("aria-valuetext", "0")
    for each in ("Step 0:", numbers[0], *losses):
        expect(page.locator("#learn [role=status]")).to_contain_text(each)
    page.get_by_role("button", name="Play").click()
    expect(slider).to_have_value("2")
    page.get_by_role("button", name="Pause").click()
    stopped = slider.input_value()
    assert asked == []

    recording = load_recording(product_engine.manifest)
    assert recording is not None
    step = recording["steps"][len(recording["steps"]) // 2]
    explanation = page.locator("#one-step [role=status]")
    table = page.locator("#one-step [data-recorded]:not([hidden])")
    back, forward = (page.get_by_role("button", name=name, exact=True) for name in ("Back", "Next"))
    expect(back).to_have_attribute("aria-disabled", "true")
    forward.focus()
    for stage in range(1, len(STAGES)):
        page.keyboard.press("Enter")
        expect(explanation).to_contain_text(f"{stage + 1} of {len(STAGES)}")
    expect(forward).to_have_attribute("aria-disabled", "true")
    expect(table.locator("tr[data-now]").last).to_contain_text(f"{step['generator_loss'][2]:.4f}")
    page.get_by_role("combobox", name="Which step").select_option("0")
    back.click()
    expect(explanation).to_contain_text(f"{recording['steps'][0]['discriminator_loss'][1]:.4f}")

    digit.get_by_role("button", name="Check your own digit").click()
    upload(page, "seven.png", SEVEN)
    shown(page, "seven.png")
    page.get_by_role("tab", name="Watch it learn").click()
    checked = check_bytes(product_engine, "seven.png", SEVEN)
    expect(digit).to_contain_text(f"In Check, discriminator scores it {checked.answer.fake_probability:.4f}.")
    expect(slider).to_have_value(stopped)
    expect(number).to_have_text(numbers_of(checked.pixels)[int(stopped)])


def test_beat_the_discriminator(page: Page) -> None:
    open_view(page, "game")
    board = page.locator("#board")
    expect(board).to_contain_text("test digits from MNIST")
    page.get_by_role("button", name="New game").click()
    last = None
    for number in range(1, CARDS + 1):
        expect(page.get_by_role("img", name=f"Digit number {number}:")).to_be_visible()
        if number == 1:
            expect(board).to_contain_text("Digit 1 of 10. You: 0, the model: 0.")
            # The page holds no answer before the player gives one.
            expect(board).not_to_contain_text(FOUR_DECIMALS)
        else:
            expect(board.locator(".last img")).to_have_attribute("src", str(last))
        last = board.locator(".card > img").get_attribute("src")
        page.locator("#answer-fake" if number % 2 else "#answer-real").click()
    cards = board.locator(".cards li")
    expect(cards).to_have_count(CARDS)
    scores = re.search(r"You got (\d+) of 10 right, the model (\d+) of 10", board.inner_text())
    assert scores is not None
    results = cards.all_inner_texts()
    assert sum("You were right" in each for each in results) == int(scores[1])
    assert sum("The model was right" in each for each in results) == int(scores[2])
    page.get_by_role("button", name="New game").click()
    expect(board).to_contain_text("Digit 1 of 10. You: 0, the model: 0.")


STOP_WHEN_CHECKING = """() => {
    if (!/Checking [1-9]/.test(document.querySelector('.files-status').textContent)) return false;
    document.querySelector('.files-stop').click();
    return true;
}"""
"""Press *Stop* within the page, because on a busy machine the check may end before a click from outside."""


def test_many_files(page: Page, product_engine: Engine, tmp_path: Path) -> None:
    status, rows = page.locator(".files-status"), page.locator(".answers-rows tr")

    def payload(name: str, content: bytes) -> FilePayload:
        return {"name": name, "mimeType": "application/octet-stream", "buffer": content}

    def send(files: dict[str, bytes]) -> None:
        page.set_input_files(".files-input", [payload(name, content) for name, content in files.items()])

    def names() -> list[str]:
        return page.locator(".answers-rows .answers-file").all_text_contents()

    def cells(name: str) -> list[str]:
        row = page.locator(".answers-rows tr", has=page.get_by_text(name, exact=True))
        return [text.strip() for text in row.locator("td").all_text_contents()]

    open_view(page, "many")
    expect(page.get_by_text("Up to 2,000 pictures at once")).to_be_visible()
    archive = zip_bytes({"10.png": SEVEN, "9.png": picture_bytes((120, 200))})
    send({"b.png": SEVEN, "digits.zip": archive, "=bad.png": b"not a picture", "<b>方.png": SQUARE})
    expect(status).to_contain_text(FINISHED)
    expect(status).to_contain_text("Done: 5 processed")
    expect(status).to_contain_text("; 1 could not be judged.")
    assert names() == ["b.png", "digits.zip/10.png", "digits.zip/9.png", "=bad.png", "<b>方.png"]
    seven = check_bytes(product_engine, "b.png", SEVEN).answer
    assert seven.verdict is not None
    number = f"{seven.fake_probability:.4f}"
    assert cells("b.png")[1:4] == [seven.verdict.capitalize(), number, str(seven.digit)]
    assert cells("<b>方.png")[1:4] == ["Not a digit", "", ""]
    assert "does not look like a handwritten digit" in cells("<b>方.png")[4]
    assert cells("=bad.png")[4]

    name, content = saved(page, page.get_by_role("button", name="Save all as JSON"))
    answers = json.loads(content)
    assert name == "touchstone.json"
    assert [each["file"] for each in answers] == names()
    expected = check_bytes(product_engine, "<b>方.png", SQUARE).answer.as_dict()
    assert answers[4] == pytest.approx(expected, abs=1e-6)
    name, content = saved(page, page.get_by_role("button", name="Save all as CSV"))
    assert name == "touchstone.csv"
    # Excel needs a byte order mark for names that are not ASCII.
    records = list(csv.DictReader(io.StringIO(content.decode("utf-8"), newline="")))
    assert [each["\ufefffile"] for each in records][3:] == ["'=bad.png", "<b>方.png"]

    header = page.get_by_role("columnheader", name="File")
    for order in ("ascending", "descending"):
        header.get_by_role("button").click()
        expect(header).to_have_attribute("aria-sort", order)
        nine, ten = names().index("digits.zip/9.png"), names().index("digits.zip/10.png")
        assert (nine < ten) == (order == "ascending")
    page.get_by_role("columnheader", name="P(fake | x)").get_by_role("button").click()
    assert sorted(names()[3:]) == ["<b>方.png", "=bad.png"], "rows without a score come last"
    page.get_by_role("button", name="Not a digit 1").click()
    assert names() == ["<b>方.png"]
    expect(page.locator(".answers-count")).to_have_text("1 of 5 shown")
    page.get_by_role("button", name="All 5").click()
    page.get_by_label("File name contains").fill("ZIP")
    assert len(names()) == 2
    page.get_by_label("File name contains").fill("")
    page.get_by_role("button", name="Gallery", exact=True).click()
    opener = page.get_by_role("button", name="Open b.png in Check")
    expect(opener).to_contain_text(number)
    opener.focus()
    opener.press("Enter")
    assert shown(page, "b.png").fake == number

    open_view(page, "many")
    hand_over(page, {f"{index}.png": b"" for index in range(MOST_FILES + 1)})
    expect(status).to_contain_text("These are more than 2,000 files, so none was sent.")
    hand_over(page, {f"{index}.png": b"" for index in range(17)}, "paste", size=LARGEST_FILE_BYTES)
    expect(status).to_contain_text("These files exceed 512 MiB together, so none was sent.")
    (tmp_path / "set" / "inner").mkdir(parents=True)
    for name in ("set/1.png", "set/inner/2.png", "set/.hidden"):
        (tmp_path / name).write_bytes(SEVEN)
    box = page.locator(".files-zone").bounding_box()
    assert box is not None
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(tmp_path / "set")], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        place = {"type": kind, "x": box["x"] + 20, "y": box["y"] + 20, "data": data}
        session.send("Input.dispatchDragEvent", place)
    expect(status).to_contain_text(FINISHED)
    assert sorted(names()) == ["set/1.png", "set/inner/2.png"]

    large = tmp_path / "large.png"
    with large.open("wb") as stream:
        stream.truncate(LARGEST_FILE_BYTES + 1)
    page.route("**/upload**", lambda route: route.abort(), times=1)
    page.set_input_files(".files-input", [large, tmp_path / "set" / "1.png"])
    expect(status).to_contain_text("2 could not be judged.")
    assert "more than 32 MiB" in cells("large.png")[4]
    assert "did not reach the app" in cells("1.png")[4]

    stop = page.get_by_role("button", name="Stop")
    with requests_held(page, "**/upload**"):
        send({"a.png": SEVEN, "b.png": SEVEN})
        expect(status).to_have_text("Uploading 0 of 2")
        expect(page.get_by_role("button", name="Choose files")).to_be_disabled()
        stop.click()
        expect(status).to_contain_text("Stopped before any file was checked.")
    many = {"many.zip": zip_bytes({f"{index}.png": LARGE for index in range(1500)})}
    send(many)
    expect(rows.nth(60)).to_be_attached()
    # The end of the check that is replaced is not that of the new one.
    send(many)
    page.wait_for_function(STOP_WHEN_CHECKING)
    expect(status).to_contain_text("Stopped. The results so far are kept.")
    assert len(names()) >= 64
    send({"last.png": SEVEN})
    expect(status).to_contain_text(FINISHED)
    assert names() == ["last.png"]


def test_use_it_elsewhere(page: Page, product_engine: Engine) -> None:
    paths: list[str] = []
    page.on("request", lambda sent: paths.append(urlsplit(sent.url).path))
    open_view(page, "elsewhere")
    expect(page.locator("#elsewhere-card")).to_be_visible()
    assert not [path for path in paths if path.startswith("/models/")]
    page.get_by_role("link", name="How far you can trust the score").click()
    expect(page.get_by_role("heading", name="How far you can trust the score")).to_be_in_viewport()
    for plot in page.locator(".plots img").all():
        plot.scroll_into_view_if_needed()
        width = plot.evaluate("image => image.decode().then(() => image.naturalWidth)")
        assert width == int(plot.get_attribute("width") or 0)
    model = published_models(product_engine)[0]
    card = page.locator(".files li").filter(has=page.get_by_role("link", name=model.file, exact=True))
    file, content = saved(page, card.get_by_role("link"))
    assert (file, content) == (model.file, product_engine.manifest.read(model.file))
    expect(card.locator(".checksum")).to_have_text(model.entry["sha256"])
    expect(card).to_contain_text(f"{len(content):,} bytes")

    own = urlsplit(page.url)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    program = programs()[-1]
    block = page.locator(f"#{program.name}-program")
    block.locator("xpath=ancestor::details").evaluate("part => { part.open = true; }")
    source = program.path.read_text(encoding="utf-8").rstrip()
    source = source.replace(SHOWN_ADDRESS, f"{own.scheme}://{own.netloc}")
    assert block.locator("code").text_content() == source
    block.get_by_role("button").click()
    expect(block.get_by_role("button")).to_have_text("Copied")
    assert clipboard(page) == source
    # As on a page over plain http.
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('denied')); }")
    block = page.locator("#python-program")
    block.get_by_role("button").click()
    expect(page.locator(".copied")).to_have_text("Copied")
    assert clipboard(page) == block.locator("code").text_content()


def test_a_phone_draws_with_a_finger_and_copies_by_hand(browser: Browser, product_server: str) -> None:
    page = browser.new_page(viewport=PHONE, has_touch=True)
    page.goto(product_server)
    page.locator("#area .pad").scroll_into_view_if_needed()
    scrolled = page.evaluate("scrollY")
    finger_stroke(page, "#area .pad")
    shown(page, "Your drawing")
    # A line of 0.6 of the pad's 280 pixels, 22 wide; a browser that scrolled would have cut it short.
    assert ink(page) > 3500
    assert page.evaluate("scrollY") == scrolled
    page.evaluate("() => { navigator.mediaDevices.getUserMedia = async () => { throw Error('refused'); }; }")
    with page.expect_file_chooser():
        page.get_by_role("button", name="Camera").click()
    page.goto(f"{page.url.split('?')[0]}?view=generate&seed=9&count=2")
    page.evaluate("() => { Object.defineProperty(navigator, 'clipboard', { value: undefined }); }")
    page.get_by_role("button", name="Copy a link to these digits").click()
    field = page.get_by_role("textbox", name="Link")
    expect(field).to_be_focused()
    expect(field).to_have_value(re.compile(r"\?view=generate&generator=generator&seed=9&count=2$"))
    assert page.evaluate("getSelection().toString()") == field.input_value()
    page.close()


@pytest.mark.node
def test_every_view_is_accessible_on_a_phone_in_chinese(browser: Browser, product_server: str) -> None:
    page = browser.new_page(viewport=PHONE, locale="zh-CN", reduced_motion="reduce")
    page.goto(product_server)
    text = load_texts()["zh"]
    for view in VIEWS:
        open_view(page, view)
        expect(page.locator(f"#views [data-tab-id={view}]").first).to_have_text(text(f"page.{view}"))
        USES[view](page)
        if view == "check":
            upload(page, LONG_NAME, SEVEN)
            page.get_by_role("button", name=text("why.title")).click()
            expect(page.locator("#reasons .strip li")).to_have_count(len(CHANGES))
        elif view == "many":
            hand_over(page, {LONG_NAME: SEVEN, "bad.png": b"no", "square.png": SQUARE})
            expect(page.locator(".answers-rows tr")).to_have_count(3)
        elif view == "learn":
            expect(page.locator(".learn-play")).to_be_hidden()
        assert serious(page) == [], view
        assert overflow(page) <= 0, view
        if view != "elsewhere":
            assert not re.search(r"(?:\b[a-z]{3,} ){4}", page.locator("#views").inner_text()), view
    for block in page.locator(".elsewhere pre, .elsewhere .table").all():
        block.focus()
        expect(block).to_be_focused()
        assert block.get_attribute("aria-label")
    page.close()


STORAGE_DENIED = """
const denied = { get() { throw new DOMException('denied', 'SecurityError'); } };
const stores = ['localStorage', 'sessionStorage', 'caches', 'indexedDB'];
for (const name of stores) Object.defineProperty(window, name, denied);
Object.defineProperty(navigator, 'serviceWorker', denied);
"""


def test_without_storage_and_in_a_frame_the_page_works(browser: Browser, product_server: str) -> None:
    context = browser.new_context()
    context.add_init_script(STORAGE_DENIED)
    page = context.new_page()
    page.route("**/framing", lambda route: route.fulfill(content_type="text/html", body="<iframe src='/'>"))
    page.goto(f"{product_server}framing")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.locator("iframe").evaluate("frame => { frame.style = 'width: 1200px; height: 850px'; }")
    frame = page.frame_locator("iframe")
    frame.locator("#examples button").first.click()
    expect(frame.locator("#result .result:not([data-stale]) .result-file")).to_have_text("Handwritten")
    frame.get_by_role("tab", name="Generate").click()
    expect(frame.locator("#digit-grid .grid-digit")).to_have_count(16)
    context.close()
