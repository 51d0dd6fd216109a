"""The same check elsewhere: Node, plain Python, and the page without a server, against the loader here."""

import ast
import base64
import html
import io
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, FilePayload, Page, Route, expect

from demo.contract import (
    FAKE_PROBABILITY,
    FROM_IMAGE,
    HISTORY_PICTURE,
    HISTORY_RECORD,
    IMAGE,
    MANIFEST,
    MLP_HISTORY,
)
from demo.decoder.images import load_picture
from demo.errors import PageError
from demo.inference.check import check_bytes
from demo.inference.engine import MODELS_FOLDER, Engine
from demo.inference.manifest import Manifest
from demo.inference.sessions import CPU, open_session
from demo.static_page.assemble import FILES, ON_DEMAND, PAGE_FOLDER, assemble_page, kept
from demo.ui.html import VERDICTS
from export.benchmark.static import Served, serving
from tests.support.accessibility import serious
from tests.support.driving import overflow
from tests.support.node import ROOT, copy_programs
from tests.support.shared import built_once
from tests.support.tabs import Tabs, both_sizes, on_a_phone

MODEL = f"{FROM_IMAGE}.onnx"
PACK = ROOT / "demo" / "conformance"
SHOWN = (
    "drawn-3.png",
    "blue-on-yellow.png",
    "black-on-transparent.png",
    "sixteen-bit.png",
    "turned-by-exif.jpg",
    "blank-white.png",
)
"""Grey, RGB, RGBA, 16 bits, a turned photo and nothing at all."""

Score = Callable[[bytes], float]


def expected() -> dict[str, Any]:
    """The conformance pack's `expected.json`."""
    content: dict[str, Any] = json.loads((PACK / "expected.json").read_text(encoding="utf-8"))
    return content


def line(file: str) -> str:
    """What a program must print for a picture of the pack."""
    (entry,) = [each for each in expected()["pictures"] if each["file"] == file]
    if entry["verdict"] == "not a digit":
        return "not a digit"
    return f"{entry['verdict']}, fake_probability = {entry['fake_probability']:.4f}"


def engine_s_line(models: Path, file: str) -> str:
    """What a program must print for a picture of the pack where it runs other models."""
    answer = check_bytes(Engine.load(models, "cpu"), file, (PACK / file).read_bytes()).answer
    if answer.verdict == "not a digit":
        return "not a digit"
    return f"{answer.verdict}, fake_probability = {answer.fake_probability:.4f}"


@pytest.fixture(scope="session")
def node_programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a copy of demo/snippets/node, ready to run."""
    return copy_programs(tmp_path_factory.mktemp("programs"))


@pytest.fixture(scope="session")
def published_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the models that are committed."""
    return built_once(tmp_path_factory, "published-page", lambda folder: assemble_page(folder, MODELS_FOLDER))


@pytest.fixture(scope="session")
def page_folder(product_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a product of known weights: each stroke and picture of these tests gets a number."""
    return built_once(tmp_path_factory, "page", lambda folder: assemble_page(folder, product_models))


@pytest.fixture(scope="session")
def tutorial_folder(smoke_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the tutorial's pair without a product."""
    return built_once(tmp_path_factory, "tutorial-page", lambda folder: assemble_page(folder, smoke_models))


@pytest.fixture(scope="module")
def compressed_runtime(published_folder: Path) -> dict[str, bytes]:
    """The runtime's files as they were compressed for another page, which takes npm and gzip seconds."""
    names = json.loads((PAGE_FOLDER / "package.json").read_text(encoding="utf-8"))["sha256"]
    paths = (published_folder / Path(name).name for name in names)
    whole = [path if path.exists() else path.with_name(f"{path.name}.gzip") for path in paths]
    return {path.name: path.read_bytes() for path in whole}


# For one test only: another wants npm to be asked, and tests come in any order.
@pytest.fixture
def runtime_at_hand(compressed_runtime: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("demo.static_page.assemble.runtime_files", lambda: compressed_runtime)


@pytest.fixture(scope="module")
def served(page_folder: Path) -> Iterator[Served]:
    with serving(page_folder) as served:
        yield served


@pytest.fixture
def page(tabs: Tabs, served: Served, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The page as on a first visit, wide unless a test is marked with another size."""
    with tabs.visit(served.address, getattr(request, "param", "wide"), console=True) as page:
        yield page


@pytest.fixture(scope="module")
def score(product_models: Path) -> Score:
    """P(fake | x) of an encoded picture, by the loader and the model here."""
    session = open_session(MODEL, Manifest.load(product_models).read(MODEL), [CPU])

    def score(content: bytes) -> float:
        return float(session.run([FAKE_PROBABILITY], {IMAGE: load_picture(content).array})[0][0])

    return score


def picture_bytes(side: int = 160, name: str = "PNG") -> bytes:
    """A 7 in dark blue ink on white paper."""
    picture = Image.new("RGB", (side, side), "white")
    points = [(x * side, y * side) for x, y in ((0.25, 0.2), (0.75, 0.2), (0.45, 0.85))]
    ImageDraw.Draw(picture).line(points, fill=(20, 30, 90), width=side // 9, joint="curve")
    stream = io.BytesIO()
    picture.save(stream, name)
    return stream.getvalue()


def upload(page: Page, name: str, content: bytes) -> None:
    payload: FilePayload = {"name": name, "mimeType": "image/png", "buffer": content}
    page.set_input_files("#file", payload)


def shown(page: Page, name: str) -> float:
    """Wait until the result of `name` stands on the page; its P(fake | x)."""
    expect(page.locator("#result:not([data-stale]) #name")).to_have_text(name)
    expect(page.locator("#fake-probability")).to_have_text(re.compile(r"^[01]\.\d{4}$"))
    expect(page.locator("#fake-probability")).to_be_visible()
    expect(page.locator("#scale .hint")).to_contain_text("the probability that a generator made it")
    fake, real = (float(page.locator(f"#{kind}-probability").inner_text()) for kind in ("fake", "real"))
    assert round(fake + real, 4) == 1
    assert page.locator("#verdict").inner_text() in ("Fake", "Real", "Unsure")
    expect(page.locator("#pixels")).to_have_css("image-rendering", "pixelated")
    return fake


def stroke(page: Page, points: list[tuple[float, float]]) -> None:
    """Draw on the pad with the mouse; points as fractions of its width and height."""
    box = page.locator("#pad").bounding_box()
    assert box is not None
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=4)
    page.mouse.up()


def pad_png(page: Page) -> bytes:
    """What the pad shows, as a PNG."""
    url = page.locator("#pad").evaluate("pad => pad.toDataURL('image/png')")
    return base64.b64decode(url.removeprefix("data:image/png;base64,"), validate=True)


@pytest.mark.parametrize("file", SHOWN)
def test_the_python_program_gives_the_number(file: str) -> None:
    program = ROOT / "demo" / "snippets" / "python" / "check.py"
    result = subprocess.run(
        [sys.executable, str(program), str(PACK / file)],
        cwd=MODELS_FOLDER,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stderr == ""
    assert result.stdout == line(file) + "\n"


def test_the_python_program_needs_three_packages_only() -> None:
    tree = ast.parse((ROOT / "demo" / "snippets" / "python" / "check.py").read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert names == {"sys", "numpy", "onnxruntime", "PIL"}


@pytest.mark.node
@pytest.mark.parametrize("file", SHOWN)
def test_the_node_program_gives_the_number(node_programs: Path, file: str) -> None:
    command = ["node", str(node_programs / "check.mjs"), str(PACK / file)]
    result = subprocess.run(command, cwd=MODELS_FOLDER, capture_output=True, text=True, check=False)
    assert result.stderr == ""
    assert result.stdout == line(file) + "\n"


@pytest.mark.parametrize("program", ["node/check.mjs", "python/check.py"])
def test_the_readme_shows_the_very_programs(program: str) -> None:
    source = (ROOT / "demo" / "snippets" / program).read_text(encoding="utf-8").rstrip()
    assert source in (ROOT / "README.md").read_text(encoding="utf-8")


def test_a_folder_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(PageError, match="holds something else"):
        assemble_page(tmp_path, MODELS_FOLDER)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.node
@pytest.mark.usefixtures("runtime_at_hand")
def test_a_page_that_was_stopped_half_way_is_made_whole(tmp_path: Path) -> None:
    assemble_page(tmp_path / "page", MODELS_FOLDER)
    whole = {path.name: path.read_bytes() for path in (tmp_path / "page").iterdir()}
    (tmp_path / "page" / MODEL).unlink()
    (tmp_path / "page" / "left-by-an-older-version.mjs").write_text("old")
    assemble_page(tmp_path / "page", MODELS_FOLDER)
    assert {path.name: path.read_bytes() for path in (tmp_path / "page").iterdir()} == whole


@pytest.mark.node
def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(PageError, match=r"cannot be written .*name another folder"):
        assemble_page(tmp_path / "file" / "page", MODELS_FOLDER)


def test_without_npm_the_page_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PageError, match=r"npm is missing.*nodejs\.org"):
        assemble_page(tmp_path / "page", MODELS_FOLDER)


def test_the_version_covers_every_file_and_the_worker() -> None:
    files = {"index.html": b"page", "service-worker.js": b"worker"}
    versions = {
        json.loads(kept(changed).removeprefix("self.touchstone = ").removesuffix(";\n"))["version"]
        for changed in (files, files | {"index.html": b"other"}, files | {"service-worker.js": b"other"})
    }
    assert len(versions) == 3


@pytest.mark.node
@pytest.mark.usefixtures("runtime_at_hand")
def test_the_page_is_a_static_space_of_files_that_may_be_pushed(
    published_folder: Path, tmp_path: Path
) -> None:
    assert (published_folder / "README.md").read_text(encoding="utf-8").startswith("---\n")
    assert "\nsdk: static\n" in (published_folder / "README.md").read_text(encoding="utf-8")
    assert (published_folder / MODEL).read_bytes() == (MODELS_FOLDER / MODEL).read_bytes()
    assert all(path.stat().st_size < 10_000_000 for path in published_folder.iterdir())
    assemble_page(Path(shutil.copytree(published_folder, tmp_path / "page")), MODELS_FOLDER)


@pytest.mark.node
@pytest.mark.browser
@on_a_phone
def test_an_uploaded_picture_is_judged_as_in_python(page: Page, score: Score) -> None:
    for name, content in (
        ("seven.png", picture_bytes()),
        ("seven.jpg", picture_bytes(name="JPEG")),
        ("larger-than-a-tile.png", picture_bytes(side=2100)),
    ):
        upload(page, name, content)
        assert shown(page, name) == pytest.approx(score(content), abs=1e-4)
    assert overflow(page) <= 0
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@pytest.mark.node
@pytest.mark.browser
@both_sizes
def test_the_page_reads_the_digit_and_gives_no_number_to_what_is_none(
    page: Page, product_engine: Engine
) -> None:
    expect(page.locator("#ready")).to_contain_text("runs in this page")
    expect(page.locator("#product")).to_be_visible()
    expect(page.locator("#tutorial")).to_be_hidden()
    upload(page, "seven.png", picture_bytes())
    fake = shown(page, "seven.png")
    answer = check_bytes(product_engine, "seven.png", picture_bytes()).answer
    assert answer.digit_probability is not None
    assert fake == pytest.approx(answer.fake_probability, abs=1e-4)
    reading = page.locator("#digit").inner_text()
    found = re.fullmatch(r"It reads as an? (\d) \((\d\.\d{4})\)\.", reading)
    assert found is not None
    assert int(found[1]) == answer.digit
    assert float(found[2]) == pytest.approx(answer.digit_probability, abs=1e-3)
    lines = "parts => parts.map(part => part.getClientRects().length)"
    assert set(page.locator(".formula").filter(visible=True).evaluate_all(lines)) == {1}
    assert overflow(page) <= 0
    square = Image.new("L", (100, 100))
    square.paste(255, (20, 20, 80, 80))
    stream = io.BytesIO()
    square.save(stream, "PNG")
    upload(page, "square.png", stream.getvalue())
    expect(page.locator("#verdict")).to_have_text("Not a digit")
    expect(page.locator("#numbers")).to_be_hidden()
    expect(page.locator("#digit")).to_be_hidden()


@pytest.mark.node
@pytest.mark.browser
def test_the_published_page_says_what_python_says(tabs: Tabs, published_folder: Path, engine: Engine) -> None:
    answer = check_bytes(engine, "seven.png", picture_bytes()).answer
    assert answer.verdict is not None
    with serving(published_folder) as served, tabs.visit(served.address, "wide") as page:
        expect(page.locator("#product")).to_be_visible()
        upload(page, "seven.png", picture_bytes())
        expect(page.locator("#verdict")).to_have_text(answer.verdict.capitalize())
        number = float(page.locator("#fake-probability").text_content() or "nan")
        assert answer.verdict == "not a digit" or number == pytest.approx(answer.fake_probability, abs=1e-4)


@pytest.mark.node
@pytest.mark.browser
def test_the_tutorial_s_page_does_not_call_its_number_calibrated(tabs: Tabs, tutorial_folder: Path) -> None:
    with serving(tutorial_folder) as served, tabs.visit(served.address, "phone") as page:
        expect(page.locator("#tutorial")).to_be_visible()
        expect(page.locator("#product")).to_be_hidden()
        upload(page, "seven.png", picture_bytes())
        shown(page, "seven.png")
        expect(page.locator("#thresholds")).to_have_text("threshold 0.5")
        expect(page.locator("#digit")).to_be_hidden()


@pytest.mark.parametrize("file", ["drawn-3.png", "blank-white.png"])
def test_the_python_program_takes_the_tutorial_s_model_too(smoke_models: Path, file: str) -> None:
    program = ROOT / "demo" / "snippets" / "python" / "check.py"
    command = [sys.executable, str(program), str(PACK / file)]
    result = subprocess.run(command, cwd=smoke_models, capture_output=True, text=True, check=False)
    assert result.stdout == engine_s_line(smoke_models, file) + "\n"


@pytest.mark.node
@pytest.mark.parametrize("file", ["drawn-3.png", "blank-white.png"])
def test_the_node_program_takes_the_tutorial_s_model_too(
    smoke_models: Path, node_programs: Path, file: str
) -> None:
    command = ["node", str(node_programs / "check.mjs"), str(PACK / file)]
    result = subprocess.run(command, cwd=smoke_models, capture_output=True, text=True, check=False)
    assert result.stdout == engine_s_line(smoke_models, file) + "\n"


@pytest.mark.node
@pytest.mark.browser
def test_every_stroke_is_judged_as_in_python(page: Page, score: Score) -> None:
    stroke(page, [(0.3, 0.2), (0.7, 0.2), (0.45, 0.8)])
    first = shown(page, "Your drawing")
    assert first == pytest.approx(score(pad_png(page)), abs=1e-4)
    stroke(page, [(0.35, 0.5), (0.65, 0.5)])
    expect(page.locator("#fake-probability")).not_to_have_text(f"{first:.4f}")
    assert shown(page, "Your drawing") == pytest.approx(score(pad_png(page)), abs=1e-4)
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#verdict")).to_have_text("No picture yet")
    expect(page.locator("#seen")).to_be_hidden()


@pytest.mark.node
@pytest.mark.browser
@pytest.mark.parametrize("file", ["ort.wasm.min.mjs", "engine.mjs", MODEL])
def test_a_stroke_is_judged_though_the_model_is_still_to_come(
    browser: Browser, served: Served, file: str
) -> None:
    page = browser.new_page()
    held: list[Route] = []
    page.route(f"**/{file}", lambda route: held.append(route))
    page.goto(served.address, wait_until="domcontentloaded")
    expect(page.locator("#pad")).to_be_visible()
    stroke(page, [(0.3, 0.2), (0.7, 0.2), (0.45, 0.8)])
    expect(page.locator("#name")).to_have_text("Your drawing")
    expect(page.locator("#numbers")).to_be_hidden()
    for route in held:
        route.continue_()
    page.unroute_all()
    shown(page, "Your drawing")
    page.close()


@pytest.mark.node
@pytest.mark.browser
def test_the_pad_is_seen_only_once_it_takes_a_stroke(browser: Browser, served: Served) -> None:
    page = browser.new_page()
    held: list[Route] = []
    page.route("**/pad.mjs", lambda route: held.append(route))
    page.goto(served.address, wait_until="commit")
    expect(page.get_by_role("heading", name="Touchstone")).to_be_visible()
    expect(page.locator("#pad")).to_be_attached()
    expect(page.locator("#pad")).to_be_hidden()
    expect(page.get_by_role("button")).to_have_count(0)
    for route in held:
        route.continue_()
    page.unroute_all()
    expect(page.locator("#pad")).to_be_visible()
    stroke(page, [(0.3, 0.2), (0.7, 0.2), (0.45, 0.8)])
    shown(page, "Your drawing")
    page.close()


@pytest.mark.node
@pytest.mark.browser
@on_a_phone
def test_a_finger_draws_without_scrolling(page: Page) -> None:
    box = page.locator("#pad").bounding_box()
    assert box is not None
    touch = page.context.new_cdp_session(page)
    x = box["x"] + box["width"] / 2
    for step in range(13):
        points = [{"x": x, "y": box["y"] + (0.8 - 0.05 * step) * box["height"]}]
        kind = "touchMove" if step else "touchStart"
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    shown(page, "Your drawing")
    drawn = Image.open(io.BytesIO(pad_png(page))).convert("L").getbbox()
    assert drawn is not None
    # 0.6 of the pad's 280 pixels and the brush; a browser that scrolled would have cut it short.
    assert drawn[3] - drawn[1] > 180
    assert page.evaluate("scrollY") == 0


@pytest.mark.node
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
    assert shown(page, "pasted.png") == dropped


@pytest.mark.node
@pytest.mark.browser
@both_sizes
def test_what_cannot_be_judged_gets_a_sentence_and_no_number(page: Page) -> None:
    upload(page, "seven.png", picture_bytes())
    shown(page, "seven.png")
    too_many = io.BytesIO()
    Image.new("1", (8200, 8200)).save(too_many, "PNG")
    name = "<img src=x onerror=alert(1)>&amp;" + "a-long-name-" * 20 + ".png"
    for content, heading, sentence in (
        ((PACK / "blank-white.png").read_bytes(), "Not a digit", "gets no number"),
        (b"not a picture", "Cannot be judged", "no picture that this browser can read"),
        (b"", "Cannot be judged", "The file is empty"),
        (too_many.getvalue(), "Cannot be judged", "more than 67,000,000 pixels"),
    ):
        upload(page, name, content)
        expect(page.locator("#says")).to_contain_text(sentence)
        expect(page.locator("#verdict")).to_have_text(heading)
        expect(page.locator("#name")).to_have_text(name)
        expect(page.locator("#numbers")).to_be_hidden()
        expect(page.locator("#scale")).to_be_hidden()
        assert overflow(page) <= 0


@pytest.mark.node
@pytest.mark.browser
@on_a_phone
def test_the_page_works_without_a_network_once_loaded(page: Page, served: Served) -> None:
    upload(page, "seven.png", picture_bytes())
    online = shown(page, "seven.png")
    expect(page.locator("#offline")).to_be_visible()
    page.context.set_offline(True)
    before = len(served.asked)
    page.reload()
    upload(page, "again.png", picture_bytes())
    assert shown(page, "again.png") == online
    assert served.asked[before:] == []


@pytest.mark.node
@pytest.mark.browser
def test_a_newer_version_is_offered_and_taken_whole(
    browser: Browser, page_folder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "page"
    shutil.copytree(page_folder, folder)
    with serving(folder) as served:
        page = browser.new_page()
        page.goto(served.address)
        expect(page.locator("#offline")).to_be_visible()
        index = folder / "index.html"
        index.write_text(
            index.read_text(encoding="utf-8").replace("Touchstone</h1>", "Touchstone, newer</h1>")
        )
        files = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != FILES}
        (folder / FILES).write_text(kept(files))
        page.reload()
        expect(page.locator("h1")).to_have_text("Touchstone")
        page.get_by_role("button", name="Use it").click()
        expect(page.locator("h1")).to_have_text("Touchstone, newer")
        expect(page.locator("#update")).to_be_hidden()
        assert page.evaluate("caches.keys().then(names => names.length)") == 1
        page.close()


@pytest.mark.node
@pytest.mark.browser
def test_a_model_that_does_not_come_is_one_sentence(browser: Browser, served: Served) -> None:
    page = browser.new_page()
    page.route(f"**/{MODEL}", lambda route: route.fulfill(status=404))
    page.goto(served.address)
    upload(page, "seven.png", picture_bytes())
    expect(page.locator("#ready")).to_contain_text("The model could not be loaded")
    expect(page.locator("#says")).to_have_text("The model could not be loaded; reload the page.")
    page.close()


@pytest.mark.node
@pytest.mark.browser
@both_sizes
def test_everything_to_press_has_a_name_and_takes_the_focus(page: Page) -> None:
    touch = page.evaluate("navigator.maxTouchPoints") > 0
    names = ["Choose a picture", "Clear"] + (["Take a photo"] if touch else [])
    for name in names:
        button = page.get_by_role("button", name=name)
        button.focus()
        expect(button).to_be_focused()
    expect(page.get_by_role("img", name=re.compile("^Drawing pad"))).to_be_visible()
    expect(page.locator("#camera")).to_have_attribute("capture", "environment")
    expect(page.locator("#result [role=status][aria-live=polite]")).to_have_count(1)


@pytest.mark.node
@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@both_sizes
def test_nothing_serious_stands_in_the_way_of_a_screen_reader(
    page: Page, scheme: Literal["light", "dark"]
) -> None:
    # Or the panel is looked at while it fades in.
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    assert serious(page) == []
    page.goto(f"{page.url}#generate?count=3&seed=7")
    wall(page, 3)
    assert serious(page) == []
    page.locator(".tile").first.click()
    expect(page.locator("#save")).to_be_visible()
    assert serious(page) == []
    page.get_by_role("tab", name="Watch it learn").click()
    page.get_by_role("button", name="See what it thought of your digit").click()
    expect(page.locator("#yours-chart svg")).to_be_visible()
    expect(page.locator("#yours-says")).to_be_empty()
    assert serious(page) == []


@pytest.mark.node
@pytest.mark.browser
def test_what_stands_in_the_way_of_a_screen_reader_is_found(page: Page) -> None:
    page.evaluate("document.querySelector('#choose').textContent = ''")
    assert [line.split(":")[0] for line in serious(page)] == ["button-name"]


NOISE_SCRIPT = """
const { defaultRandom } = await import(process.argv[1]);
const drawn = JSON.parse(process.argv[2]).map(([seed, count]) => {
    const random = defaultRandom(seed);
    return [Array.from(random.standardNormal(count)), random.integers(10, count)];
});
console.log(JSON.stringify(drawn));
"""


@pytest.mark.node
def test_a_seed_s_noise_is_numpy_s() -> None:
    asked = [(seed, 300) for seed in (*range(200), 2**31 - 1, 2**31, 2**32 - 1)] + [(5, 100_000)]
    command = ["node", "--input-type=module", "-e", NOISE_SCRIPT, str(PAGE_FOLDER / "random.mjs")]
    result = subprocess.run([*command, json.dumps(asked)], capture_output=True, text=True, check=True)
    for (seed, count), (noise, digits) in zip(asked, json.loads(result.stdout), strict=True):
        random = np.random.default_rng(seed)
        wanted = random.standard_normal(count, np.float32)
        # In the tail, beyond 3.65, the two logarithms may be rounded apart.
        np.testing.assert_array_max_ulp(np.float32(noise), wanted, maxulp=2)
        assert np.mean(np.float32(noise) == wanted) > 0.9999
        assert digits == random.integers(0, 10, count, np.int64).tolist()


@pytest.mark.node
@pytest.mark.browser
def test_every_text_of_the_page_is_used_and_there(published_texts: dict[str, list[str]]) -> None:
    named = re.findall(r'data-(?:text|label)="([^"]+)"', (PAGE_FOLDER / "index.html").read_text("utf-8"))
    assert set(named) - set(published_texts) == set()
    sources = [path.read_text("utf-8") for path in PAGE_FOLDER.glob("*.mjs") if path.name != "texts.mjs"]
    verdicts = {"fake", "real", "unsure", "not a digit"}
    built = verdicts | {f"{verdict}_says" for verdict in verdicts}
    used = {name for name in published_texts if any(f'"{name}"' in source for source in sources)}
    assert set(published_texts) - used - set(named) - built == set()


@pytest.mark.node
@pytest.mark.browser
def test_every_text_of_the_page_is_in_both_languages(published_texts: dict[str, list[str]]) -> None:
    for name, (english, chinese) in published_texts.items():
        assert not re.search(r"[\u4e00-\u9fff]", english), name
        assert re.search(r"[\u4e00-\u9fff]", chinese), name
        values, terms = r"\{\w+\}", r"\*[^*]+\*"
        assert sorted(re.findall(values, english)) == sorted(re.findall(values, chinese)), name
        assert len(re.findall(terms, english)) == len(re.findall(terms, chinese)), name
        assert english.count("`") == chinese.count("`"), name


def plain(text: str) -> str:
    """A text without its markup, the app's or the page's."""
    return html.unescape(re.sub(r"<[^>]+>|[`*]", "", text))


@pytest.mark.node
@pytest.mark.browser
def test_the_page_and_the_app_say_the_same_in_the_same_words(published_texts: dict[str, list[str]]) -> None:
    entries: dict[str, dict[str, str]] = {}
    for path in (ROOT / "demo" / "ui" / "texts").glob("*.json"):
        entries |= json.loads(path.read_text(encoding="utf-8"))
    shared = {name: f"page.{name.removeprefix('tab_')}" for name in published_texts if "tab_" in name}
    for verdict, kind in VERDICTS.items():
        shared |= {verdict: f"verdict.{kind}", f"{verdict}_says": f"check.{kind}-says"}
    shared |= {"refused": "verdict.error", "losses": "learn.losses"}
    for name, key in shared.items():
        assert published_texts[name] == list(entries[key].values()), name
    chinese: dict[str, set[str]] = {}
    for entry in entries.values():
        chinese.setdefault(plain(entry["en"]), set()).add(plain(entry["zh"]))
    both = {name for name, (text, _) in published_texts.items() if plain(text) in chinese}
    assert both > set(shared)
    for name in both:
        text, translated = published_texts[name]
        assert plain(translated) in chinese[plain(text)], name


@pytest.mark.node
def test_what_views_ask_for_lies_beside_the_page_and_is_not_kept_beforehand(published_folder: Path) -> None:
    listed = json.loads((published_folder / MANIFEST).read_text(encoding="utf-8"))["on_demand"]
    assert [file["name"] for file in listed] == list(ON_DEMAND)
    for file in listed:
        content = (published_folder / file["name"]).read_bytes()
        assert content == (MODELS_FOLDER / file["name"]).read_bytes()
        assert len(content) == file["size"]
        assert file["name"] not in (published_folder / FILES).read_text(encoding="utf-8")


@pytest.mark.node
@pytest.mark.browser
def test_what_views_ask_for_is_not_downloaded_before(browser: Browser, page_folder: Path) -> None:
    with serving(page_folder) as served:
        page = browser.new_page()
        page.goto(served.address)
        expect(page.locator("#offline")).to_be_visible()
        assert {path.lstrip("/") for path in served.asked} & set(ON_DEMAND) == set()
        page.get_by_role("tab", name="Generate").click()
        expect(page.locator("#generator-size")).to_have_text(
            "generator.onnx: 1.2 MiB, downloaded once at first use."
        )
        assert {path.lstrip("/") for path in served.asked} & set(ON_DEMAND) == set()
        page.close()


def wall(page: Page, count: int) -> tuple[NDArray[np.uint8], list[float]]:
    """Wait until each digit of the wall has its number; their pixels, and P(fake | x), NaN for no digit."""
    tiles = page.locator("#wall .tile[data-tone]")
    expect(tiles).to_have_count(count)
    pixels = page.locator("#wall canvas").evaluate_all(
        "all => all.map(each => Array.from(each.getContext('2d').getImageData(0, 0, 28, 28).data)"
        ".filter((_, index) => index % 4 === 0))"
    )
    numbers = [
        float(number.replace("\u2013", "nan")) for number in page.locator(".tile-number").all_inner_texts()
    ]
    return np.array(pixels, np.uint8).reshape(count, 28, 28), numbers


@pytest.mark.node
@pytest.mark.browser
@pytest.mark.parametrize(
    ("page", "generator", "digit", "count"),
    [
        ("wide", "generator", 3, 5),
        ("phone", "generator", None, 9),
        ("phone", "mlp_generator", None, 4),
    ],
    indirect=["page"],
)
def test_a_link_makes_the_digits_that_python_makes(
    page: Page, product_engine: Engine, score: Score, generator: str, digit: int | None, count: int
) -> None:
    chosen = "any" if digit is None else digit
    link = f"#generate?digit={chosen}&seed=7&count={count}&generator={generator}"
    page.goto(page.url + link)
    pixels, numbers = wall(page, count)
    wanted = product_engine.generate(generator, count, 7, digit)
    # WebAssembly rounds a few pixels to the other side.
    assert np.abs(pixels.astype(int) - wanted).max() <= 1
    assert np.mean(pixels != wanted) < 0.01
    for picture, number in zip(pixels, numbers, strict=True):
        stream = io.BytesIO()
        Image.fromarray(picture).save(stream, "PNG")
        assert number == pytest.approx(score(stream.getvalue()), abs=1e-4)
    assert page.url.endswith(link)
    assert overflow(page) <= 0
    assert serious(page) == []


@pytest.mark.node
@pytest.mark.browser
@on_a_phone
def test_a_generated_digit_is_checked_and_its_file_scores_the_same(page: Page, tmp_path: Path) -> None:
    page.get_by_role("tab", name="Generate").click()
    page.get_by_role("combobox", name="Digit", exact=True).select_option("3")
    page.get_by_label("How many").fill("2")
    page.get_by_label("Seed", exact=True).fill("11")
    page.get_by_role("button", name="Generate", exact=True).click()
    _, numbers = wall(page, 2)
    expect(page.locator("#generate-says")).to_contain_text("2 made")
    page.locator(".tile").nth(1).click()
    expect(page).to_have_url(re.compile("#check$"))
    assert shown(page, "Generated by generator, seed 11, number 2") == numbers[1]
    with page.expect_download() as download:
        page.get_by_role("link", name="Download this digit").click()
    assert download.value.suggested_filename == "generator-digit-3-seed-11-2-of-2.png"
    download.value.save_as(tmp_path / "digit.png")
    upload(page, "digit.png", (tmp_path / "digit.png").read_bytes())
    assert shown(page, "digit.png") == numbers[1]
    expect(page.locator("#save")).to_be_hidden()
    page.go_back()
    expect(page.locator("#wall")).to_be_visible()
    assert page.url.endswith("#generate?digit=3&seed=11&count=2&generator=generator")


@pytest.mark.node
@pytest.mark.browser
def test_the_link_of_a_wall_can_be_copied(page: Page, served: Served) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=served.address)
    page.goto(f"{page.url}#generate")
    expect(page.locator("#copy")).to_be_hidden()
    page.get_by_label("How many").fill("1")
    page.get_by_role("button", name="Other digits").click()
    wall(page, 1)
    page.get_by_role("button", name="Copy link").click()
    expect(page.locator("#generate-says")).to_contain_text("The link is copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    seed = page.get_by_label("Seed", exact=True).input_value()
    assert copied == f"{served.address}#generate?digit=any&seed={seed}&count=1&generator=generator"


@pytest.mark.node
@pytest.mark.browser
@on_a_phone
def test_a_link_that_asks_for_too_much_makes_nothing(page: Page) -> None:
    address = page.url
    for query in (
        "count=65",
        "count=0",
        "seed=-1",
        "seed=4294967296",
        "digit=10",
        "generator=other",
        "digit=3&generator=mlp_generator",
    ):
        page.goto("about:blank")
        page.goto(f"{address}#generate?{query}")
        expect(page.locator("#generate-says"), query).to_contain_text("does not have")
        expect(page.locator("#wall"), query).to_be_hidden()


@pytest.mark.node
@pytest.mark.browser
def test_a_generator_that_does_not_come_is_one_sentence_until_it_does(
    browser: Browser, served: Served
) -> None:
    page = browser.new_page()
    for answer, sentence in (
        (lambda route: route.abort(), "the network or the server did not answer"),
        (lambda route: route.fulfill(status=404), "the server answered 404"),
        (lambda route: route.fulfill(body=b"another file"), "not the file of this version"),
    ):
        page.route("**/generator.onnx", answer)
        page.goto(f"{served.address}#generate?count=2")
        page.reload()
        expect(page.locator("#generate-says")).to_contain_text(sentence)
        expect(page.locator("#wall")).to_be_hidden()
        page.unroute_all()
    page.get_by_role("button", name="Generate", exact=True).click()
    wall(page, 2)
    page.close()


@pytest.mark.node
@pytest.mark.browser
def test_what_views_asked_for_is_there_without_a_network(page: Page, served: Served) -> None:
    expect(page.locator("#offline")).to_be_visible()
    page.goto(f"{page.url}#generate?count=2&seed=3")
    online = wall(page, 2)[1]
    page.get_by_role("tab", name="Watch it learn").click()
    expect(page.locator("#learn")).to_be_visible()
    page.context.set_offline(True)
    before = len(served.asked)
    page.goto(f"{served.address}#generate?count=2&seed=3")
    page.reload()
    assert wall(page, 2)[1] == online
    expect(page.locator("#generator-size")).to_have_text("generator.onnx is on this device already.")
    page.get_by_role("tab", name="Watch it learn").click()
    expect(page.locator("#step-is")).to_have_text("Step 0 of 46,900")
    # For a newer version the browser itself may still look, which the page being offline does not stop.
    assert set(served.asked[before:]) <= {"/service-worker.js", "/files.js"}


@pytest.mark.node
@pytest.mark.browser
@both_sizes
def test_the_pair_is_watched_while_it_learns(page: Page, product_engine: Engine) -> None:
    upload(page, "seven.png", picture_bytes())
    shown(page, "seven.png")
    history = product_engine.history(
        product_engine.normalize(load_picture(picture_bytes()).array)[np.newaxis]
    )
    record = json.loads((MODELS_FOLDER / HISTORY_RECORD).read_text(encoding="utf-8"))
    page.get_by_role("tab", name="Watch it learn").click()
    expect(page.locator("#losses-chart svg")).to_be_visible()
    page.get_by_role("button", name="See what it thought of your digit (8.7 MiB)").click()
    expect(page.locator("#yours-probability")).to_be_visible()
    slider = page.get_by_role("slider", name="Training step")
    slider.focus()
    walls, marks = set(), set()
    for index, step in enumerate(history.steps):
        number = float(page.locator("#yours-probability").inner_text())
        assert number == pytest.approx(float(history.fake_probability[0, index]), abs=2e-3)
        if index == 0:
            assert 0.4 < number < 0.6
        expect(page.locator("#step-is")).to_have_text(f"Step {step:,} of {history.steps[-1]:,}")
        expect(slider).to_have_attribute("aria-valuetext", f"Step {step:,} of {history.steps[-1]:,}")
        losses = [record[name][index] for name in ("discriminator_loss", "generator_loss")]
        expect(page.locator("#losses-at")).to_contain_text(
            f"discriminator {losses[0]:.3f}, generator {losses[1]:.3f}."
        )
        walls.add(page.locator("#history").evaluate("canvas => canvas.toDataURL()"))
        marks.add(page.locator("#yours-chart .now").get_attribute("x1"))
        page.keyboard.press("ArrowRight")
    assert len(walls) == len(marks) == len(history.steps)
    assert overflow(page) <= 0
    assert serious(page) == []


@pytest.mark.node
@pytest.mark.browser
@on_a_phone
def test_without_a_digit_the_pair_is_shown_and_one_is_asked_for(page: Page) -> None:
    page.goto(f"{page.url}#learn")
    expect(page.get_by_role("img", name="64 digits by the generator at step 0")).to_be_visible()
    expect(page.locator("#yours")).to_be_hidden()
    page.get_by_role("button", name="Draw a digit").click()
    expect(page.locator("#pad")).to_be_focused()
    stroke(page, [(0.3, 0.2), (0.7, 0.2), (0.45, 0.8)])
    shown(page, "Your drawing")
    page.get_by_role("tab", name="Watch it learn").click()
    expect(page.get_by_role("button", name="See what it thought of your digit")).to_be_visible()
    expect(page.locator("#yours-none")).to_be_hidden()


@pytest.mark.node
@pytest.mark.browser
def test_the_steps_are_played_and_paused(page: Page) -> None:
    page.goto(f"{page.url}#learn")
    page.get_by_role("button", name="Play").click()
    expect(page.locator("#step-is")).to_have_text("Step 46 of 46,900")
    expect(page.locator("#step-is")).to_have_text("Step 146 of 46,900")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    stopped = page.locator("#step").input_value()
    page.wait_for_timeout(1200)
    assert page.locator("#step").input_value() == stopped


@pytest.mark.node
@pytest.mark.browser
def test_a_history_that_does_not_come_is_tried_again(browser: Browser, served: Served) -> None:
    page = browser.new_page()
    page.route(f"**/{HISTORY_RECORD}", lambda route: route.abort())
    page.goto(f"{served.address}#learn")
    expect(page.locator("#learn-says")).to_contain_text("history.json could not be loaded")
    page.unroute_all()
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#step-is")).to_have_text("Step 0 of 46,900")
    expect(page.locator("#learn-says")).to_be_empty()
    page.close()


@pytest.mark.node
@pytest.mark.browser
@pytest.mark.parametrize(("view", "opened"), [("generate", "#options"), ("learn", "#learn")])
def test_a_view_that_does_not_come_is_tried_again(
    browser: Browser, served: Served, view: str, opened: str
) -> None:
    # Once the service worker has taken the page over, it answers in place of the network cut off here.
    page = browser.new_page(service_workers="block")
    page.route(f"**/{view}.mjs", lambda route: route.abort())
    page.goto(f"{served.address}#{view}")
    expect(page.locator("#unopened")).to_contain_text("This view could not be loaded")
    expect(page.locator(opened)).to_be_hidden()
    page.get_by_role("tab", name="Check").click()
    expect(page.locator("#unopened")).to_be_empty()
    expect(page.get_by_role("button", name="Try again")).to_be_hidden()
    page.locator(f"#tab-{view}").click()
    expect(page.locator("#unopened")).to_contain_text("This view could not be loaded")
    page.unroute_all()
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(opened)).to_be_visible()
    expect(page.locator("#unopened")).to_be_empty()
    page.close()


@pytest.mark.node
@pytest.mark.browser
@both_sizes
def test_the_views_are_tabs_with_addresses(page: Page) -> None:
    check, generate, learn = (
        page.get_by_role("tab", name=name) for name in ("Check", "Generate", "Watch it learn")
    )
    expect(check).to_have_attribute("aria-selected", "true")
    check.focus()
    for key, tab, address in (
        ("ArrowRight", generate, "#generate"),
        ("End", learn, "#learn"),
        ("ArrowRight", check, "#check"),
        ("ArrowLeft", learn, "#learn"),
        ("Home", check, "#check"),
    ):
        page.keyboard.press(key)
        expect(tab).to_be_focused()
        expect(tab).to_have_attribute("aria-selected", "true")
        assert page.url.endswith(address)
        expect(page.get_by_role("tabpanel")).to_have_count(1)
    page.go_back()
    expect(learn).to_have_attribute("aria-selected", "true")
    expect(page.get_by_role("tabpanel", name="Watch it learn")).to_be_visible()


@pytest.mark.node
@pytest.mark.browser
@on_a_phone
def test_a_picture_dropped_in_another_view_is_checked(page: Page) -> None:
    page.get_by_role("tab", name="Generate").click()
    upload(page, "seven.png", picture_bytes())
    shown(page, "seven.png")
    expect(page.get_by_role("tab", name="Check")).to_have_attribute("aria-selected", "true")


@pytest.mark.node
@pytest.mark.browser
def test_a_page_of_the_tutorial_alone_has_its_generator_only(tabs: Tabs, tutorial_folder: Path) -> None:
    with (
        serving(tutorial_folder) as served,
        tabs.visit(f"{served.address}#generate?count=3", "wide") as page,
    ):
        wall(page, 3)
        assert page.locator("#option-generator option").all_inner_texts() == [
            "mlp_generator: it chooses the digit"
        ]
        expect(page.locator("#option-digit")).to_be_disabled()


@pytest.mark.node
@pytest.mark.browser
@pytest.mark.usefixtures("runtime_at_hand")
@pytest.mark.parametrize(
    "files",
    [[], [f"{MLP_HISTORY}.onnx"], [f"{MLP_HISTORY}.onnx", HISTORY_RECORD], [HISTORY_RECORD, HISTORY_PICTURE]],
    ids=["alone", "no record", "no walls", "no history"],
)
def test_a_page_has_no_view_that_lacks_a_file(tabs: Tabs, tmp_path: Path, files: list[str]) -> None:
    models = Path(shutil.copytree(MODELS_FOLDER, tmp_path / "models"))
    manifest = json.loads((models / MANIFEST).read_text(encoding="utf-8"))
    manifest["files"] = {name: manifest["files"][name] for name in (MODEL, *files)}
    (models / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    assemble_page(tmp_path / "page", models)
    with serving(tmp_path / "page") as served, tabs.visit(f"{served.address}#learn", "phone") as page:
        expect(page.locator("#ready")).to_contain_text("runs in this page")
        expect(page.get_by_role("tab")).to_have_text(["Check"])
        expect(page.locator("#pad")).to_be_visible()


@pytest.fixture(scope="module")
def published_texts(browser: Browser, served: Served) -> dict[str, list[str]]:
    """The page's texts by name: English, Chinese."""
    page = browser.new_page()
    page.goto(served.address)
    texts: dict[str, list[str]] = page.evaluate("import('./texts.mjs').then(({ TEXTS }) => TEXTS)")
    page.close()
    return texts


@pytest.mark.node
@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_speaks_chinese_to_who_reads_it(
    browser: Browser, served: Served, published_texts: dict[str, list[str]], width: int
) -> None:
    context = browser.new_context(
        locale="zh-CN", viewport={"width": width, "height": 844}, reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto(served.address)
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    upload(page, "seven.png", picture_bytes())
    expect(page.locator("#verdict")).to_have_text(re.compile("^(真|假|拿不准)$"))
    english = {text for text, _ in published_texts.values()}
    for tab in ("鉴别", "生成", "看它学习"):
        page.get_by_role("tab", name=tab).click()
        if tab == "生成":
            page.locator("#option-count").fill("2")
            page.get_by_role("button", name="生成", exact=True).click()
            wall(page, 2)
        elif tab == "看它学习":
            expect(page.locator("#step-is")).to_have_text(re.compile("第 0 步.*46,900"))
        lines = page.locator("body").inner_text().splitlines()
        labels = page.locator("[aria-label]").evaluate_all("all => all.map(each => each.ariaLabel)")
        assert english & {line.strip() for line in [*lines, *labels]} == set()
        assert overflow(page) <= 0
        assert serious(page) == []
    context.close()
