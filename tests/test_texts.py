"""The texts: whole in every language, used, and safe to fill in."""

import json
import re
import string
from pathlib import Path

import pytest

import demo
from demo import archive, images
from demo.texts import LANGUAGES, load_words, preferred_language
from demo.views import many

FOLDER = Path(demo.__file__).parent
FILES = sorted((FOLDER / "texts").glob("*.json"))
ENTRIES = {key: entry for path in FILES for key, entry in json.loads(path.read_text("utf-8")).items()}


SENTENCES = {
    *images.REFUSALS.values(),
    *(images.EMPTY, images.MISSING, images.SEVERAL_FRAMES, images.TOO_LARGE),
    *(archive.DAMAGED, archive.NO_PICTURES, archive.TOO_LONG_LIST, archive.TOO_MUCH, archive.LOCKED),
    *(archive.OTHER_METHOD, archive.MEMBER_DAMAGED, archive.NESTED),
    *many.REFUSALS.values(),
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


@pytest.mark.parametrize("key", ENTRIES)
def test_a_text_is_used(key: str) -> None:
    sources = [path for ending in ("py", "js", "html") for path in FOLDER.rglob(f"*.{ending}")]
    code = "\n".join(path.read_text("utf-8") for path in sources if "embed" not in path.parts)
    # A key may be put together in the code, from a part that is written there and one that is a value.
    parts = re.split(r"(?<=[.-])", key)
    starts = ["".join(parts[:count]) for count in range(1, len(parts))]
    if key.startswith("sentence."):
        assert ENTRIES[key]["en"] in SENTENCES
        return
    if key in code or any(f"{start}{{" in code for start in starts):
        return
    group, name = key.split(".", 1)
    assert f'both("{group}.")' in code
    assert re.search(rf"words\.{name}\b|[\"']{name}[\"']", code)


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
