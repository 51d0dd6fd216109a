"""*Watch it learn*, in a real browser against a real server."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from demo.insight.trace import Recording, load_recording
from playwright.sync_api import Browser, Locator, Page, Request, expect

from demo.api.downloads import MODELS_PATH
from demo.contract import HISTORY_PICTURE, HISTORY_STEPS, MANIFEST
from demo.decoder.images import encode_png
from demo.inference.check import Checked, check_bytes
from demo.inference.engine import Engine
from demo.insight.learning import example_digit, load_learning
from demo.ui.texts import load_words
from demo.ui.views.one_step import STAGES, gradient_colours, one_step_panel
from tests.support.driving import FOUR_DECIMALS, open_view, overflow, picture_bytes, upload
from tests.support.serving import served_app
from tests.support.tabs import both_sizes, on_a_phone


def turn_to(page: Page, name: str) -> None:
    """Turn to a view by its tab, which on a narrow page may stand in a menu."""
    # In one go: after a turn gradio lays out row and menu anew, and a tab may move from one to the other.
    page.wait_for_function(
        """name => {
            const tabs = document.querySelectorAll('#views [role=tab], #views .overflow-dropdown button');
            const tab = [...tabs].find(each => each.textContent.trim() === name);
            tab?.click();
            return Boolean(tab);
        }""",
        arg=name,
    )
    expect(page.get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")


def numbers_of(engine: Engine, checked: Checked | None) -> list[str]:
    """P(fake | x) at every snapshot, as the page writes it."""
    assert checked is not None
    assert checked.pixels is not None
    return [f"{each:.4f}" for each in engine.history(checked.pixels[np.newaxis]).fake_probability[0]]


def slider(page: Page) -> Locator:
    return page.get_by_role("slider", name="Training step")


def number(page: Page) -> Locator:
    """The one number that is to be seen of the digit."""
    return page.locator("#learn-digit .learn-number .stops [data-now]")


def loaded(wall: Locator) -> list[int]:
    """Wait until the picture behind a part of the page is there; its width and height."""
    size: list[int] = wall.evaluate(
        """async (wall) => {
            const picture = new Image();
            picture.src = getComputedStyle(wall).backgroundImage.slice(5, -2);
            await picture.decode();
            return [picture.naturalWidth, picture.naturalHeight];
        }"""
    )
    return size


def asked_for(page: Page) -> list[str]:
    """A list that grows with everything that the page's events ask the server for."""
    asked: list[str] = []

    def note(sent: Request) -> None:
        if "/queue/join" in sent.url:
            asked.append(sent.url)

    page.on("request", note)
    return asked


def recording_of(engine: Engine) -> Recording:
    recording = load_recording(engine.manifest)
    assert recording is not None
    return recording


@pytest.mark.browser
@both_sizes
def test_an_example_stands_there_until_a_digit_is_checked(page: Page, product_engine: Engine) -> None:
    numbers = numbers_of(product_engine, example_digit(product_engine))
    open_view(page, "learn")
    expect(number(page)).to_have_text(numbers[-1])
    digit = page.locator("#learn-digit")
    expect(digit).to_contain_text("You have not checked a digit yet")
    digit.locator("summary").click()
    assert digit.locator("tbody td").all_inner_texts() == numbers
    assert 0.4 < float(numbers[0]) < 0.6
    assert overflow(page) <= 0
    digit.get_by_role("button", name="Check one of your own").click()
    expect(page.locator("#area canvas")).to_be_visible()


@pytest.mark.browser
@both_sizes
def test_the_slider_moves_everything_and_asks_for_nothing(page: Page, product_engine: Engine) -> None:
    numbers = numbers_of(product_engine, example_digit(product_engine))
    learning = load_learning(product_engine.manifest)
    assert learning is not None
    open_view(page, "learn")
    expect(number(page)).to_have_text(numbers[-1])
    asked = asked_for(page)
    wall = page.locator(".learn-wall")
    assert loaded(wall) == [28 * 8, 28 * 8 * 8]
    seen = {wall.screenshot()}
    slider(page).focus()
    expect(slider(page)).to_be_focused()
    at = learning.snapshots
    for stop in reversed(range(len(at.steps) - 1)):
        page.keyboard.press("ArrowLeft")
        expect(number(page)).to_have_text(numbers[stop])
        losses = [f"{at.discriminator[stop]:.4f}", f"{at.generator[stop]:.4f}"]
        assert page.locator(".learn-key [data-now]").all_inner_texts() == losses
        said = page.locator("#learn [role=status]")
        for each in (f"{at.steps[stop]:,}" if stop else "Step 0:", numbers[stop], *losses):
            expect(said).to_contain_text(each)
        expect(slider(page)).to_have_attribute("aria-valuetext", f"{at.steps[stop]:,}")
        mark = page.locator("#learn-digit .chart-mark").evaluate(
            "mark => mark.offsetLeft / mark.offsetParent.clientWidth"
        )
        assert mark == pytest.approx(stop / (len(at.steps) - 1), abs=0.01)
        seen.add(wall.screenshot())
    assert len(seen) == len(at.steps), "every snapshot has a wall of its own"
    assert asked == []


@pytest.mark.browser
@on_a_phone
def test_the_digit_is_the_one_checked_last(page: Page, product_engine: Engine) -> None:
    for name, size in (("seven.png", (120, 160)), ("wide.png", (180, 160))):
        upload(page, name, picture_bytes(size))
        expect(page.locator("#result .result:not([data-stale]) .result-file")).to_have_text(name)
        checked = check_bytes(product_engine, name, picture_bytes(size))
        numbers = numbers_of(product_engine, checked)
        turn_to(page, "Watch it learn")
        expect(number(page)).to_have_text(numbers[-1])
        digit = page.locator("#learn-digit")
        expect(digit).to_contain_text(name)
        expect(digit).to_contain_text(f"In Check, discriminator says {checked.answer.fake_probability:.4f}.")
        slider(page).fill("3")
        expect(number(page)).to_have_text(numbers[3])
        turn_to(page, "Check")
        turn_to(page, "Watch it learn")
        expect(slider(page)).to_have_value("3")
        expect(number(page)).to_have_text(numbers[3])
        slider(page).fill("7")
        turn_to(page, "Check")


@pytest.mark.browser
def test_what_is_not_a_digit_gets_no_number_here_either(page: Page, product_engine: Engine) -> None:
    upload(page, "square.png", encode_png(np.pad(np.full((60, 60), 255, np.uint8), 20)))
    expect(page.locator("#result .result-verdict")).to_have_text("Not a digit")
    turn_to(page, "Watch it learn")
    digit = page.locator("#learn-digit")
    expect(digit).to_contain_text("What you checked last is not a digit, so it gets no number.")
    expect(digit).not_to_contain_text("square.png")
    expect(number(page)).to_have_text(numbers_of(product_engine, example_digit(product_engine))[-1])


@pytest.mark.browser
def test_the_walls_are_the_published_file(
    browser: Browser, product_server: str, product_engine: Engine
) -> None:
    # A page that has shown them before may have kept them.
    page = browser.new_page()
    page.goto(product_server)
    with page.expect_response(f"**/{MODELS_PATH}/{HISTORY_PICTURE}") as response:
        open_view(page, "learn")
    assert response.value.body() == product_engine.manifest.read(HISTORY_PICTURE)
    assert response.value.headers["etag"]
    style = page.locator(".learn-wall").get_attribute("style") or ""
    # Not from the root of the server: a proxy may have put the page below it.
    assert f"url({MODELS_PATH}/{HISTORY_PICTURE})" in style
    page.close()


@pytest.mark.browser
@on_a_phone
def test_nothing_of_it_is_there_before_it_is_opened(page: Page) -> None:
    expect(page.locator(".learn-wall, .learn-number, [data-recorded]")).to_have_count(0)
    turn_to(page, "Watch it learn")
    expect(page.locator(".learn-wall")).to_be_visible()
    expect(page.locator("[data-recorded]:not([hidden])")).to_have_count(1)


@pytest.mark.browser
def test_play_walks_from_the_first_snapshot_and_pauses(page: Page) -> None:
    open_view(page, "learn")
    expect(number(page)).to_be_visible()
    play = page.get_by_role("button", name="Play")
    play.click()
    expect(slider(page)).to_have_value("0")
    expect(slider(page)).to_have_value("2")
    page.get_by_role("button", name="Pause").click()
    expect(play).to_be_visible()
    stopped = slider(page).input_value()
    page.wait_for_timeout(1500)
    expect(slider(page)).to_have_value(stopped)


@pytest.mark.browser
@both_sizes
def test_one_step_is_told_stage_by_stage(page: Page, product_engine: Engine) -> None:
    recording = recording_of(product_engine)
    step = recording.steps[len(recording.steps) // 2]
    open_view(page, "learn")
    says = page.locator("#one-step [role=status]")
    expect(says).to_contain_text(f"1 of {len(STAGES)}")
    table = page.locator("#one-step [data-recorded]:not([hidden])")
    expect(table).to_have_count(1)
    back, next_ = (page.get_by_role("button", name=name, exact=True) for name in ("Back", "Next"))
    expect(back).to_have_attribute("aria-disabled", "true")
    real, fake = step.real, step.fake
    expected = [
        [],
        ["0", "1"],
        [f"{each.fake_probability[0]:.4f}" for each in (real, fake)],
        [f"{each.cost[0]:.4f}" for each in (real, fake)] + [f"{step.discriminator_loss[0]:.4f}"],
        [f"{step.discriminator_gradient:.4f}"],
        [f"{each.fake_probability[1]:.4f}" for each in (real, fake)],
        [f"{each.fake_probability[2]:.4f}" for each in (real, fake)] + [f"{step.generator_loss[2]:.4f}"],
    ]
    next_.focus()
    for stage, numbers in enumerate(expected):
        expect(says).to_contain_text(f"{stage + 1} of {len(STAGES)}")
        now = " ".join(table.locator("tr[data-now]").all_inner_texts())
        assert all(each in now for each in numbers)
        assert overflow(page) <= 0
        page.keyboard.press("Enter")
    expect(next_).to_have_attribute("aria-disabled", "true")
    expect(next_).to_be_focused()
    expect(says).to_contain_text(f"{len(STAGES)} of {len(STAGES)}")
    other = recording.steps[0]
    page.get_by_role("combobox", name="Which step").select_option("0")
    expect(table).to_contain_text(f"{other.fake.fake_probability[2]:.4f}")
    back.click()
    expect(says).to_contain_text(f"{other.discriminator_loss[1]:.4f}")


@pytest.mark.browser
def test_it_is_in_chinese_and_calm_where_that_is_asked_for(browser: Browser, product_server: str) -> None:
    context = browser.new_context(locale="zh-CN", reduced_motion="reduce")
    page = context.new_page()
    page.goto(f"{product_server}?view=learn")
    words = load_words()["zh"]
    expect(page.locator("#learn-digit")).to_contain_text(words("learn.example-says"))
    expect(page.locator("#one-step [role=status]")).to_contain_text("1")
    expect(page.locator("#learn [role=status]")).to_contain_text("46,900")
    expect(page.locator(".learn-play")).to_be_hidden()
    for part in ("#learn", "#one-step"):
        assert not re.search("[A-Za-z]{9}", page.locator(part).inner_text())
    context.close()


@pytest.mark.browser
@pytest.mark.parametrize("missing", ["mlp_history.onnx", HISTORY_STEPS])
def test_without_a_file_the_view_says_or_leaves_out_what_it_lacks(
    browser: Browser, product_models: Path, tmp_path: Path, missing: str
) -> None:
    models = Path(shutil.copytree(product_models, tmp_path / "models"))
    (models / missing).unlink()
    manifest = json.loads((models / MANIFEST).read_text())
    del manifest["files"][missing]
    (models / MANIFEST).write_text(json.dumps(manifest))
    with served_app("--models", str(models)) as address:
        page = browser.new_page()
        page.goto(f"{address}?view=learn")
        if missing == HISTORY_STEPS:
            expect(number(page)).to_have_text(FOUR_DECIMALS)
            expect(page.locator("#one-step")).to_be_empty()
        else:
            expect(page.get_by_text("The history of a training is not among the models")).to_be_visible()
            expect(page.get_by_role("slider")).to_have_count(0)
        page.close()


def test_every_recorded_step_and_stage_is_told_in_both_languages(engine: Engine) -> None:
    recording = recording_of(engine)
    for words in load_words().values():
        panel = one_step_panel(recording, words)
        assert panel.count("data-explains=") == len(recording.steps) * len(STAGES)
        for step in recording.steps:
            assert f"{step.discriminator_gradient:.4f}" in panel
            assert f"{step.generator_gradient:.4f}" in panel
        assert "0.00001" in panel


def test_a_gradient_is_orange_above_zero_and_green_below() -> None:
    colours = gradient_colours(np.array([[2, 0, -1]], np.float32))
    assert colours.tolist() == [[[251, 146, 60], [0, 0, 0], [37, 111, 64]]]
    assert not gradient_colours(np.zeros((2, 2), np.float32)).any()
