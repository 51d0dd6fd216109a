"""*Check* says why a picture is not a digit; its box and crops choose which part is judged."""

import base64
import io
import re
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from demo.decoder.images import encode_png, load_picture
from demo.inference.check import Checked, check_sources
from demo.inference.engine import Engine
from export.conformance import strokes_of
from tests.support.accessibility import serious
from tests.support.driving import box_values, drag, finger_drag, overflow, stroke, upload
from tests.support.pictures import encoded
from tests.support.tabs import PHONE, visit
from train.data.pendigits import draw

pytestmark = pytest.mark.browser


def paper(digits: dict[int, tuple[int, int]], size: tuple[int, int] = (300, 420)) -> NDArray[np.uint8]:
    """Return digits, 140 pixels high, in dark ink on white paper: uint8 [height, width, 3].

    digits: where each lies, top and left.
    """
    sheet = np.full(size, 250, np.uint8)
    for digit, (top, left) in digits.items():
        ink = np.asarray(Image.fromarray(draw(strokes_of(digit), 280, 26)).resize((140, 140)))
        sheet[top : top + 140, left : left + 140] -= (ink * 0.8).astype(np.uint8)
    return np.repeat(sheet[..., np.newaxis], 3, axis=2)


ONE = encode_png(paper({3: (120, 240)}))


@pytest.fixture
def page(tab: Page, server: str) -> Iterator[Page]:
    with visit(tab, server) as page:
        expect(page.locator("#area .pad")).to_be_visible()
        yield page


def send(page: Page, name: str, content: bytes) -> None:
    """Choose a picture in *Check*, and wait until the box is drawn over it."""
    upload(page, name, content)
    expect(page.locator("#result .result:not([data-stale]) .result-file")).to_have_text(name)
    expect(page.locator("#area .box-frame")).to_be_visible()


def part(engine: Engine, content: bytes, box: list[int]) -> Checked:
    """Return the answer for the part of a picture in a box."""
    top, left, bottom, right = box
    (checked,) = check_sources(engine, [""], [load_picture(content).array[top:bottom, left:right].copy()])
    return checked


def expect_answer(page: Page, checked: Checked) -> None:
    panel = page.locator("#result .result:not([data-stale])")
    if checked.answer.fake_probability is None:
        expect(panel.locator(".fake-probability")).to_have_count(0)
    else:
        expect(panel.locator(".fake-probability")).to_have_text(f"{checked.answer.fake_probability:.4f}")


def test_what_is_not_a_digit_gets_a_sentence_that_says_what_to_do(page: Page) -> None:
    send(page, "square.png", encode_png(np.pad(np.full((60, 60), 255, np.uint8), 20)))
    expect(page.locator("#result .result-verdict")).to_have_text("Not a digit")
    expect(page.locator("#result .result-text")).to_contain_text("does not look like a handwritten")
    send(page, "blank.png", encode_png(np.full((200, 300), 250, np.uint8)))
    expect(page.locator("#result .result-verdict")).to_have_text("No digit found")
    expect(page.locator("#result .result-text")).to_contain_text("No ink was found. Write a digit with a")
    # The box is the whole picture, and can be made smaller.
    assert box_values(page) == [0, 0, 200, 300]
    drag(page, "#area .box-layer", (0.3, 0.3), (80, 60))
    assert box_values(page)[:2] == pytest.approx([60, 90], abs=2)
    expect(page.locator("#result .result-text")).to_contain_text("There is no ink in the box.")


def test_the_box_is_around_the_ink_and_can_be_dragged(page: Page, engine: Engine) -> None:
    send(page, "one.png", ONE)
    seen = engine.preprocess(load_picture(ONE).array)
    top, left, bottom, right = automatic = box_values(page)
    margin = (seen.box[2] - seen.box[0]) / 5
    assert np.abs(np.subtract(automatic, seen.box) - margin * np.array([-1, -1, 1, 1])).max() <= 1
    frame, layer = (page.locator(f"#area .box-{name}").bounding_box() for name in ("frame", "layer"))
    assert frame is not None
    assert layer is not None
    assert frame["x"] - layer["x"] == pytest.approx(layer["width"] * left / 420, abs=1)
    assert frame["height"] == pytest.approx(layer["height"] * (bottom - top) / 300, abs=1)
    expect_answer(page, whole := part(engine, ONE, [0, 0, 300, 420]))
    expect(page.locator("#area .box-automatic")).to_be_hidden()

    drag(page, "#area .box-frame", (0.5, 0.5), (-60, 10))
    moved = box_values(page)
    assert moved[1] < left - 20
    assert moved[0] > top
    assert [moved[2] - moved[0], moved[3] - moved[1]] == [bottom - top, right - left]
    expect_answer(page, part(engine, ONE, moved))
    expect(page.locator("#result .seen")).to_contain_text(
        f"The box is {right - left} pixels wide and {bottom - top} high"
    )
    drag(page, '#area .box-corner[data-sides="01"]', (0.6, 0.6), (30, 40))
    smaller = box_values(page)
    assert smaller[2:] == moved[2:]
    assert smaller[0] > moved[0] + 20
    assert smaller[1] > moved[1] + 20
    expect_answer(page, part(engine, ONE, smaller))
    drag(page, "#area .box-layer", (0.05, 0.1), (80, 120))
    new = box_values(page)
    assert new[:2] == pytest.approx([30, 21], abs=2)
    assert new[2] < bottom
    expect_answer(page, part(engine, ONE, new))
    expect(page.locator("#result .result-text")).to_have_text(
        "There is no ink in the box. Move it to the digit."
    )
    drag(page, "#area .box-frame", (0.5, 0.5), (5000, -5000))
    assert [box_values(page)[side] for side in (0, 3)] == [0, 420], "it stays within the picture"
    page.get_by_role("button", name="Automatic box").click()
    assert box_values(page) == automatic
    expect_answer(page, whole)
    expect(page.locator("#area .box-automatic")).to_be_hidden()

    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#area .box-frame")).to_be_hidden()
    stroke(page, [(0.3, 0.2), (0.7, 0.2), (0.45, 0.8)])
    expect(page.locator("#result .result-file")).to_have_text("Your drawing")
    expect(page.locator("#area .box-frame")).to_be_visible()
    stroke(page, [(0.35, 0.5), (0.65, 0.5)])
    expect(page.locator("#result .result:not([data-stale]) .result-file")).to_have_text("Your drawing")


def test_keys_move_and_resize_the_box(page: Page, engine: Engine) -> None:
    send(page, "one.png", ONE)
    top, left, bottom, right = box_values(page)
    page.locator("#area .box-frame").focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Shift+ArrowDown")
    step = 5
    moved = [top - step, left - 3 * step, bottom, right - 3 * step]
    assert box_values(page) == moved
    expect_answer(page, part(engine, ONE, moved))
    page.keyboard.press("Tab")
    expect(page.get_by_role("slider", name="Top edge of the box")).to_be_focused()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    page.get_by_role("slider", name="Right edge of the box").press("ArrowRight")
    moved = [step, moved[1], moved[2], moved[3] + step]
    assert box_values(page) == moved
    expect_answer(page, part(engine, ONE, moved))
    expect(page.locator("#area .box-frame")).to_have_attribute("aria-label", re.compile("arrow keys move it"))
    page.get_by_role("button", name="Automatic box").press("Enter")
    assert box_values(page) == [top, left, bottom, right]
    expect(page.locator("#area .box-frame")).to_be_focused()


def test_a_finger_drags_the_box_instead_of_the_page(browser: Browser, server: str, engine: Engine) -> None:
    page = browser.new_page(viewport=PHONE, has_touch=True, is_mobile=True)
    page.goto(server)
    expect(page.locator("#area .pad")).to_be_visible()
    send(page, "one.png", ONE)
    page.locator("#area .box-frame").scroll_into_view_if_needed()
    before, scrolled = box_values(page), page.evaluate("scrollY")
    finger_drag(page, "#area .box-frame", (0.5, 0.5), (-50, 0))
    moved = box_values(page)
    assert moved[1] < before[1] - 20
    assert moved[3] - moved[1] == before[3] - before[1]
    expect_answer(page, part(engine, ONE, moved))
    finger_drag(page, '#area .box-corner[data-sides="23"]', (0.3, 0.3), (30, 0))
    assert box_values(page)[3] > moved[3] + 20
    assert page.evaluate("scrollY") == scrolled
    assert overflow(page) <= 0
    page.close()


@pytest.mark.parametrize("kind", ["JPEG", "HEIC"])
def test_the_box_is_in_the_picture_as_the_app_decodes_it(page: Page, engine: Engine, kind: str) -> None:
    """A photo that is turned by its EXIF orientation, also in a format that the browser cannot show."""
    turned = Image.Exif()
    turned[0x0112] = 6
    upright = Image.open(io.BytesIO(ONE))
    exif = {"exif": turned.tobytes() if kind == "HEIC" else turned}
    photo = encoded(upright.rotate(90, expand=True), kind, quality=95, **exif)
    send(page, f"photo.{kind.lower()}", photo)
    assert load_picture(photo).array.shape == (300, 420, 3)
    size = page.locator("#area .area-picture").evaluate("image => [image.naturalHeight, image.naturalWidth]")
    assert size == [300, 420]
    drag(page, "#area .box-frame", (0.5, 0.5), (-40, -20))
    expect_answer(page, part(engine, photo, box_values(page)))


@pytest.mark.parametrize("digits", [{4: (80, 40), 2: (80, 220)}, {4: (80, 80), 2: (80, 170)}], ids=str)
def test_of_several_digits_each_is_a_crop_to_check(
    page: Page, engine: Engine, digits: dict[int, tuple[int, int]]
) -> None:
    """Also where two are so close that the box of one is around both."""
    picture = encode_png(paper(digits))
    send(page, "two.png", picture)
    expect(page.locator("#result .result-verdict")).to_have_text("Several digits")
    crops = page.get_by_role("group", name="Check one of them:").get_by_role("button")
    expect(crops).to_have_count(2)
    expect(page.locator("#area .box-outline")).to_have_count(2)
    boxes = []
    for index, digit in enumerate(digits):
        crop = page.get_by_role("button", name=f"Digit {index + 1} of 2")
        crop.click()
        expect(crop).to_have_attribute("aria-pressed", "true")
        boxes.append(box_values(page))
        checked = part(engine, picture, boxes[index])
        assert checked.answer.digit == digit
        expect_answer(page, checked)
    assert boxes[0][3] <= boxes[1][1], "each takes its half of the gap"
    assert serious(page) == []
    page.get_by_role("button", name="Automatic box").click()
    expect(crops.nth(1)).to_have_attribute("aria-pressed", "false")
    page.locator("#area .box-outline").first.click(force=True, position={"x": 3, "y": 3})
    expect(crops.first).to_have_attribute("aria-pressed", "true")
    expect_answer(page, part(engine, picture, boxes[0]))


def test_several_digits_in_a_drawing_are_crops_too(page: Page, engine: Engine) -> None:
    stroke(page, [(0.12, 0.35), (0.25, 0.25), (0.37, 0.4), (0.12, 0.75), (0.37, 0.75)])
    stroke(page, [(0.6, 0.25), (0.85, 0.25), (0.7, 0.75)])
    expect(page.locator("#area .box-hint")).to_be_hidden()
    for index, digit in enumerate((2, 7)):
        page.get_by_role("button", name=f"Digit {index + 1} of 2").click()
        drawing = page.locator("#area .pad").evaluate("pad => pad.toDataURL('image/png').split(',')[1]")
        checked = part(engine, base64.b64decode(drawing), box_values(page))
        assert checked.answer.digit == digit
        expect_answer(page, checked)
    expect(page.locator("#result .seen")).to_contain_text("The box is")
    # The pad takes strokes wherever the crops lie.
    stroke(page, [(0.6, 0.5), (0.9, 0.5)])
    expect(page.locator("#result .seen")).to_contain_text("The picture is")
