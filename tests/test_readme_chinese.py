"""The two READMEs: the Chinese one gives the English one's commands and figures; all links hold."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ENGLISH = (ROOT / "README.md").read_text(encoding="utf-8")
CHINESE = (ROOT / "README.zh-CN.md").read_text(encoding="utf-8")
BOTH = pytest.mark.parametrize("text", [ENGLISH, CHINESE], ids=["English", "Chinese"])

FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r'\]\(([^)\s]+)\)|(?:src|srcset|href)="([^"]+)"')
FIGURE = re.compile(r"\d*(?:,\d{3})*\.\d+|\d+(?:,\d{3})+")
"""Numbers with a decimal point, or with commas between their thousands."""


def commands(text: str) -> list[str]:
    """The lines of the sh blocks, without the comments beside them: those are in the reader's language."""
    blocks = [block for language, block in FENCED.findall(text) if language == "sh"]
    return [re.sub(r"\s+#.*", "", line) for block in blocks for line in block.splitlines()]


def figures(text: str) -> list[str]:
    return FIGURE.findall(text)


def rows(text: str) -> set[tuple[str, ...]]:
    """The figures of each table row that has some, in their order."""
    return {tuple(figures(line)) for line in text.splitlines() if line.startswith("|")} - {()}


def links(text: str) -> list[str]:
    """Where the text leads inside the repository."""
    targets = [first or second for first, second in LINK.findall(FENCED.sub("", text))]
    return [target for target in targets if "://" not in target]


def anchors(text: str) -> set[str]:
    """The names that GitHub gives to the headings."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_chinese_readme_gives_the_same_commands() -> None:
    assert commands(CHINESE)
    assert sorted(set(commands(CHINESE))) == sorted(set(commands(ENGLISH)))


def test_every_other_block_is_the_english_one() -> None:
    blocks = [block for language, block in FENCED.findall(CHINESE) if language != "sh"]
    assert blocks
    assert [block for block in blocks if block not in ENGLISH] == []


def test_every_name_in_code_is_in_the_english_one_or_links_to_a_file() -> None:
    outside = re.sub(r"\[`[^`]+`\]\(", "", FENCED.sub("", CHINESE))
    spans = re.findall(r"`([^`]+)`", outside)
    assert spans
    english = " ".join(ENGLISH.split())
    assert [span for span in spans if span not in english] == []


def test_every_figure_is_in_the_english_one() -> None:
    assert figures(CHINESE)
    assert set(figures(CHINESE)) <= set(figures(ENGLISH))


def test_every_row_of_figures_is_in_the_english_one() -> None:
    assert len(rows(CHINESE)) > 10
    assert rows(CHINESE) <= rows(ENGLISH)


@BOTH
def test_what_is_linked_is_there(text: str) -> None:
    assert links(text)
    paths = {target.partition("#")[0] for target in links(text)} - {""}
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []


@BOTH
def test_every_section_that_is_linked_is_there(text: str) -> None:
    of = {"": anchors(text), "README.md": anchors(ENGLISH), "README.zh-CN.md": anchors(CHINESE)}
    parts = [target.partition("#") for target in links(text)]
    assert [anchor for path, hash_sign, anchor in parts if hash_sign and anchor not in of[path]] == []
