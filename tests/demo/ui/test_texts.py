"""The texts: whole in every language, used, and safe to fill in."""

import asyncio
import json
import re
import string
from dataclasses import asdict, astuple, replace
from pathlib import Path
from typing import Any, ClassVar

import gradio as gr
import pytest
from demo.insight.distributions import load_distributions
from demo.insight.trace import load_recording
from demo.ui.views.convince import Chosen, Desk, convince_panel

import demo
from demo.api.endpoints import generate_files
from demo.batch import archive
from demo.decoder import client, images
from demo.doors import uploads
from demo.inference import check
from demo.inference.engine import Engine
from demo.insight.grid import Recipe, read_recipe
from demo.ui import texts
from demo.ui.app import build_app
from demo.ui.html import VERDICTS, result_panel
from demo.ui.page import Page
from demo.ui.texts import LANGUAGES, load_words, preferred_language
from demo.ui.views import many
from demo.ui.views.check import REFUSALS
from demo.ui.views.elsewhere import elsewhere
from demo.ui.views.one_step import one_step_panel
from demo.ui.views.why import reasons

FOLDER = Path(demo.__file__).parent
FILES = sorted((FOLDER / "texts").glob("*.json"))
ENTRIES = {key: entry for path in FILES for key, entry in json.loads(path.read_text("utf-8")).items()}

RECIPE = Recipe("mlp_generator", None, 3, 2)
WRONG = {"generator": "none", "digit": "ten", "count": "0", "seed": "-1", "index": "-1"}

SENTENCES = {
    *images.REFUSALS.values(),
    check.NOT_NORMALIZED,
    *(images.EMPTY, images.MISSING, images.SEVERAL_FRAMES, images.TOO_LARGE),
    *(client.NOT_STARTED, client.NOT_YET, client.DIED, client.too_long(client.TIME_LIMIT)),
    client.NO_ROOM,
    *(archive.DAMAGED, archive.NO_PICTURES, archive.TOO_LONG_LIST, archive.TOO_MUCH, archive.LOCKED),
    *(archive.OTHER_METHOD, archive.MEMBER_DAMAGED, archive.NESTED),
    *many.REFUSALS.values(),
    uploads.GONE,
}
"""What answers say of pictures that cannot be judged, where it does not depend on the picture."""


def places(text: str) -> set[str | None]:
    """The names of the values that a text takes."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def tags(text: str) -> list[str]:
    return sorted(re.findall(r"</?\w+", text))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_holds_its_own_keys_once(path: Path) -> None:
    pairs = json.loads(path.read_text("utf-8"), object_pairs_hook=list)
    keys = [key for key, _ in pairs]
    assert len(set(keys)) == len(keys)
    assert {key.split(".")[0] for key in keys} <= {path.stem}


@pytest.mark.parametrize("key", ENTRIES)
def test_a_text_says_the_same_in_every_language(key: str) -> None:
    entry = ENTRIES[key]
    assert tuple(entry) == LANGUAGES
    assert all(entry.values())
    assert places(entry["en"]) == places(entry["zh"])
    assert tags(entry["en"]) == tags(entry["zh"])


class NotingWords(texts.Words):
    """Words that note which of them are asked for."""

    asked: ClassVar[set[str]] = set()

    def __call__(self, key: str, **values: object) -> str:
        self.asked.add(key)
        return super().__call__(key, **values)

    def group(self, prefix: str) -> dict[str, str]:
        return NotingGroup(self, prefix, super().group(prefix))


class NotingGroup(dict[str, str]):
    """The same of a group. What a script is given as a whole is not asked for."""

    def __init__(self, words: NotingWords, prefix: str, group: dict[str, str]) -> None:
        super().__init__(group)
        self.words, self.prefix = words, prefix

    def get(self, name: str, default: Any = None) -> Any:
        if name in self:
            self.words.asked.add(self.prefix + name)
        return super().get(name, default)


@pytest.fixture(scope="module")
def asked(engine: Engine) -> set[str]:
    """The keys that the page asks for as it is built, and those that its panels put together."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(texts, "Words", NotingWords)
        patch.setattr(NotingWords, "asked", set())
        page = asyncio.run(built(engine))
        for words in load_words().values():
            render_panels(page, words)
            for reason in REFUSALS:
                words(f"check.refuse-{reason}", limit=0)
            for asked in (WRONG, asdict(RECIPE) | {"digit": 3}):
                for name, *_ in map(astuple, read_recipe(engine, asked)[1]):
                    words(f"generate.bad-{name}", asked="", used="", largest_seed=0, largest_count=0)
        return NotingWords.asked


async def built(engine: Engine) -> Page:
    """A page, after the app was built once. A coroutine, or gradio would make loops and not close them."""
    build_app(engine)
    with gr.Blocks():
        return Page(engine)


def render_panels(page: Page, words: texts.Words) -> None:
    """Every panel whose code puts keys together, of answers of every kind."""
    engine = page.engine
    files = generate_files(engine, RECIPE.generator, RECIPE.count, RECIPE.seed, RECIPE.digit)
    checked, _ = files[0]
    for verdict in VERDICTS:
        answer = replace(checked.answer, verdict=verdict)
        result_panel(engine, replace(checked, answer=answer), words)
    reasons(page, load_distributions(engine.manifest, engine.model), checked, words)
    desk = Desk()
    laid = desk.lay(desk.ask(), Chosen.of(RECIPE, files), files)
    assert laid is not None
    convince_panel(engine, laid, words)
    recording = load_recording(engine.manifest)
    assert recording is not None
    one_step_panel(recording, words)
    elsewhere(engine, words)


def test_every_text_is_used(asked: set[str]) -> None:
    """Asked for by what was rendered, written out in the code, or by its name in a widget's script."""
    code = "".join(path.read_text("utf-8") for path in FOLDER.rglob("*.py"))
    widgets = [path for ending in ("js", "html") for path in (FOLDER / "ui" / "widgets").glob(f"*.{ending}")]
    scripts = "".join(path.read_text("utf-8") for path in widgets)

    def is_used(key: str) -> bool:
        group, name = key.split(".", 1)
        if group == "sentence":
            return ENTRIES[key]["en"] in SENTENCES
        given = f'both("{group}.")' in code
        return (
            key in asked
            or f'"{key}"' in code
            or f"'{key}'" in code
            or (given and bool(re.search(rf"words\.{name}\b|[\"']{name}[\"']", scripts)))
        )

    assert [key for key in ENTRIES if not is_used(key)] == []


def test_every_sentence_is_said_in_the_language_of_the_page() -> None:
    words = load_words()
    for sentence in SENTENCES:
        assert words["en"].sentence(sentence) == sentence
        assert re.search(r"[\u4e00-\u9fff]", words["zh"].sentence(sentence)), sentence
    assert words["zh"].sentence("Not known.") == "Not known."


def test_values_are_filled_in_as_text() -> None:
    words = load_words()["en"]
    assert words("wall.save-name", name="<b>{x}</b>") == "Save &lt;b&gt;{x}&lt;/b&gt;"
    with pytest.raises(KeyError):
        words("wall.save-name")
    with pytest.raises(KeyError):
        words("wall.nothing")


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("en-US,zh;q=0.9", "en"),
        ("zh-CN,en;q=0.8", "zh"),
        ("ZH", "zh"),
        ("de", "en"),
    ],
)
def test_the_language_is_the_one_that_the_browser_names_first(accepted: str | None, language: str) -> None:
    assert preferred_language(accepted) == language
