"""*Check*, in a real browser against a real server, and the panel it shows."""

import base64
import dataclasses
import re
from pathlib import Path
from urllib.parse import urlsplit

import gradio as gr
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from demo.answer import Answer
from demo.check import Checked, check_bytes
from demo.images import LARGEST_FILE_BYTES, encode_png
from demo.panels import result_panel, wall
from demo.runtime import Engine
from demo.views.explanation import explanation
from tests.driving import FOUR_DECIMALS, overflow, picture_bytes, shown, stroke, upload
from tests.serving import served_app

NOT_A_PICTURE = b"not a picture"


def test_what_is_not_a_digit_gets_no_number(engine: Engine) -> None:
    pixels = np.zeros((28, 28), np.uint8)
    answer = Answer("cat.png", "not a digit", 0.3217, -0.7459, 8, 0.4321, 0.0123, "model", "1", "provider")
    panel = result_panel(engine, Checked(answer, pixels)) + wall([(Checked(answer, pixels), b"")])
    assert "Not a digit" in panel
    assert "Check cat.png, not a digit" in panel
    assert not re.search(r"0\.\d{4}", panel)


def test_the_words_fit_the_model() -> None:
    tutorial, calibrated = "probabilities are not calibrated", "probabilities are calibrated"
    assert tutorial in explanation("mlp_discriminator")
    assert calibrated not in explanation("mlp_discriminator")
    assert calibrated in explanation("discriminator")
    assert tutorial not in explanation("discriminator")
    assert not re.search("calibrated", explanation("somebody_s"))


@pytest.mark.browser
def test_the_page_reads_the_digit_and_gives_no_number_to_what_is_none(
    page: Page, product_engine: Engine
) -> None:
    upload(page, "seven.png", picture_bytes())
    shown(page, "seven.png")
    answer = check_bytes(product_engine, "seven.png", picture_bytes()).answer
    panel = page.locator("#result")
    expect(panel).to_contain_text(f" {answer.digit} ({answer.digit_probability:.4f}).")
    expect(panel.locator(".scale-words")).to_contain_text("thresholds 0.375 and 0.625")
    expect(page.locator(".explain")).to_contain_text("probabilities are calibrated")
    # Ink, but no digit: a square.
    upload(page, "square.png", encode_png(np.pad(np.full((60, 60), 255, np.uint8), 20)))
    expect(panel.locator(".result-verdict")).to_have_text("Not a digit")
    expect(panel.locator("dd")).to_have_count(0)
    expect(panel).not_to_contain_text("It reads as")
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
        expect(page.locator("#result .scale-words")).to_contain_text("threshold 0.5")
        expect(page.locator("#result")).not_to_contain_text("It reads as")
        expect(generate(page, 2, 5).first).to_have_attribute("data-name", "mlp_generator-5-0.png")
        page.close()


@pytest.mark.parametrize(("digit", "reading"), [(7, "It reads as a 7 (0.9876)."), (8, "as an 8 (0.9876).")])
def test_the_panel_says_which_digit(engine: Engine, digit: int, reading: str) -> None:
    answer = Answer("one.png", "real", 0.1, -2.2, digit, 0.98761, 0.99, "model", "1", "provider")
    panel = result_panel(engine, Checked(answer, np.zeros((28, 28), np.uint8)))
    assert reading in panel
    silent = dataclasses.replace(answer, digit=None, digit_probability=None)
    assert "reads as" not in result_panel(engine, Checked(silent, np.zeros((28, 28), np.uint8)))


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
    sliders = {path.name for path in scripts if 'type="range"' in path.read_text(encoding="utf-8")}
    held: list[Route] = []
    page.route(lambda url: Path(urlsplit(url).path).name in sliders, lambda route: held.append(route))
    page.reload()
    expect(page.locator("#area canvas")).to_be_visible()
    stroke(page, [(0.3, 0.2), (0.7, 0.2), (0.45, 0.8)])
    drawn = shown(page, "Your drawing")
    expect(page.get_by_role("slider")).to_have_count(0)
    for route in held:
        route.continue_()
    page.unroute_all()
    expect(page.get_by_role("slider")).to_be_visible()
    assert shown(page, "Your drawing") == drawn


@pytest.mark.browser
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
def test_nothing_stands_out_to_the_side(page: Page) -> None:
    assert overflow(page) <= 0
    upload(page, "a-very-long-file-name-without-a-single-space-in-it-" * 3 + ".png", picture_bytes())
    expect(page.locator(".fake-probability")).to_be_visible()
    generate(page, 64, 1)
    assert overflow(page) <= 0
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@pytest.mark.browser
def test_no_formula_is_broken_over_two_lines(page: Page) -> None:
    lines = "parts => parts.map(part => part.getClientRects().length)"
    for width in range(320, 420, 10):
        page.set_viewport_size({"width": width, "height": 844})
        assert set(page.locator(".formula").evaluate_all(lines)) == {1}


@pytest.mark.browser
def test_everything_to_press_has_a_name_and_takes_the_focus(page: Page) -> None:
    for role, name in (
        ("button", "Choose a picture"),
        ("button", "Clear"),
        ("button", "Generate"),
        ("combobox", "Digit"),
        ("img", "Drawing pad"),
    ):
        part = page.get_by_role(role, name=re.compile(f"^{name}"))  # type: ignore[arg-type]
        part.focus()
        expect(part).to_be_focused()
    expect(page.locator("#result [role=status][aria-live=polite]")).to_have_count(1)
