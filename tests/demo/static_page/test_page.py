"""The page without a server: what its folder holds, and each view in a browser, compared with Python."""

import base64
import io
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from demo.contract import FAKE_PROBABILITY, HISTORY_PICTURE, HISTORY_RECORD, IMAGE, MANIFEST, MLP_HISTORY
from demo.decoder.images import encode_png, load_picture
from demo.errors import DemoError
from demo.inference.check import check_bytes
from demo.inference.engine import MODELS_FOLDER, Engine
from demo.inference.manifest import Manifest
from demo.inference.sessions import CPU, open_session
from demo.static_page import assemble
from demo.static_page.assemble import assemble_page, kept, page_files
from demo.ui.shared import EXAMPLES_FOLDER
from export.benchmark.servers import Served, serving
from tests.support.accessibility import serious
from tests.support.driving import (
    box_values,
    drag,
    finger_stroke,
    hand_over,
    overflow,
    picture_bytes,
    requests_held,
    stroke,
)
from tests.support.driving import upload as choose_file
from tests.support.models import manifest_of
from tests.support.pictures import encoded
from tests.support.shared import built_once
from tests.support.tabs import PHONE, visit

SEVEN = picture_bytes()
PAD = "#pad"
LINES = [(0.3, 0.2), (0.7, 0.2), (0.45, 0.8)]
RUNTIME_FILE = "ort-wasm-simd-threaded.wasm.gzip"

Score = Callable[[bytes], float]


@pytest.fixture(scope="session")
def page_folder(product_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page with a detector of known weights, which gives every stroke and picture below a number."""
    return built_once(tmp_path_factory, "page", lambda folder: assemble_page(folder, product_models))


@pytest.fixture
def runtime_at_hand(page_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the runtime from a page that exists, which saves the seconds that npm and gzip need."""
    names = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", RUNTIME_FILE)
    files = {name: (page_folder / name).read_bytes() for name in names}
    monkeypatch.setattr("demo.static_page.assemble.runtime_files", lambda: files)


@pytest.fixture(scope="module")
def served(page_folder: Path) -> Iterator[Served]:
    with serving(page_folder) as served:
        yield served


@pytest.fixture
def page(tab: Page, served: Served) -> Iterator[Page]:
    """The page as on a first visit, on a wide screen."""
    with visit(tab, served.address, console=True) as page:
        yield page


@pytest.fixture(scope="module")
def score(product_models: Path) -> Score:
    """Return a function from an encoded picture to P(fake | x), by Python's decoder and onnxruntime."""
    session = open_session(assemble.MODEL, Manifest.load(product_models).read(assemble.MODEL), [CPU])

    def score(content: bytes) -> float:
        return float(session.run([FAKE_PROBABILITY], {IMAGE: load_picture(content).array})[0][0])

    return score


def upload(page: Page, name: str, content: bytes) -> None:
    choose_file(page, name, content, "#file")


def shown(page: Page, name: str) -> float:
    """Wait for the result of a picture, and return its P(fake | x)."""
    expect(page.locator("#result:not([data-stale]) #name")).to_have_text(name)
    expect(page.locator("#fake-probability")).to_have_text(re.compile(r"^[01]\.\d{4}$"))
    expect(page.locator("#fake-probability")).to_be_visible()
    fake, real = (float(page.locator(f"#{kind}-probability").inner_text()) for kind in ("fake", "real"))
    assert round(fake + real, 4) == 1
    verdict = page.locator("#verdict").inner_text()
    assert verdict in ("Fake", "Real", "Probably generated", "Probably handwritten")
    return fake


def pad_png(page: Page) -> bytes:
    url = page.locator("#pad").evaluate("pad => pad.toDataURL('image/png')")
    return base64.b64decode(url.removeprefix("data:image/png;base64,"), validate=True)


def generated(page: Page, count: int) -> tuple[NDArray[np.uint8], list[float]]:
    """Wait for the answers of all generated digits; return the pixels and each P(fake | x), NaN for none."""
    expect(page.locator("#digit-grid .grid-digit[data-tone]")).to_have_count(count)
    pixels = page.locator("#digit-grid canvas").evaluate_all(
        "all => all.map(each => Array.from(each.getContext('2d').getImageData(0, 0, 28, 28).data)"
        ".filter((_, index) => index % 4 === 0))"
    )
    numbers = [
        float(number.replace("\u2013", "nan")) for number in page.locator(".grid-number").all_inner_texts()
    ]
    return np.array(pixels, np.uint8).reshape(count, 28, 28), numbers


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(DemoError, match="holds other files"):
        assemble_page(tmp_path, MODELS_FOLDER)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_without_npm_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DemoError, match=r"npm is missing.*nodejs\.org"):
        assemble_page(tmp_path / "page", MODELS_FOLDER)


@pytest.mark.node
@pytest.mark.usefixtures("runtime_at_hand")
def test_a_second_run_completes_and_cleans_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "page"
    assemble_page(folder, MODELS_FOLDER)
    complete = {path.name: path.read_bytes() for path in folder.iterdir()}
    (folder / assemble.MODEL).unlink()
    (folder / "of-an-older-version.mjs").write_text("old")
    assemble_page(folder, MODELS_FOLDER)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == complete
    (tmp_path / "file").touch()
    with pytest.raises(DemoError, match=r"cannot be written .*use another folder"):
        assemble_page(tmp_path / "file" / "page", MODELS_FOLDER)


@pytest.mark.node
def test_the_folder_is_a_static_space_with_the_models(page_folder: Path, product_models: Path) -> None:
    readme = (page_folder / "README.md").read_text(encoding="utf-8")
    assert re.match(r"---\n(.*\n)*sdk: static\n", readme)
    # Hugging Face refuses larger files in an ordinary push.
    assert all(path.stat().st_size < 10_000_000 for path in page_folder.iterdir())
    on_demand = json.loads((page_folder / MANIFEST).read_text(encoding="utf-8"))["on_demand"]
    assert [file["name"] for file in on_demand] == list(assemble.ON_DEMAND)
    for name in (assemble.MODEL, *assemble.ON_DEMAND):
        assert (page_folder / name).read_bytes() == (product_models / name).read_bytes()
        kept_offline = (page_folder / assemble.FILES).read_text(encoding="utf-8")
        assert (name in kept_offline) == (name == assemble.MODEL)


def texts_of(files: dict[str, bytes]) -> dict[str, dict[str, str]]:
    """Return the page's own texts in both languages."""
    code = files[assemble.SENTENCES].decode().removeprefix("export const TEXTS = ").removesuffix(";\n")
    texts: dict[str, dict[str, str]] = json.loads(code)
    return texts


def test_the_page_names_texts_that_exist_and_uses_its_own() -> None:
    examples = {path.name for path in EXAMPLES_FOLDER.iterdir()}
    files = {name: content.decode() for name, content in page_files().items() if name not in examples}
    texts = texts_of(page_files())
    del files[assemble.SENTENCES]
    groups = "|".join(path.stem for path in assemble.TEXTS_FOLDER.glob("*.json"))
    named = {key for source in files.values() for key in re.findall(rf'"((?:{groups})\.[\w-]+)"', source)}
    named -= {*files, *examples, assemble.FILES}
    assert named - set(texts) == set()
    own = json.loads((assemble.TEXTS_FOLDER / "static.json").read_text(encoding="utf-8"))
    assert set(own) - set(texts) == set()


NOISE_SCRIPT = """
const { defaultRandom } = await import(process.argv[1]);
const drawn = JSON.parse(process.argv[2]).map(([seed, count]) => {
    const random = defaultRandom(seed);
    return [Array.from(random.standardNormal(count)), random.integers(10, count)];
});
console.log(JSON.stringify(drawn));
"""


@pytest.mark.node
def test_a_seed_makes_the_noise_of_numpy() -> None:
    asked = [(seed, 300) for seed in (*range(50), 2**31 - 1, 2**31, 2**32 - 1)] + [(5, 50_000)]
    command = ["node", "--input-type=module", "-e", NOISE_SCRIPT, str(assemble.PAGE_FOLDER / "random.mjs")]
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
def test_check_answers_as_python_does(page: Page, product_engine: Engine, score: Score) -> None:
    for name, content in (
        ("larger-than-a-tile.png", picture_bytes((2100, 2100))),
        ("seven.jpg", encoded(Image.open(io.BytesIO(SEVEN)), "JPEG")),
        ("seven.png", SEVEN),
    ):
        upload(page, name, content)
        assert shown(page, name) == pytest.approx(score(content), abs=1e-4)
    answer = check_bytes(product_engine, "seven.png", SEVEN).answer
    reading = re.fullmatch(r"It reads as (\d) \((\d\.\d{4})\)\.", page.locator("#digit").inner_text())
    assert reading is not None
    assert int(reading[1]) == answer.digit
    assert float(reading[2]) == pytest.approx(answer.digit_probability, abs=1e-3)
    page.get_by_role("button", name="Clear").click()
    stroke(page, LINES, PAD)
    assert shown(page, "Your drawing") == pytest.approx(score(pad_png(page)), abs=1e-4)
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#verdict")).to_have_text("No picture yet")
    expect(page.locator("#seen")).to_be_hidden()
    assert Image.open(io.BytesIO(pad_png(page))).convert("L").getbbox() is None
    for kind in ("drop", "paste"):
        hand_over(page, {f"{kind}.png": SEVEN}, kind)
        assert shown(page, f"{kind}.png") == pytest.approx(score(SEVEN), abs=1e-4)


@pytest.mark.node
@pytest.mark.browser
def test_the_box_chooses_the_part_that_is_judged(page: Page, score: Score) -> None:
    def part() -> float:
        top, left, bottom, right = box_values(page)
        return score(encode_png(load_picture(SEVEN).array[top:bottom, left:right, 0]))

    def answered(wanted: float) -> None:
        expect(page.locator("#result:not([data-stale])")).to_be_visible()
        assert shown(page, "seven.png") == pytest.approx(wanted, abs=1e-4)

    upload(page, "seven.png", SEVEN)
    shown(page, "seven.png")
    expect(page.locator(".box-frame")).to_be_visible()
    automatic = box_values(page)
    drag(page, ".box-frame", (0.5, 0.5), (-15, 20))
    assert box_values(page) != automatic
    answered(part())
    assert serious(page) == []
    page.get_by_role("button", name="Automatic box").click()
    assert box_values(page) == automatic
    answered(score(SEVEN))
    blank = encode_png(np.full((200, 100), 255, np.uint8))
    upload(page, "blank.png", blank)
    expect(page.locator("#explanation")).to_contain_text("No ink was found.")
    assert box_values(page) == [0, 0, 200, 100]
    drag(page, ".box-layer", (0.2, 0.2), (60, 60))
    expect(page.locator("#explanation")).to_have_text("There is no ink in the box. Move it to the digit.")
    page.get_by_role("button", name="Clear").click()
    expect(page.locator(".box-frame")).to_be_hidden()
    stroke(page, LINES, PAD)
    shown(page, "Your drawing")
    expect(page.locator(".box-frame")).to_be_visible()
    expect(page.get_by_role("slider", name="Left edge of the box")).to_have_count(0)


@pytest.mark.node
@pytest.mark.browser
def test_what_cannot_be_judged_gets_a_sentence_and_no_number(page: Page) -> None:
    upload(page, "seven.png", SEVEN)
    shown(page, "seven.png")
    square = Image.new("L", (100, 100))
    square.paste(255, (20, 20, 80, 80))
    name = "<img src=x onerror=alert(1)>&amp;" + "a-long-name-" * 20 + ".png"
    for content, heading, sentence in (
        (encoded(square), "Not a digit", "gets no score"),
        (b"not a picture", "Cannot be judged", "no picture that this page can read; use PNG"),
        (SEVEN[:-20], "Cannot be judged", "damaged or cut short"),
        (encoded(square, "HEIC"), "Cannot be judged", "This page cannot read HEIC"),
        (b"", "Cannot be judged", "The file is empty"),
        (encoded(Image.new("1", (8200, 8200))), "Cannot be judged", "more than 67,000,000 pixels"),
    ):
        upload(page, name, content)
        expect(page.locator("#explanation")).to_contain_text(sentence)
        expect(page.locator("#verdict")).to_have_text(heading)
        expect(page.locator("#name")).to_have_text(name)
        for part in ("#numbers", "#scale", "#digit"):
            expect(page.locator(part)).to_be_hidden()
        assert overflow(page) <= 0


@pytest.mark.node
@pytest.mark.browser
def test_generate_makes_the_digits_that_python_makes(
    page: Page, served: Served, product_engine: Engine, score: Score, tmp_path: Path
) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=served.address)
    page.get_by_role("tab", name="Generate").click()
    expect(page.locator("#generator-size")).to_contain_text("generator.onnx: 1.2 MiB, downloaded once")
    page.get_by_role("combobox", name="Digit", exact=True).select_option("3")
    page.get_by_label("How many").fill("5")
    page.get_by_label("Seed", exact=True).fill("7")
    page.get_by_role("button", name="Generate", exact=True).click()
    pixels, numbers = generated(page, 5)
    wanted = product_engine.generate("generator", 5, 7, 3)
    # WebAssembly rounds a few pixels the other way.
    assert np.abs(pixels.astype(int) - wanted).max() <= 1
    assert np.mean(pixels != wanted) < 0.01
    for picture, number in zip(pixels, numbers, strict=True):
        assert number == pytest.approx(score(encoded(Image.fromarray(picture))), abs=1e-4)
    link = "#generate?digit=3&seed=7&count=5&generator=generator"
    page.get_by_role("button", name="Copy a link to these digits").click()
    expect(page.locator("#generate-status")).to_have_text("Link copied.")
    assert page.evaluate("navigator.clipboard.readText()") == served.address + link
    page.locator(".grid-digit").nth(1).click()
    expect(page).to_have_url(re.compile("#check$"))
    assert shown(page, "Made by generator, seed 7, number 2") == numbers[1]
    with page.expect_download() as download:
        page.get_by_role("link", name="Download this digit").click()
    assert download.value.suggested_filename == "generator-digit-3-seed-7-2-of-5.png"
    download.value.save_as(tmp_path / "digit.png")
    upload(page, "digit.png", (tmp_path / "digit.png").read_bytes())
    assert shown(page, "digit.png") == numbers[1]
    expect(page.locator("#save")).to_be_hidden()
    page.go_back()
    expect(page.locator("#digit-grid")).to_be_visible()
    assert page.url.endswith(link)
    page.get_by_role("button", name="Other digits").click()
    expect(page.get_by_label("Seed", exact=True)).not_to_have_value("7")
    for query in ("count=65", "digit=3&generator=mlp_generator"):
        page.goto("about:blank")
        page.goto(f"{served.address}#generate?{query}")
        expect(page.locator("#generate-status"), query).to_contain_text("does not have")
        expect(page.locator("#digit-grid"), query).to_be_hidden()


@pytest.mark.node
@pytest.mark.browser
def test_the_pair_is_watched_while_it_learns(page: Page, product_engine: Engine) -> None:
    page.goto(f"{page.url}#learn")
    expect(page.get_by_role("img", name="64 digits that the generator makes at step 0")).to_be_visible()
    expect(page.locator("#yours")).to_be_hidden()
    page.get_by_role("button", name="Draw a digit").click()
    expect(page.locator("#pad")).to_be_focused()
    upload(page, "seven.png", SEVEN)
    shown(page, "seven.png")
    scores = product_engine.history(product_engine.normalize(load_picture(SEVEN).array)[np.newaxis])[0]
    record = json.loads((MODELS_FOLDER / HISTORY_RECORD).read_text(encoding="utf-8"))
    page.get_by_role("tab", name="Watch it learn").click()
    page.get_by_role("button", name="See how it scored your digit (8.7 MiB)").click()
    expect(page.locator("#yours-probability")).to_be_visible()
    slider = page.get_by_role("slider", name="Training step")
    slider.focus()
    for index in (0, 1):
        step = f"Step {record['steps'][index]:,} of {record['steps'][-1]:,}"
        number = float(page.locator("#yours-probability").inner_text())
        assert number == pytest.approx(float(scores[index]), abs=2e-3)
        expect(page.locator("#step-is")).to_have_text(step)
        expect(slider).to_have_attribute("aria-valuetext", step)
        losses = [record[name][index] for name in ("discriminator_loss", "generator_loss")]
        expect(page.locator("#losses-at")).to_contain_text(
            f"discriminator {losses[0]:.3f}, generator {losses[1]:.3f}."
        )
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Home")
    page.get_by_role("button", name="Play").click()
    expect(page.locator("#step-is")).to_have_text("Step 46 of 46,900")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Play")).to_be_visible()


@pytest.mark.node
@pytest.mark.browser
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
    ):
        page.keyboard.press(key)
        expect(tab).to_be_focused()
        expect(tab).to_have_attribute("aria-selected", "true")
        assert page.url.endswith(address)
        expect(page.get_by_role("tabpanel")).to_have_count(1)
    page.go_back()
    expect(page.get_by_role("tabpanel", name="Watch it learn")).to_be_visible()


@pytest.mark.node
@pytest.mark.browser
def test_a_chinese_phone_shows_every_view_and_draws_with_a_finger(browser: Browser, served: Served) -> None:
    # Without reduced motion the panels would be examined while they fade in.
    page = browser.new_page(viewport=PHONE, has_touch=True, locale="zh-CN", reduced_motion="reduce")
    page.goto(served.address)
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    finger_stroke(page, PAD)
    expect(page.locator("#verdict")).to_have_text(re.compile("^(真|假|多半是(生成|手写)的)$"))
    drawn = Image.open(io.BytesIO(pad_png(page))).convert("L").getbbox()
    assert drawn is not None
    # 0.6 of the pad's 280 pixels and the brush; scrolling would have cut it short.
    assert drawn[3] - drawn[1] > 180
    assert page.evaluate("scrollY") == 0
    expect(page.locator("#camera")).to_have_attribute("capture", "environment")
    inspect(page)
    page.goto(f"{served.address}#generate?count=3&seed=7")
    generated(page, 3)
    inspect(page)
    page.locator("#tab-learn").click()
    page.locator("#yours-load").click()
    expect(page.locator("#yours-chart svg")).to_be_visible()
    expect(page.locator("#step-is")).to_have_text(re.compile("第 0 步.*46,900"))
    inspect(page)
    # A picture that comes in another view is checked.
    hand_over(page, {"seven.png": SEVEN}, "paste")
    expect(page.locator("#tab-check")).to_have_attribute("aria-selected", "true")
    page.close()


def inspect(page: Page) -> None:
    """Assert that nothing is in English, overflows, or stands in the way of a screen reader."""
    english = {entry["en"] for entry in texts_of(page_files()).values()}
    lines = page.locator("body").inner_text().splitlines()
    labels = page.locator("[aria-label]").evaluate_all("all => all.map(each => each.ariaLabel)")
    assert english & {line.strip() for line in [*lines, *labels]} == set()
    assert overflow(page) <= 0
    assert serious(page) == []


@pytest.mark.node
@pytest.mark.browser
@pytest.mark.usefixtures("runtime_at_hand")
def test_a_page_of_the_tutorial_says_so_and_leaves_out_a_view_that_lacks_a_file(
    tab: Page, smoke_models: Path, tmp_path: Path
) -> None:
    models = Path(shutil.copytree(smoke_models, tmp_path / "models"))
    with manifest_of(models) as manifest:
        del manifest["files"][f"{MLP_HISTORY}.onnx"], manifest["files"][HISTORY_PICTURE]
    assemble_page(tmp_path / "page", models)
    with serving(tmp_path / "page") as served, visit(tab, f"{served.address}#learn") as page:
        expect(page.get_by_role("tab")).to_have_text(["Check", "Generate"])
        page.locator("#view-check summary").click()
        expect(page.locator("#tutorial")).to_be_visible()
        expect(page.locator("#detector")).to_be_hidden()
        upload(page, "seven.png", SEVEN)
        shown(page, "seven.png")
        expect(page.locator("#thresholds")).to_have_text("Real up to 0.5000, fake above.")
        expect(page.locator("#digit")).to_be_hidden()
        page.goto(f"{served.address}#generate?count=3")
        generated(page, 3)
        options = page.locator("#option-generator option").all_inner_texts()
        assert options == ["mlp_generator: it chooses the digit"]
        expect(page.locator("#option-digit")).to_be_disabled()


@pytest.mark.node
@pytest.mark.browser
def test_a_stroke_is_judged_however_late_a_file_is(browser: Browser, served: Served) -> None:
    page = browser.new_page()
    with requests_held(page, f"**/{assemble.MODEL}"):
        with requests_held(page, "**/pad.mjs"):
            page.goto(served.address, wait_until="commit")
            # The pad is hidden until it can be drawn on.
            expect(page.get_by_role("heading", name="Touchstone")).to_be_visible()
            expect(page.locator(PAD)).to_be_hidden()
        stroke(page, LINES, PAD)
        expect(page.locator("#name")).to_have_text("Your drawing")
        expect(page.locator("#numbers")).to_be_hidden()
    shown(page, "Your drawing")
    page.close()


@pytest.mark.node
@pytest.mark.browser
@pytest.mark.parametrize(("file", "body"), [(assemble.MODEL, None), (RUNTIME_FILE, b"no gzip")])
def test_a_model_or_runtime_that_fails_is_reported(
    browser: Browser, served: Served, file: str, body: bytes | None
) -> None:
    page = browser.new_page(service_workers="block")
    options = {"status": 404} if body is None else {"body": body}
    page.route(f"**/{file}", lambda route: route.fulfill(**options))
    page.goto(served.address)
    upload(page, "seven.png", SEVEN)
    expect(page.locator("#ready")).to_contain_text("The model could not be loaded")
    expect(page.locator("#explanation")).to_have_text("The model could not be loaded; reload the page.")
    page.close()


@pytest.mark.node
@pytest.mark.browser
def test_a_view_or_its_file_that_fails_can_be_tried_again(browser: Browser, served: Served) -> None:
    # A service worker would answer in place of the network that is cut off here.
    page = browser.new_page(service_workers="block")
    page.route("**/learn.mjs", lambda route: route.abort())
    page.goto(f"{served.address}#learn")
    expect(page.locator("#unopened")).to_contain_text("This view could not be loaded")
    page.unroute_all()
    page.route(f"**/{HISTORY_RECORD}", lambda route: route.abort())
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#learn-status")).to_contain_text("history.json could not be loaded")
    page.unroute_all()
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#step-is")).to_have_text("Step 0 of 46,900")
    expect(page.locator("#learn-status")).to_be_empty()
    page.route("**/generator.onnx", lambda route: route.fulfill(body=b"another file"))
    page.goto(f"{served.address}#generate?count=2")
    expect(page.locator("#generate-status")).to_contain_text("does not belong to this version")
    page.unroute_all()
    page.get_by_role("button", name="Generate", exact=True).click()
    generated(page, 2)
    page.close()


@pytest.mark.node
@pytest.mark.browser
def test_the_page_works_without_a_network_once_loaded(page: Page, served: Served) -> None:
    upload(page, "seven.png", SEVEN)
    online = shown(page, "seven.png")
    expect(page.locator("#offline")).to_be_visible()
    page.goto(f"{served.address}#generate?count=2&seed=3")
    numbers = generated(page, 2)[1]
    page.get_by_role("tab", name="Watch it learn").click()
    expect(page.locator("#learn")).to_be_visible()
    page.context.set_offline(True)
    before = len(served.asked)
    page.goto(f"{served.address}#generate?count=2&seed=3")
    page.reload()
    assert generated(page, 2)[1] == numbers
    expect(page.locator("#generator-size")).to_have_text("generator.onnx is already on this device.")
    page.get_by_role("tab", name="Watch it learn").click()
    expect(page.locator("#step-is")).to_have_text("Step 0 of 46,900")
    page.get_by_role("tab", name="Check").click()
    upload(page, "again.png", SEVEN)
    assert shown(page, "again.png") == online
    # The browser itself may still look for a newer version.
    assert set(served.asked[before:]) <= {"/service-worker.js", "/files.js"}


@pytest.mark.node
@pytest.mark.browser
def test_a_newer_version_is_offered_and_replaces_every_file(
    browser: Browser, page_folder: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(page_folder, tmp_path / "page"))
    with serving(folder) as served:
        page = browser.new_page()
        page.goto(served.address)
        expect(page.locator("#offline")).to_be_visible()
        index = folder / "index.html"
        index.write_text(
            index.read_text(encoding="utf-8").replace("Touchstone</h1>", "Touchstone, newer</h1>")
        )
        files = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != assemble.FILES}
        (folder / assemble.FILES).write_text(kept(files))
        page.reload()
        expect(page.locator("h1")).to_have_text("Touchstone")
        page.get_by_role("button", name="Use it").click()
        expect(page.locator("h1")).to_have_text("Touchstone, newer")
        expect(page.locator("#update")).to_be_hidden()
        assert page.evaluate("caches.keys().then(names => names.length)") == 1
        page.close()
