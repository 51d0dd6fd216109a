"""The page as a whole: its weight, its views by their addresses, who can use them, what the app asks for."""

import subprocess
import sys

import pytest
from playwright.sync_api import Browser, Page, expect

from demo.ui.app import VIEWS
from tests.support.accessibility import serious
from tests.support.driving import open_view, overflow, shown, stroke
from tests.support.offline import LEFT
from tests.support.serving import ROOT

LARGEST_WEIGHT = 1_500_000
"""Bytes over the wire before the first answer."""


@pytest.mark.browser
def test_the_first_answer_comes_before_much_has_come(browser: Browser, server: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    network = context.new_cdp_session(page)
    sizes: list[int] = []
    network.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    network.send("Network.enable")
    page.goto(server)
    expect(page.get_by_role("button", name="Why?")).to_be_visible()
    stroke(page, [(0.3, 0.2), (0.7, 0.2), (0.45, 0.8)])
    expect(page.locator("#result .result-file")).to_have_text("Your drawing")
    context.close()
    assert 100_000 < sum(sizes) < LARGEST_WEIGHT


@pytest.mark.browser
@pytest.mark.node
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(("width", "scheme", "language"), [(1280, "light", "en"), (390, "dark", "zh-CN")])
def test_a_view_is_there_by_its_address_for_everyone(
    browser: Browser, server: str, view: str, width: int, scheme: str, language: str
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 844},
        color_scheme="dark" if scheme == "dark" else "light",
        locale=language,
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(server)
    open_view(page, view)
    expect(page.get_by_role("tabpanel").filter(visible=True)).to_have_count(1)
    assert serious(page) == []
    assert overflow(page) <= 0
    context.close()


@pytest.mark.browser
def test_a_view_that_is_left_keeps_what_was_checked(page: Page) -> None:
    stroke(page, [(0.3, 0.2), (0.7, 0.2), (0.45, 0.8)])
    drawn = shown(page, "Your drawing")
    page.get_by_role("tab", name="Generate").click()
    page.get_by_role("tab", name="Check").click()
    assert shown(page, "Your drawing") == drawn


@pytest.mark.browser
def test_a_digit_that_is_chosen_elsewhere_comes_into_sight(page: Page) -> None:
    open_view(page, "generate")
    page.locator(".wall-digit").last.click()
    expect(page.locator("#views [role=tab][data-tab-id=check]")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#result .result-verdict")).to_be_in_viewport()
    expect(page.locator("#result .result")).to_be_focused()


@pytest.mark.parametrize(
    "asked", ["socket.create_connection(('example.org', 80))", "urlopen('http://192.0.2.1/')"]
)
def test_an_app_that_asked_another_machine_would_end(asked: str) -> None:
    script = (
        "import socket, sys; from urllib.request import urlopen; from tests.support.offline import watch; "
        f"sys.addaudithook(watch); {asked}"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == LEFT, ended.stderr
    assert "The app asked for" in ended.stderr
