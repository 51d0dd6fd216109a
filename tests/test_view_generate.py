"""*Generate*, in a real browser against a real server."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from demo.images import encode_png
from demo.panels import PNG_URL, base64_text
from demo.runtime import Engine
from tests.driving import overflow, shown, upload

NOT_A_PICTURE = b"not a picture"


def generate(page: Page, count: int, seed: int) -> Locator:
    page.get_by_label("number input for How many").fill(str(count))
    page.get_by_label("Seed").fill(str(seed))
    page.get_by_role("button", name="Generate", exact=True).click()
    digits = page.locator(".wall-digit")
    expect(digits).to_have_count(count)
    expect(digits.first).to_have_attribute("data-name", re.compile(f"-{seed}-0\\.png"))
    return digits


@pytest.mark.browser
def test_generated_digits_have_the_score_of_their_saved_files(page: Page) -> None:
    digit = generate(page, 5, 3).nth(4)
    number, name = digit.inner_text().strip(), digit.get_attribute("data-name")
    assert name is not None
    digit.click()
    chosen = shown(page, name)
    assert chosen.fake == number
    with page.expect_download() as download:
        page.locator(".wall a").nth(4).click()
    assert download.value.suggested_filename == name
    upload(page, "saved.png", Path(download.value.path()).read_bytes())
    assert shown(page, "saved.png").fake == number


def choose(page: Page, field: str, option: str) -> None:
    page.get_by_role("combobox", name=field).click()
    page.get_by_role("option", name=option, exact=True).click()


@pytest.mark.browser
def test_the_digit_is_chosen_on_the_page(page: Page, engine: Engine) -> None:
    choose(page, "Digit", "3")
    digits = generate(page, 2, 5)
    expect(digits.nth(1)).to_have_attribute("data-name", "generator-digit-3-5-1.png")
    pictures = [encode_png(each) for each in engine.generate("generator", 2, 5, 3)]
    sources = [PNG_URL + base64_text(each) for each in pictures]
    assert [each.get_attribute("src") for each in digits.locator("img").all()] == sources
    number = digits.nth(1).inner_text().strip()
    digits.nth(1).click()
    assert shown(page, "generator-digit-3-5-1.png").fake == number
    with page.expect_download() as download:
        page.get_by_role("link", name="Save generator-digit-3-5-1.png").click()
    assert Path(download.value.path()).read_bytes() == pictures[1]
    choose(page, "Digit", "Any")
    expect(generate(page, 2, 6).first).to_have_attribute("data-name", "generator-6-0.png")


@pytest.mark.browser
def test_where_the_digit_cannot_be_chosen_the_page_says_why(page: Page) -> None:
    digit = page.get_by_role("combobox", name="Digit")
    reason = page.get_by_text("mlp_generator cannot choose the digit.")
    expect(digit).to_be_enabled()
    expect(reason).to_have_count(0)
    choose(page, "Digit", "3")
    choose(page, "Generator", "mlp_generator")
    expect(digit).to_be_disabled()
    expect(digit).to_have_value("Any")
    expect(reason).to_be_visible()
    assert overflow(page) <= 0
    expect(generate(page, 2, 5).first).to_have_attribute("data-name", "mlp_generator-5-0.png")
    choose(page, "Generator", "generator")
    expect(digit).to_be_enabled()
    expect(reason).to_have_count(0)
