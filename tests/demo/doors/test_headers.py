"""The headers of every response, and that the page runs under them, in every view and both languages."""

import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, expect

from demo.doors.headers import EMBEDDERS, content_policy
from demo.ui.app import VIEWS
from tests.support.driving import open_view, picture_bytes, upload
from tests.support.serving import served_lines

ALWAYS = {"x-content-type-options": "nosniff", "referrer-policy": "same-origin"}


def check_headers(response: httpx.Response) -> None:
    """Each stands once."""
    for name, value in ALWAYS.items():
        assert response.headers.get_list(name) == [value], response.url
    (policy,) = response.headers.get_list("content-security-policy")
    assert f"frame-ancestors {EMBEDDERS}" in policy
    assert "unsafe-inline" not in re.findall(r"script-src[^;]*", policy)[0]
    assert "camera=(self)" in response.headers["permissions-policy"]
    assert "x-frame-options" not in response.headers


ASKED: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("GET", "/", {}),
    ("HEAD", "/", {}),
    ("GET", "/config", {}),
    ("GET", "/theme.css", {}),
    ("GET", "/healthz", {}),
    ("GET", "/models/manifest.json", {}),
    ("GET", "/models/nothing", {}),
    ("GET", "/nothing", {}),
    ("GET", "/v1/check", {}),
    ("POST", "/v1/check", {"content": picture_bytes()}),
    ("POST", "/gradio_api/queue/join", {"content": b"{"}),
    ("POST", "/gradio_api/upload", {"content": b"7"}),
    ("OPTIONS", "/", {"headers": {"Origin": "https://example.org", "Access-Control-Request-Method": "GET"}}),
)


@pytest.mark.parametrize(("method", "path", "options"), ASKED)
def test_every_response_has_them(server: str, method: str, path: str, options: dict[str, Any]) -> None:
    check_headers(httpx.request(method, f"{server}{path[1:]}", trust_env=False, timeout=30, **options))


def test_without_a_page_every_response_has_them() -> None:
    with served_lines("--api-only") as lines:
        for path in ("healthz", "models/nothing", "nothing", "v1/check"):
            check_headers(httpx.get(f"{lines[0].split()[-1]}{path}", trust_env=False, timeout=30))


def test_inline_scripts_carry_a_number_of_their_own_visit(server: str) -> None:
    drawn = set()
    for _ in range(2):
        response = httpx.get(server, trust_env=False, timeout=30)
        (nonce,) = re.findall(r"'nonce-([\w-]{22})'", response.headers["content-security-policy"])
        marked = re.findall(r"<script[^>]*>", response.text)
        assert marked
        assert all(f'nonce="{nonce}"' in each for each in marked)
        drawn.add(nonce)
    assert len(drawn) == 2
    assert "nonce" not in content_policy()


@pytest.mark.browser
@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_the_page_runs_under_its_policy(browser: Browser, server: str, language: str) -> None:
    context = browser.new_context(locale=language)
    page = context.new_page()
    said: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            said.append(message.text)

    page.on("console", on_console)
    page.goto(server)
    upload(page, "7.png", picture_bytes())
    expect(page.locator("#result .result-file")).to_have_text("7.png")
    for view in VIEWS:
        open_view(page, view)
        expect(page.get_by_role("tabpanel").filter(visible=True)).to_have_count(1)
    assert said == []
    # The policy holds: what somebody else writes into the page does not run.
    page.evaluate(
        """() => {
            const part = document.createElement('div');
            part.innerHTML = '<img src="data:," onerror="window.ran = true">';
            document.body.append(part);
        }"""
    )
    page.wait_for_timeout(200)
    assert page.evaluate("window.ran") is None
    assert said
    context.close()
