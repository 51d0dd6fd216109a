"""*Check*, in a real browser against a real server, and the panel it shows."""

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import gradio as gr
import numpy as np
import pytest
from demo.insight.stability import HANDLINGS
from playwright.sync_api import Browser, FilePayload, Page, Route, expect

from demo.decoder.images import LARGEST_FILE_BYTES, encode_png
from demo.inference.check import check_bytes
from demo.inference.engine import Engine
from export.benchmark.chromium import CHROMIUM_FLAGS
from tests.support.accessibility import serious
from tests.support.driving import FOUR_DECIMALS, overflow, picture_bytes, requests_held, shown, stroke, upload
from tests.support.offline import KEPT_IDLE
from tests.support.serving import served_app
from tests.support.tabs import both_sizes, on_a_phone

NOT_A_PICTURE = b"not a picture"


@pytest.mark.browser
@on_a_phone
def test_the_page_reads_the_digit_and_gives_no_number_to_what_is_none(
    page: Page, product_engine: Engine
) -> None:
    upload(page, "seven.png", picture_bytes())
    shown(page, "seven.png")
    answer = check_bytes(product_engine, "seven.png", picture_bytes()).answer
    panel = page.locator("#result")
    expect(panel).to_contain_text(f"reads as {answer.digit} ({answer.digit_probability:.4f});")
    numbers = [float(each) for each in panel.locator(".bar-number").all_inner_texts()]
    assert len(numbers) == 10
    assert sum(numbers) == pytest.approx(1, abs=6e-4)
    assert numbers.index(max(numbers)) == answer.digit
    expect(panel.locator(".scale-says")).to_contain_text("Real up to 0.3750, fake from 0.6250 on")
    expect(page.locator(".explain")).to_contain_text("probabilities are calibrated")
    # Ink, but no digit: a square.
    upload(page, "square.png", encode_png(np.pad(np.full((60, 60), 255, np.uint8), 20)))
    expect(panel.locator(".result-verdict")).to_have_text("Not a digit")
    expect(panel.locator("dd")).to_have_count(0)
    expect(panel).not_to_contain_text("reads as")
    expect(panel).not_to_contain_text(FOUR_DECIMALS)
    expect(panel.get_by_alt_text("The picture as the model saw it")).to_be_visible()


@pytest.mark.browser
def test_the_published_page_says_what_the_engine_says(browser: Browser, server: str, engine: Engine) -> None:
    answer = check_bytes(engine, "seven.png", picture_bytes()).answer
    assert answer.verdict is not None
    page = browser.new_page()
    page.goto(server)
    expect(page.locator("#area canvas")).to_be_visible()
    expect(page.locator(".explain")).to_contain_text("probabilities are calibrated")
    expect(page.locator(".device-note")).to_contain_text(engine.device_note)
    upload(page, "seven.png", picture_bytes())
    panel = page.locator("#result")
    expect(panel.locator(".result-verdict")).to_have_text(answer.verdict.capitalize())
    numbers = panel.locator(".fake-probability").all_inner_texts()
    assert numbers == ([] if answer.verdict == "not a digit" else [f"{answer.fake_probability:.4f}"])
    page.close()


@pytest.mark.browser
def test_where_only_the_tutorial_is_published_the_page_does_not_call_its_number_calibrated(
    browser: Browser, smoke_models: Path
) -> None:
    with served_app("--models", str(smoke_models)) as address:
        page = browser.new_page()
        page.goto(address)
        expect(page.locator("#area canvas")).to_be_visible()
        expect(page.locator(".explain")).to_contain_text("probabilities are not calibrated")
        upload(page, "seven.png", picture_bytes())
        shown(page, "seven.png")
        expect(page.locator("#result .scale-says")).to_have_text("Real up to 0.5000, fake above.")
        expect(page.locator("#result")).not_to_contain_text("reads as")
        page.close()


def ink(page: Page) -> int:
    """How many pixels of the pad are white."""
    return int(
        page.locator("#area canvas").evaluate(
            "pad => pad.getContext('2d').getImageData(0, 0, pad.width, pad.height)"
            ".data.filter((value, index) => index % 4 === 0 && value > 200).length"
        )
    )


@pytest.mark.browser
def test_an_uploaded_picture_is_judged_as_by_the_engine(page: Page, product_engine: Engine) -> None:
    upload(page, "seven.png", picture_bytes())
    answer = check_bytes(product_engine, "seven.png", picture_bytes()).answer
    assert answer.verdict is not None
    result = shown(page, "seven.png")
    upload(page, "seven.png", picture_bytes())
    assert shown(page, "seven.png") == result, "an equal result must not stay marked as out of date"
    assert (result.verdict, result.fake) == (answer.verdict.capitalize(), f"{answer.fake_probability:.4f}")


@pytest.mark.browser
@on_a_phone
def test_a_bad_file_replaces_the_earlier_result(page: Page) -> None:
    upload(page, "seven.png", picture_bytes())
    shown(page, "seven.png")
    upload(page, "broken.png", NOT_A_PICTURE)
    panel = page.locator("#result")
    expect(panel.locator(".result-file")).to_have_text("broken.png")
    expect(panel.locator(".result-verdict")).to_have_text("Cannot be judged")
    expect(panel.locator("dd")).to_have_count(0)
    expect(panel.locator("img")).to_have_count(0)


@pytest.mark.browser
@pytest.mark.parametrize("way", ["upload", "stroke"])
def test_a_result_is_out_of_date_from_the_moment_a_new_picture_comes(page: Page, way: str) -> None:
    upload(page, "seven.png", picture_bytes())
    shown(page, "seven.png")
    held: list[Route] = []
    page.route("**/queue/join*", lambda route: held.append(route))
    if way == "upload":
        upload(page, "next.png", picture_bytes())
    else:
        stroke(page, [(0.3, 0.2), (0.7, 0.8)])
    expect(page.locator("#result .result[data-stale] .result-file")).to_have_text("seven.png")
    expect(page.locator("#result .result")).to_have_css("opacity", "0.35")
    for route in held:
        route.continue_()
    page.unroute("**/queue/join*")
    shown(page, "next.png" if way == "upload" else "Your drawing")


@pytest.mark.browser
def test_a_file_too_large_is_refused_before_it_is_sent(page: Page) -> None:
    upload(page, "seven.png", picture_bytes())
    shown(page, "seven.png")
    page.evaluate(
        """(size) => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(size)], 'large.png', { type: 'image/png' }));
            document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true }));
        }""",
        LARGEST_FILE_BYTES + 1,
    )
    expect(page.locator("#result .result-file")).to_have_text("large.png")
    expect(page.locator("#result .result-says")).to_contain_text("larger than the 32 MiB")
    expect(page.locator("#result dd")).to_have_count(0)


@pytest.mark.browser
@on_a_phone
def test_a_file_name_is_shown_as_text(page: Page) -> None:
    name = "<img src=x onerror=alert(1)>&amp;${1}.png"
    upload(page, name, NOT_A_PICTURE)
    expect(page.locator("#result .result-file")).to_have_text(name)
    expect(page.locator("#result img")).to_have_count(0)


@pytest.mark.browser
def test_a_picture_can_be_dropped_and_pasted(page: Page) -> None:
    script = """([kind, name, encoded]) => {
        const bytes = Uint8Array.from(atob(encoded), (each) => each.charCodeAt(0));
        const data = new DataTransfer();
        data.items.add(new File([bytes], name, { type: 'image/png' }));
        document.body.dispatchEvent(kind === 'drop'
            ? new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true })
            : new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
    }"""
    encoded = base64.b64encode(picture_bytes()).decode()
    page.evaluate(script, ["drop", "dropped.png", encoded])
    dropped = shown(page, "dropped.png")
    page.evaluate(script, ["paste", "pasted.png", encoded])
    assert shown(page, "pasted.png").fake == dropped.fake


@pytest.mark.browser
@both_sizes
def test_the_first_stroke_is_judged_and_clear_takes_it_away(page: Page) -> None:
    assert ink(page) == 0
    stroke(page, [(0.3, 0.2), (0.7, 0.2), (0.45, 0.8)])
    first = shown(page, "Your drawing")
    before = ink(page)
    assert before > 2000
    stroke(page, [(0.35, 0.5), (0.65, 0.5)])
    expect(page.locator(".fake-probability")).not_to_have_text(first.fake)
    assert ink(page) > before
    page.get_by_role("button", name="Clear").click()
    expect(page.locator(".result-verdict")).to_have_text("No picture yet")
    assert ink(page) == 0


@pytest.mark.browser
def test_a_stroke_is_judged_while_other_parts_of_the_page_are_still_to_come(page: Page) -> None:
    scripts = Path(gr.__file__).parent.glob("templates/frontend/assets/Index-*.js")
    accordions = {path.name for path in scripts if "label-wrap" in path.read_text(encoding="utf-8")}
    held: list[Route] = []
    page.route(lambda url: Path(urlsplit(url).path).name in accordions, lambda route: held.append(route))
    page.reload()
    expect(page.locator("#area canvas")).to_be_visible()
    stroke(page, [(0.3, 0.2), (0.7, 0.2), (0.45, 0.8)])
    drawn = shown(page, "Your drawing")
    expect(page.get_by_role("button", name="Why?")).to_have_count(0)
    for route in held:
        route.continue_()
    page.unroute_all()
    expect(page.get_by_role("button", name="Why?")).to_be_visible()
    assert shown(page, "Your drawing") == drawn


@pytest.mark.browser
@on_a_phone
def test_a_finger_draws_without_scrolling(page: Page) -> None:
    canvas = page.locator("#area canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    touch = page.context.new_cdp_session(page)
    scrolled = page.evaluate("scrollY")
    x = box["x"] + box["width"] / 2
    for step in range(13):
        points = [{"x": x, "y": box["y"] + (0.8 - 0.05 * step) * box["height"]}]
        kind = "touchMove" if step else "touchStart"
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    shown(page, "Your drawing")
    # A line of 0.6 of the pad's 280 pixels, 22 wide; a browser that scrolled would have cut it short.
    assert ink(page) > 3500
    assert page.evaluate("scrollY") == scrolled


@pytest.mark.browser
@both_sizes
def test_nothing_stands_out_to_the_side(page: Page) -> None:
    assert overflow(page) <= 0
    upload(page, "a-very-long-file-name-without-a-single-space-in-it-" * 3 + ".png", picture_bytes())
    expect(page.locator(".fake-probability")).to_be_visible()
    page.locator("#why button").first.click()
    expect(page.locator(".strip li")).to_have_count(len(HANDLINGS))
    assert overflow(page) <= 0
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@pytest.mark.browser
def test_no_formula_is_broken_over_two_lines(page: Page) -> None:
    lines = "parts => parts.map(part => part.getClientRects().length)"
    for width in range(320, 420, 10):
        page.set_viewport_size({"width": width, "height": 844})
        assert set(page.locator(".formula").evaluate_all(lines)) == {1}


@pytest.mark.browser
@both_sizes
def test_everything_to_press_has_a_name_and_takes_the_focus(page: Page) -> None:
    for role, name in (
        ("tab", "Check"),
        ("button", "Choose a picture"),
        ("button", "Camera"),
        ("button", "Clear"),
        ("button", "Why?"),
        ("img", "Drawing pad"),
    ):
        part = page.get_by_role(role, name=re.compile(f"^{re.escape(name)}"))  # type: ignore[arg-type]
        part.focus()
        expect(part).to_be_focused()
    expect(page.locator("#result [role=status][aria-live=polite]")).to_have_count(1)


@pytest.mark.browser
@pytest.mark.node
@both_sizes
def test_why_follows_each_new_picture_while_it_is_open(page: Page, product_engine: Engine) -> None:
    asked: list[str] = []
    page.on("request", lambda sent: asked.append(sent.url))
    upload(page, "seven.png", picture_bytes())
    shown(page, "seven.png")
    reasons = page.locator("#reasons")
    page.get_by_role("button", name="Why?").click()
    answer = check_bytes(product_engine, "seven.png", picture_bytes()).answer
    assert answer.logit is not None
    costs = [f"{np.logaddexp(0, answer.logit):.4f}", f"{np.logaddexp(0, -answer.logit):.4f}"]
    expect(reasons.locator(".costs dd")).to_have_text(costs)
    expect(reasons.locator(".strip li")).to_have_count(len(HANDLINGS))
    expect(reasons.get_by_role("img", name="Heat map")).to_be_visible()
    stroke(page, [(0.3, 0.2), (0.7, 0.2), (0.45, 0.8)])
    shown(page, "Your drawing")
    expect(reasons.locator(".costs dd")).not_to_have_text(costs)
    assert serious(page) == []
    upload(page, "square.png", encode_png(np.pad(np.full((60, 60), 255, np.uint8), 20)))
    expect(reasons).to_contain_text("What is not a digit gets no number")
    expect(reasons).not_to_contain_text(FOUR_DECIMALS)


@pytest.mark.browser
def test_the_camera_s_picture_is_judged(browser: Browser, browser_path: str, product_server: str) -> None:
    flags = [*CHROMIUM_FLAGS, "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    with browser.browser_type.launch(executable_path=browser_path, args=flags) as chromium:
        page = chromium.new_page()
        page.goto(product_server)
        page.get_by_role("button", name="Camera").click()
        expect(page.locator(".area-camera")).to_be_visible()
        page.get_by_role("button", name="Take the picture").click()
        expect(page.locator("#result .result-file")).to_have_text("photo.png")
        expect(page.locator(".area-camera")).to_be_hidden()
        assert page.locator(".area-camera").evaluate("video => video.srcObject") is None


@pytest.mark.browser
@both_sizes
def test_a_camera_that_is_refused_is_said_so(page: Page) -> None:
    page.evaluate("() => { navigator.mediaDevices.getUserMedia = async () => { throw Error('refused'); }; }")
    if page.evaluate("matchMedia('(pointer: coarse)').matches"):
        with page.expect_file_chooser():
            page.get_by_role("button", name="Camera").click()
        return
    page.get_by_role("button", name="Camera").click()
    expect(page.locator("#result .result-says")).to_contain_text("The browser gives no camera")


@pytest.mark.browser
def test_a_browser_set_to_chinese_gets_chinese(browser: Browser, product_server: str) -> None:
    context = browser.new_context(locale="zh-CN")
    page = context.new_page()
    page.goto(product_server)
    expect(page.get_by_role("tab").first).to_have_text("鉴别")
    expect(page.get_by_role("button", name="选择图片")).to_be_visible()
    expect(page.locator("#result .result-verdict")).to_have_text("还没有图片")
    expect(page.locator(".explain h2")).to_have_text("这些数字是什么意思")
    stroke(page, [(0.3, 0.2), (0.7, 0.2), (0.45, 0.8)])
    expect(page.locator("#result .result-file")).to_have_text("你写的数字")
    expect(page.locator("#result .result-verdict")).to_have_text(re.compile("^(真|假|拿不准)$"))
    context.close()


@pytest.mark.browser
def test_an_answer_that_comes_late_does_not_pull_one_back(page: Page) -> None:
    with requests_held(page, "**/queue/join*"):
        stroke(page, [(0.3, 0.2), (0.7, 0.2), (0.45, 0.8)])
        page.get_by_role("tab", name="Generate").click()
    expect(page.locator("#result .result-file")).to_have_text("Your drawing")
    expect(page.get_by_role("tab", name="Generate")).to_have_attribute("aria-selected", "true")


@pytest.mark.browser
@on_a_phone
def test_the_latest_of_several_pictures_is_the_one_that_is_answered(
    page: Page, product_engine: Engine
) -> None:
    with requests_held(page, "**/upload*"):
        upload(page, "late.png", picture_bytes())
        with requests_held(page, "**/queue/join*"):
            for y in (0.4, 0.6, 0.8):
                stroke(page, [(0.3, 0.2), (0.7, 0.2), (0.45, y)])
    drawing = page.locator("#area canvas").evaluate("pad => pad.toDataURL('image/png').split(',')[1]")
    answer = check_bytes(product_engine, "", base64.b64decode(drawing)).answer
    expect(page.locator(".fake-probability")).to_have_text(f"{answer.fake_probability:.4f}")
    # The file arrives, too late to be told.
    page.wait_for_timeout(500)
    assert shown(page, "Your drawing").fake == f"{answer.fake_probability:.4f}"


@pytest.mark.browser
def test_the_camera_is_off_once_one_looks_at_something_else(
    browser: Browser, browser_path: str, product_server: str
) -> None:
    flags = [*CHROMIUM_FLAGS, "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    with browser.browser_type.launch(executable_path=browser_path, args=flags) as chromium:
        page = chromium.new_page()
        page.goto(product_server)
        page.get_by_role("button", name="Camera").click()
        expect(page.locator(".area-camera")).to_be_visible()
        page.get_by_role("tab", name="Generate").click()
        page.wait_for_function("document.querySelector('.area-camera').srcObject === null")


@pytest.fixture(scope="module")
def quick_to_forget(product_models: Path) -> Iterator[str]:
    """The app, where what was uploaded is gone a second after the last request."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(KEPT_IDLE, "1")
        with served_app("--models", str(product_models)) as address:
            yield address


REST = 2200
"""Milliseconds after which an upload there is gone."""


@pytest.mark.browser
def test_after_a_rest_that_outlasts_the_file_the_page_goes_on(browser: Browser, quick_to_forget: str) -> None:
    page = browser.new_page()
    page.goto(quick_to_forget)
    expect(page.locator("#area canvas")).to_be_visible()
    upload(page, "seven.png", picture_bytes())
    shown(page, "seven.png")
    page.wait_for_timeout(REST)
    stroke(page, [(0.3, 0.2), (0.7, 0.2), (0.45, 0.8)])
    shown(page, "Your drawing")
    upload(page, "again.png", picture_bytes())
    shown(page, "again.png")
    page.wait_for_timeout(REST)
    page.locator("#why button").first.click()
    expect(page.locator("#reasons .strip li")).to_have_count(len(HANDLINGS))
    page.get_by_role("button", name="Clear").click()
    expect(page.locator(".result-verdict")).to_have_text("No picture yet")
    page.close()


@pytest.mark.browser
@pytest.mark.parametrize(
    ("locale", "says"), [("en-US", "choose it again and send it."), ("zh-CN", "请重新选择并发送。")]
)
def test_a_file_that_is_gone_before_it_is_checked_is_to_be_chosen_again(
    browser: Browser, quick_to_forget: str, locale: str, says: str
) -> None:
    page = browser.new_page(locale=locale)
    page.goto(quick_to_forget)
    expect(page.locator("#area canvas")).to_be_visible()
    with requests_held(page, "**/queue/join*"):
        upload(page, "seven.png", picture_bytes())
        page.wait_for_timeout(REST)
    expect(page.locator(".toast-body")).to_contain_text(says)
    upload(page, "again.png", picture_bytes())
    expect(page.locator("#result .result:not([data-stale]) .result-file")).to_have_text("again.png")
    page.close()


@pytest.mark.browser
@pytest.mark.parametrize(
    ("locale", "says"), [("en-US", "choose the files again"), ("zh-CN", "请重新选择文件")]
)
def test_many_files_that_are_gone_before_they_are_checked_are_to_be_chosen_again(
    browser: Browser, quick_to_forget: str, locale: str, says: str
) -> None:
    page = browser.new_page(locale=locale)
    page.goto(f"{quick_to_forget}?view=many")
    expect(page.locator(".files-choose")).to_be_visible()
    files: list[FilePayload] = [
        {"name": f"{number}.png", "mimeType": "image/png", "buffer": picture_bytes()} for number in range(2)
    ]
    with requests_held(page, "**/queue/join*"):
        page.set_input_files(".files-input", files)
        page.wait_for_timeout(REST)
    expect(page.locator(".files-says")).to_contain_text(says)
    expect(page.locator(".files-stop")).to_be_hidden()
    page.set_input_files(".files-input", files)
    expect(page.locator(".answers-open")).to_have_count(2)
    # What was checked outlasts its file.
    page.wait_for_timeout(REST)
    page.locator(".answers-open").first.click()
    expect(page.locator("#result .result-file")).to_have_text("0.png")
    page.close()
