"""The texts: complete in both languages, used, and safe to fill in."""

import asyncio
import json
import re
import string
from dataclasses import astuple, replace
from pathlib import Path

import gradio as gr
import pytest

from demo.api import uploads
from demo.api.results import checked_digits
from demo.batch import archive
from demo.contract import NOT_HANDWRITING, REASONS
from demo.decoder import client, images
from demo.inference import check
from demo.inference.engine import Engine
from demo.insight.grid import GenerateParams, read_params
from demo.insight.learning import load_recording
from demo.insight.search import search
from demo.insight.why import load_distributions
from demo.ui import texts as texts_package
from demo.ui.app import build_app
from demo.ui.html import VERDICTS, result_panel
from demo.ui.page import Page
from demo.ui.texts import LANGUAGES, load_texts, preferred_language
from demo.ui.views import many
from demo.ui.views.check import REFUSALS
from demo.ui.views.elsewhere import elsewhere
from demo.ui.views.one_step import STAGES, one_step_panel
from demo.ui.views.search import search_panel
from demo.ui.views.why import reasons

FOLDER = Path(texts_package.__file__).parent
FILES = sorted(FOLDER.glob("*.json"))
ENTRIES = {key: entry for path in FILES for key, entry in json.loads(path.read_text("utf-8")).items()}

SENTENCES = {
    *client.REFUSALS.values(),
    check.NOT_NORMALIZED,
    *(images.EMPTY, images.MISSING, images.TOO_LARGE, client.SEVERAL_FRAMES),
    *(client.NOT_STARTED, client.DIED, client.NO_ROOM, client.too_long(client.TIME_LIMIT)),
    *(archive.DAMAGED, archive.NO_PICTURES, archive.TOO_MUCH, archive.LOCKED),
    *(archive.MEMBER_DAMAGED, archive.NESTED),
    *many.REFUSALS.values(),
    uploads.GONE,
}
"""What answers say about pictures that cannot be judged, unless it depends on the picture."""


def placeholders(text: str) -> set[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def tags(text: str) -> list[str]:
    return sorted(re.findall(r"</?\w+", text))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_texts_have_the_same_placeholders_and_tags_in_both_languages(path: Path) -> None:
    pairs = json.loads(path.read_text("utf-8"), object_pairs_hook=list)
    keys = [key for key, _ in pairs]
    assert len(set(keys)) == len(keys)
    assert {key.split(".")[0] for key in keys} == {path.stem}
    for key, entry in pairs:
        texts = dict(entry)
        assert tuple(texts) == LANGUAGES, key
        assert all(texts.values()), key
        assert placeholders(texts["en"]) == placeholders(texts["zh"]), key
        assert tags(texts["en"]) == tags(texts["zh"]), key


def test_every_text_is_used() -> None:
    """A text is used if its key is in the code, filled in by an f-string, or given to a script by name."""
    demo = FOLDER.parents[1]
    sources = [
        *demo.rglob("*.py"),
        *(demo / "static_page").rglob("*.mjs"),
        *(demo / "static_page").rglob("*.html"),
    ]
    code = "".join(path.read_text("utf-8") for path in sources)
    widgets = [path for ending in ("js", "html") for path in (FOLDER.parent / "widgets").glob(f"*.{ending}")]
    scripts = "".join(path.read_text("utf-8") for path in widgets)
    groups = set(re.findall(r'(?:by_language|group)\("([a-z.-]+)"\)', code))
    literals = set(re.findall(r"""["']([a-z]+\.[\w{} .-]+)["']""", code))
    patterns = [re.compile(re.sub(r"\\{.*?\\}", ".+", re.escape(each))) for each in literals]

    def is_used(key: str) -> bool:
        group, name = key.split(".", 1)
        if group == "sentence":
            return ENTRIES[key]["en"] in SENTENCES
        if f"{group}." in groups and group != "verdict":
            return bool(re.search(rf"texts\.{name}\b|[\"']{name}[\"']|{key}", scripts + code))
        return any(map(key.startswith, groups)) or any(each.fullmatch(key) for each in patterns)

    # Those of the static page are tested there.
    assert [key for key in ENTRIES if not key.startswith("static.") and not is_used(key)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_panel_has_its_texts(engine: Engine, language: str) -> None:
    async def build() -> Page:
        build_app(engine)
        with gr.Blocks():
            return Page(engine)

    # In a coroutine, because without a running loop Gradio makes one that is never closed.
    page = asyncio.run(build())
    text = load_texts()[language]
    params = GenerateParams("mlp_generator", None, 3, 2)
    files = checked_digits(engine, params.generator, params.count, params.seed, params.digit)
    checked, _ = files[0]
    for reason in (*REASONS[1:], NOT_HANDWRITING):
        result_panel(engine, replace(checked, answer=replace(checked.answer, reason=reason)), text)
    for verdict in VERDICTS.keys() - {"not a digit"}:
        result_panel(engine, replace(checked, answer=replace(checked.answer, verdict=verdict)), text)
    reasons(page, load_distributions(engine.manifest, engine.model), checked, text)
    search_panel(engine, params, [next(search(engine, params))], 1, text)
    elsewhere(engine, text)
    for reason in REFUSALS:
        text(f"check.refuse-{reason}", limit=0)
    for wrong in (
        {"generator": "none", "digit": "ten", "count": "0", "seed": "-1", "index": "-1"},
        {"generator": "mlp_generator", "digit": "3"},
    ):
        for name, given, used in map(astuple, read_params(engine, wrong)[1]):
            text(f"generate.bad-{name}", asked=given, used=used, largest_seed=0, largest_count=0)
    recording = load_recording(engine.manifest)
    assert recording is not None
    panel = one_step_panel(recording, text)
    assert panel.count("data-explains=") == len(recording["steps"]) * len(STAGES)
    assert all(f"{step['generator_gradient']:.4f}" in panel for step in recording["steps"])
    assert "0.00001" in panel


def test_every_message_is_translated() -> None:
    texts = load_texts()
    for sentence in SENTENCES:
        assert texts["en"].sentence(sentence) == sentence
        assert re.search(r"[\u4e00-\u9fff]", texts["zh"].sentence(sentence)), sentence
    assert texts["zh"].sentence("Not known.") == "Not known."


def test_values_are_escaped() -> None:
    text = load_texts()["en"]
    assert text("grid.save-name", name="<b>{x}</b>") == "Save &lt;b&gt;{x}&lt;/b&gt;"
    with pytest.raises(KeyError):
        text("grid.save-name")


def test_the_browsers_first_language_decides() -> None:
    assert {preferred_language(each) for each in (None, "", "en-US,zh;q=0.9", "de")} == {"en"}
    assert preferred_language("zh-CN,en;q=0.8") == preferred_language("ZH") == "zh"
