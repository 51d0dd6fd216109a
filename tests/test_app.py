"""The app end to end: a real server, asked through its API and through a real browser."""

import base64
import dataclasses
import io
import json
import re
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import gradio as gr
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, FilePayload, Locator, Page, Route, expect, sync_playwright

from demo.answer import Answer
from demo.app import serve
from demo.check import Checked, check_bytes
from demo.errors import DemoError
from demo.explanation import explanation
from demo.images import LARGEST_FILE_BYTES, encode_png
from demo.panels import PNG_URL, base64_text, result_panel, wall
from demo.runtime import Engine
from tests.other_runtimes import CHROMIUM_FLAGS
from tests.serving import served_app
from tests.test_cli import CONTRACT

FOUR_DECIMALS = re.compile(r"[01]\.\d{4}")
NOT_A_PICTURE = b"not a picture"


class Shown(NamedTuple):
    """What the result panel says."""

    file: str
    verdict: str
    fake: str
    real: str


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with served_app() as address:
        yield address


@pytest.fixture(scope="module")
def client(server: str) -> Client:
    return Client(server, verbose=False)


@pytest.fixture(scope="module")
def product_server(product_models: Path) -> Iterator[str]:
    """The app with a product of known weights: each stroke and picture of these tests gets a number."""
    with served_app("--models", str(product_models)) as address:
        yield address


@pytest.fixture(scope="module")
def browser(browser_path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser_path, args=CHROMIUM_FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(params=[(1280, 900), (390, 844)], ids=["wide", "phone"])
def page(browser: Browser, product_server: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The app's page; afterwards it must have asked no other machine for anything, and raised no error."""
    width, height = request.param
    context = browser.new_context(viewport={"width": width, "height": height}, has_touch=width < 500)
    page = context.new_page()
    asked: list[str] = []
    raised: list[str] = []
    context.on("request", lambda sent: asked.append(sent.url))
    page.on("pageerror", lambda error: raised.append(str(error)))
    page.goto(product_server)
    expect(page.locator("#pad canvas")).to_be_visible()
    yield page
    context.close()
    own = urlsplit(product_server).netloc
    assert [
        url for url in asked if urlsplit(url).scheme not in ("data", "blob") and urlsplit(url).netloc != own
    ] == []
    assert len(asked) > 1
    assert raised == []


def picture_bytes(size: tuple[int, int] = (120, 160)) -> bytes:
    """A 7 in black ink on white paper, as a PNG."""
    width, height = size
    picture = Image.new("L", size, 255)
    corners = [(0.25, 0.2), (0.75, 0.2), (0.45, 0.85)]
    points = [(x * width, y * height) for x, y in corners]
    ImageDraw.Draw(picture).line(points, fill=0, width=width // 9, joint="curve")
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "seven.png"
    path.write_bytes(picture_bytes())
    return path


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    path = tmp_path / "broken.png"
    path.write_bytes(NOT_A_PICTURE)
    return path


def call(server: str, endpoint: str, data: list[Any]) -> str:
    """The event stream that answers one call made by plain HTTP, as text."""
    address = f"{server}gradio_api/call/{endpoint}"
    body = json.dumps({"data": data}).encode()
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as response:
        event = json.load(response)["event_id"]
    with urllib.request.urlopen(f"{address}/{event}", timeout=30) as response:
        return str(response.read().decode())


def test_four_endpoints_are_documented(client: Client) -> None:
    documented = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert sorted(documented) == ["/check", "/check_many", "/generate", "/history"]
    for endpoint, parameters in {
        "/check": ["picture"],
        "/check_many": ["pictures"],
        "/generate": ["digit", "count", "seed", "model"],
        "/history": ["picture"],
    }.items():
        assert [each["parameter_name"] for each in documented[endpoint]["parameters"]] == parameters
        assert documented[endpoint]["description"]


def test_check_gives_the_engine_s_own_answer(client: Client, engine: Engine, picture: Path) -> None:
    answer = client.predict(picture=handle_file(picture), api_name="/check")
    assert list(answer) == CONTRACT
    assert answer == check_bytes(engine, "seven.png", picture.read_bytes()).answer.as_dict()
    assert answer["model"] == "discriminator"
    assert answer["digit"] in range(10)
    assert 0.1 <= answer["digit_probability"] <= 1


def test_check_many_answers_in_order_and_survives_a_bad_file(
    client: Client, picture: Path, broken: Path
) -> None:
    files = [handle_file(path) for path in (picture, broken, picture)]
    first, bad, last = client.predict(pictures=files, api_name="/check_many")
    assert first == last == client.predict(picture=handle_file(picture), api_name="/check")
    assert {key for key in CONTRACT if bad[key] is not None} == {"file", "error"}
    assert bad["file"] == "broken.png"


def test_a_generated_digit_scores_the_same_once_saved(client: Client, tmp_path: Path) -> None:
    made = client.predict(count=3, seed=11, api_name="/generate")
    assert len(made) == 3
    for each in made:
        path = tmp_path / each["answer"]["file"]
        path.write_bytes(base64.b64decode(each["png"], validate=True))
        assert client.predict(picture=handle_file(path), api_name="/check") == each["answer"]
    assert client.predict(count=3, seed=11, api_name="/generate") == made
    assert client.predict(count=3, seed=12, api_name="/generate") != made


def test_the_digit_can_be_chosen(client: Client, engine: Engine) -> None:
    made = client.predict(digit=3, count=2, seed=11, model="generator", api_name="/generate")
    assert [each["digit"] for each in made] == [3, 3]
    names = [each["answer"]["file"] for each in made]
    assert names == ["generator-digit-3-11-0.png", "generator-digit-3-11-1.png"]
    for each, expected in zip(made, engine.generate("generator", 2, 11, 3), strict=True):
        picture = Image.open(io.BytesIO(base64.b64decode(each["png"])))
        assert np.array_equal(np.asarray(picture), expected)
    # Without a name it is the generator that can choose.
    assert client.predict(digit=3, count=2, seed=11, api_name="/generate") == made


def test_a_digit_left_open_is_null(client: Client) -> None:
    for model in ("generator", "mlp_generator"):
        (made,) = client.predict(model=model, api_name="/generate")
        assert made["digit"] is None
        assert made["answer"]["file"] == f"{model}-0-0.png"


@pytest.mark.parametrize(
    "arguments",
    [
        {"count": 0},
        {"count": 10**6},
        {"count": "many"},
        {"count": 1.5},
        {"seed": -1},
        {"model": "nobody"},
        {"digit": 10},
        {"digit": -1},
        {"digit": 2.5},
        {"digit": 3, "model": "mlp_generator"},
    ],
    ids=str,
)
def test_generate_refuses_with_a_sentence(client: Client, arguments: dict[str, Any]) -> None:
    with pytest.raises(AppError) as refusal:
        client.predict(**arguments, api_name="/generate")
    message = str(refusal.value)
    assert message.endswith(".")
    assert not re.search("Traceback|Error", message)


def test_history_has_a_number_for_each_snapshot(client: Client, picture: Path) -> None:
    history = client.predict(picture=handle_file(picture), api_name="/history")
    assert history["steps"][0] == 0
    assert len(history["steps"]) >= 8
    assert len(history["fake_probability"]) == len(history["steps"])
    assert all(0 <= value <= 1 for value in history["fake_probability"])


def test_history_of_a_bad_file_gives_the_reason_that_check_gives(client: Client, broken: Path) -> None:
    reason = client.predict(picture=handle_file(broken), api_name="/check")["error"]
    with pytest.raises(AppError, match=re.escape(reason)):
        client.predict(picture=handle_file(broken), api_name="/history")


@pytest.mark.parametrize("endpoint", ["check", "history", "page_upload"])
@pytest.mark.parametrize("marked", [True, False])
def test_a_file_that_was_not_uploaded_is_refused(
    server: str, endpoint: str, marked: bool, picture: Path
) -> None:
    named = {"path": str(picture)} | ({"meta": {"_type": "gradio.FileData"}} if marked else {})
    answer = call(server, endpoint, [named])
    assert "event: error" in answer
    assert not re.search("verdict|steps", answer)


def test_no_file_at_all_is_refused_with_a_sentence(client: Client) -> None:
    with pytest.raises(AppError, match="picture file"):
        client.predict(pictures=[], api_name="/check_many")


def test_a_port_in_use_is_one_clear_line(engine: Engine) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(DemoError, match=f"port {port}.*--port") as refusal:
            serve(engine, "127.0.0.1", port)
    assert "\n" not in str(refusal.value)


def test_a_host_of_another_machine_is_one_clear_line(engine: Engine) -> None:
    with pytest.raises(DemoError, match=r"192\.0\.2\.1"):
        serve(engine, "192.0.2.1", None)


def test_what_is_not_a_digit_gets_no_number(engine: Engine) -> None:
    answer = Answer("cat.png", "not a digit", 0.3217, -0.7459, 8, 0.4321, 0.0123, "model", "1", "provider")
    checked = Checked(answer, engine.look(np.zeros((28, 28, 1), np.uint8)))
    panel = result_panel(engine, checked) + wall([(checked, b"")])
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
    expect(page.locator("#pad canvas")).to_be_visible()
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
        expect(page.locator("#pad canvas")).to_be_visible()
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
    seen = engine.look(np.zeros((28, 28, 1), np.uint8))
    assert reading in result_panel(engine, Checked(answer, seen))
    silent = dataclasses.replace(answer, digit=None, digit_probability=None)
    assert "reads as" not in result_panel(engine, Checked(silent, seen))


def shown(page: Page, file: str) -> Shown:
    """Wait until the result of `file` stands on the page, and read it."""
    panel = page.locator("#result .result:not([data-stale])")
    expect(panel.locator(".result-file")).to_have_text(file)
    result = Shown(
        file,
        panel.locator(".result-verdict").inner_text(),
        panel.locator(".fake-probability").inner_text(),
        panel.locator(".real-probability").inner_text(),
    )
    assert result.verdict in ("Fake", "Real", "Unsure")
    assert all(FOUR_DECIMALS.fullmatch(number) for number in (result.fake, result.real))
    assert round(float(result.fake) + float(result.real), 4) == 1
    seen = panel.get_by_alt_text("The picture as the model saw it")
    expect(seen).to_have_css("image-rendering", "pixelated")
    assert seen.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [28, 28]
    assert seen.evaluate("image => image.getBoundingClientRect().width") >= 112
    return result


def upload(page: Page, name: str, content: bytes) -> None:
    payload: FilePayload = {"name": name, "mimeType": "image/png", "buffer": content}
    page.set_input_files("#drop input", payload)


def stroke(page: Page, points: list[tuple[float, float]]) -> None:
    """Draw on the pad with the mouse; points as fractions of its width and height."""
    canvas = page.locator("#pad canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=4)
    page.mouse.up()


def ink(page: Page) -> int:
    """How many pixels of the pad are white."""
    return int(
        page.locator("#pad canvas").evaluate(
            "pad => pad.getContext('2d').getImageData(0, 0, pad.width, pad.height)"
            ".data.filter((value, index) => index % 4 === 0 && value > 200).length"
        )
    )


def overflow(page: Page) -> int:
    """Pixels by which any part of the page stands out to the right of the window."""
    return int(
        page.evaluate(
            "Math.max(...[...document.querySelectorAll('body *')].filter(part => part.checkVisibility())"
            ".map(part => part.getBoundingClientRect().right)) - document.documentElement.clientWidth"
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
    expect(page.locator("#pad canvas")).to_be_visible()
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
    canvas = page.locator("#pad canvas")
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
