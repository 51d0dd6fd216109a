"""What the page says where there is no room: for another call, for a file."""

from collections.abc import Iterator

import gradio as gr
import pytest
from anyio.from_thread import start_blocking_portal
from playwright.sync_api import Browser, FilePayload, expect

from demo.api.network import free_port
from demo.bounds.guard import guard_calls
from demo.inference.engine import Engine
from demo.ui.app import build_app
from demo.ui.texts import load_texts
from tests.support.driving import picture_bytes, upload
from tests.support.offline import MOST_UPLOADED
from tests.support.serving import served_app

LARGE = bytes(2 << 20)


@pytest.fixture
def full_queue(engine: Engine) -> Iterator[str]:
    """The page, of which no call may wait."""

    def launch() -> tuple[gr.Blocks, str]:
        app, translations = build_app(engine)
        app.queue(max_size=0)
        guard_calls(app, "127.0.0.1")
        _, address, _ = app.launch(
            server_port=free_port("127.0.0.1", 0),
            prevent_thread_lock=True,
            quiet=True,
            share=False,
            ssr_mode=False,
            i18n=translations,
        )
        return app, address

    # Without a loop that runs gradio makes one for each of its apps, and never closes it.
    with start_blocking_portal() as portal:
        app, address = portal.call(launch)
        yield address
        portal.call(lambda: app.close(verbose=False))


@pytest.fixture(scope="module")
def full_disk() -> Iterator[str]:
    """The app, with room for small files alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(MOST_UPLOADED, str(1 << 20))
        with served_app() as address:
            yield address


@pytest.mark.browser
@pytest.mark.parametrize(("locale", "language"), [("en-US", "en"), ("zh-CN", "zh")])
def test_a_full_queue_is_said_in_the_reader_s_language(
    browser: Browser, full_queue: str, locale: str, language: str
) -> None:
    says = load_texts()[language]("page.all-busy")
    page = browser.new_page(locale=locale)
    page.goto(full_queue)
    # What the page asks as it opens.
    expect(page.get_by_test_id("toast-text")).to_have_text(says)
    with page.expect_response("**/queue/join*") as refused:
        upload(page, "seven.png", picture_bytes())
    assert refused.value.status == 503
    assert refused.value.headers["retry-after"] == "2"
    # One toast for both.
    expect(page.get_by_test_id("toast-text")).to_have_text([says, says])
    page.close()


@pytest.mark.browser
def test_a_refusal_without_a_sentence_gets_one(browser: Browser, server: str) -> None:
    page = browser.new_page()
    page.goto(server)
    expect(page.locator("#area canvas")).to_be_visible()
    # A proxy's.
    page.route("**/queue/join*", lambda route: route.fulfill(status=503, body="<h1>503</h1>"))
    upload(page, "seven.png", picture_bytes())
    expect(page.locator(".toast-body")).to_contain_text("Too many ask here at once")
    page.close()


@pytest.mark.browser
@pytest.mark.parametrize(("locale", "language"), [("en-US", "en"), ("zh-CN", "zh")])
def test_a_file_for_which_there_is_no_room_is_said(
    browser: Browser, full_disk: str, locale: str, language: str
) -> None:
    says = load_texts()[language]("check.refuse-full")
    page = browser.new_page(locale=locale)
    page.goto(full_disk)
    expect(page.locator("#area canvas")).to_be_visible()
    upload(page, "large.png", LARGE)
    expect(page.locator("#result .result-file")).to_have_text("large.png")
    expect(page.locator("#result .result-says")).to_contain_text(says)
    expect(page.get_by_test_id("toast-text")).to_have_text(f"HTTP 503: {says}")
    page.goto(f"{full_disk}?view=many")
    expect(page.locator(".files-choose")).to_be_visible()
    files: list[FilePayload] = [
        {"name": name, "mimeType": "image/png", "buffer": content}
        for name, content in (("large.png", LARGE), ("seven.png", picture_bytes()))
    ]
    page.set_input_files(".files-input", files)
    expect(page.locator(".answers-rows tr")).to_have_count(2)
    expect(page.locator(".answers-rows tr").first).to_contain_text(says)
    expect(page.locator(".answers-rows tr").last).not_to_contain_text(says)
    page.close()
