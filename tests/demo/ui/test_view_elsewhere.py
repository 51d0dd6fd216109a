"""*Use it elsewhere*, in a real browser against a real server, and what it says."""

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import pytest
from demo.ui.published import published_models
from playwright.sync_api import Browser, Page, expect

from demo.contract import EVALUATION_RECORD, MANIFEST
from demo.inference.engine import MODELS_FOLDER, Engine
from demo.snippets.programs import SHOWN_ADDRESS, programs
from demo.ui.texts import load_words
from demo.ui.views.elsewhere import elsewhere
from tests.support.accessibility import serious
from tests.support.driving import open_view, shown, stroke
from tests.support.tabs import both_sizes, on_a_phone

ENGLISH, CHINESE = (load_words()[language] for language in ("en", "zh"))
MOVED = "block => new Promise((done) => block.scrollLeft ? done() : block.addEventListener('scroll', done))"
"""Waits until a block has scrolled to the right."""
REPORT = json.loads((MODELS_FOLDER / EVALUATION_RECORD).read_text(encoding="utf-8"))


@pytest.fixture
def view(page: Page) -> Page:
    """The view, at both widths, with all that it holds."""
    open_view(page, "elsewhere")
    expect(page.locator("#elsewhere-card")).to_be_visible()
    return page


def test_the_card_says_what_the_evaluation_measured(engine: Engine) -> None:
    said = elsewhere(engine, ENGLISH)
    for kind, figures in REPORT["kinds"].items():
        assert ENGLISH(f"elsewhere.kind-{kind}") in said
        for name in ("auroc", "auroc_wild"):
            assert f"<td>{figures[name]['value']:.4f} " in said
    assert f"<dd>{REPORT['verdicts']['mnist']['fake']:.2%}</dd>" in said
    assert f"<dd>{REPORT['ece']['value']:.4f}</dd>" in said
    missed = [goal for goal in REPORT["goals"] if goal["reached"] == "no"]
    assert f"Of {len(REPORT['goals'])} goals it misses {len(missed)}," in said
    assert said.count("<td>missed</td>") == len(missed)


def test_every_goal_and_kind_of_the_report_is_said_in_both_languages() -> None:
    for words in (ENGLISH, CHINESE):
        assert {goal["what"] for goal in REPORT["goals"]} == set(words.group("elsewhere.goal-"))
        assert set(REPORT["kinds"]) == set(words.group("elsewhere.kind-"))


def test_the_contract_has_the_thresholds_of_the_file(engine: Engine) -> None:
    said = elsewhere(engine, ENGLISH)
    entry = engine.manifest.files["discriminator_from_image.onnx"]
    steps = re.search(r"<ol>(.*?)</ol>", said)
    assert steps is not None
    order = [re.sub(r"<.*?>", "", step) for step in re.findall(r"<li>(.*?)</li>", steps[1])]
    assert [each.split(" where")[0] for each in order] == ["not a digit", "fake", "real", "unsure otherwise"]
    for each, key in zip(order, ("in_domain", "fake", "real"), strict=False):
        assert f"{entry[f'{key}_threshold']:.4f}" in each


def test_every_tensor_and_every_published_picture_is_explained(engine: Engine) -> None:
    for words in (ENGLISH, CHINESE):
        said = elsewhere(engine, words)
        assert "<dd></dd>" not in said
        assert "<p></p>" not in said
        assert 'alt=""' not in said
        for file in engine.manifest.files:
            assert f'"models/{file}"' in said or not file.endswith((".onnx", ".png"))


def test_without_an_evaluation_there_is_no_card(tmp_path: Path) -> None:
    models = Path(shutil.copytree(MODELS_FOLDER, tmp_path / "models"))
    manifest = json.loads((models / MANIFEST).read_text(encoding="utf-8"))
    del manifest["files"][EVALUATION_RECORD]
    (models / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    said = elsewhere(Engine.load(models, "cpu"), ENGLISH)
    assert "elsewhere-card" not in said
    assert "<img" not in said
    assert 'id="elsewhere-programs"' in said


@pytest.mark.browser
def test_nothing_is_fetched_before_somebody_looks_at_it(page: Page) -> None:
    asked: list[str] = []
    page.context.on("request", lambda sent: asked.append(urlsplit(sent.url).path))
    page.reload()
    expect(page.locator("#area canvas")).to_be_visible()
    stroke(page, [(0.3, 0.2), (0.7, 0.2), (0.45, 0.8)])
    shown(page, "Your drawing")
    assert page.locator(".elsewhere").count() == 0
    open_view(page, "elsewhere")
    expect(page.locator("#elsewhere-card")).to_be_visible()
    assert not [path for path in asked if path.startswith("/models/")]
    page.get_by_role("link", name="How far the number can be trusted").click()
    expect(page.get_by_role("heading", name="How far the number can be trusted")).to_be_in_viewport()
    arrived = "image => image.decode().then(() => image.naturalWidth)"
    for plot in page.locator(".plots img").all():
        plot.scroll_into_view_if_needed()
        assert plot.evaluate(arrived) == int(plot.get_attribute("width") or 0)
    assert not [path for path in asked if "/models/zoo-" in path]
    made = page.locator(".made")
    made.locator("summary").click()
    assert made.locator("img").first.evaluate(arrived) > 0


@pytest.mark.browser
def test_each_model_is_downloaded_and_described_as_it_was_published(
    view: Page, product_engine: Engine
) -> None:
    for model in published_models(product_engine):
        card = view.locator(".files li").filter(has=view.get_by_role("link", name=model.file, exact=True))
        with view.expect_download() as download:
            card.get_by_role("link").click()
        assert download.value.suggested_filename == model.file
        content = Path(download.value.path()).read_bytes()
        checksum = hashlib.sha256(content).hexdigest()
        assert checksum == product_engine.manifest.files[model.file]["sha256"]
        expect(card.locator(".checksum")).to_have_text(checksum)
        expect(card).to_contain_text(f"{len(content):,} bytes")
        card.locator("summary").click()
        facts = card.locator("details")
        for tensor in (*model.inputs, *model.outputs):
            expect(facts).to_contain_text(f"{tensor.name} {tensor.kind}")
        expect(facts).to_contain_text(model.metadata["licence"])
        expect(facts).to_contain_text(f"opset{model.opset}")


@pytest.mark.browser
@on_a_phone
def test_the_programs_are_the_files_that_are_tested_and_can_be_copied(view: Page) -> None:
    own = urlsplit(view.url)
    view.context.grant_permissions(["clipboard-read", "clipboard-write"])
    expect(view.locator("code[data-address]")).to_have_count(0)
    for program in programs():
        block = view.locator(f"#{program.name}-program")
        block.locator("xpath=ancestor::details").evaluate("part => { part.open = true; }")
        text = program.path.read_text(encoding="utf-8").rstrip()
        text = text.replace(SHOWN_ADDRESS, f"{own.scheme}://{own.netloc}")
        assert block.locator("code").text_content() == text
        block.get_by_role("button").click()
        expect(block.get_by_role("button")).to_have_text("Copied")
        assert view.evaluate("navigator.clipboard.readText()") == text
        commands = "\n".join(filter(None, (program.prepare, program.run)))
        assert view.locator(f"#{program.name}-commands code").all_text_contents() == [commands] * bool(
            commands
        )
    expect(view.locator(".copied[role=status]")).to_have_text("Copied")


@pytest.mark.browser
@on_a_phone
def test_without_a_clipboard_what_is_selected_is_copied(view: Page) -> None:
    view.context.grant_permissions(["clipboard-read", "clipboard-write"])
    # As of a page over plain http.
    view.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('denied')); }")
    block = view.locator("#python-program")
    block.get_by_role("button").click()
    expect(view.locator(".copied")).to_have_text("Copied")
    assert view.evaluate("navigator.clipboard.readText()") == block.locator("code").text_content()


@pytest.mark.browser
@both_sizes
def test_wide_code_and_tables_scroll_by_themselves(view: Page) -> None:
    view.locator(".elsewhere details").evaluate_all("all => all.forEach(part => { part.open = true; })")
    assert view.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    blocks = view.locator(".elsewhere pre, .elsewhere .table").all()
    assert len(blocks) > len(programs())
    moved = 0
    for block in blocks:
        assert block.get_attribute("aria-label")
        block.focus()
        expect(block).to_be_focused()
        if block.evaluate("block => block.scrollWidth > block.clientWidth"):
            view.keyboard.press("ArrowRight")
            block.evaluate(MOVED)
            moved += 1
    assert moved or view.evaluate("innerWidth") > 500


@pytest.mark.node
@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@both_sizes
def test_nothing_serious_stands_in_the_way_of_a_screen_reader(
    view: Page, scheme: Literal["light", "dark"]
) -> None:
    view.emulate_media(color_scheme=scheme)
    # gradio chooses light or dark as it loads.
    view.reload()
    expect(view.locator("#elsewhere-card")).to_be_visible()
    view.locator(".elsewhere details").evaluate_all("all => all.forEach(part => { part.open = true; })")
    assert serious(view) == []


@pytest.mark.browser
def test_it_speaks_chinese_too(browser: Browser, server: str) -> None:
    page = browser.new_page(locale="zh-CN")
    page.goto(f"{server}?view=elsewhere")
    expect(page.get_by_role("heading", name=CHINESE("elsewhere.card"))).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("^复制")).first).to_be_visible()
    page.close()
