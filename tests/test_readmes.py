"""The documents: links lead somewhere, and the Chinese README mirrors the English one."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    path.relative_to(ROOT)
    for path in ROOT.rglob("*.md")
    # Templates of generated documents have links of the documents.
    if not {"node_modules", "runs", "texts"} & set(path.parts)
]
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r'\]\(([^)\s]+)\)|(?:src|srcset|href)="([^"]+)"')
NUMBER = re.compile(r"\d[\d,.]*\d|\d")


def read(path: str | Path) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def links(text: str) -> list[str]:
    """Return the links of a text to other places in the repository."""
    found = [first or second for first, second in LINK.findall(FENCED.sub("", text))]
    return [link for link in found if not re.match(r"[a-z]+:", link)]


def anchors(text: str) -> set[str]:
    """Return the names that GitHub gives to the headings."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_links_lead_somewhere(document: Path) -> None:
    for link in links(read(document)):
        path, _, anchor = link.partition("#")
        target = (ROOT / document.parent / path) if path else ROOT / document
        assert target.exists(), link
        assert not anchor or anchor in anchors(read(target)), link


def outline(text: str) -> list[object]:
    """Return what two translations of a text share: code, the kinds of lines, tables' figures and links."""
    blocks = [re.sub(r"\s+#.*", "", block) for _, block in FENCED.findall(text)]
    outside = FENCED.sub("", text)
    lines = [line for line in outside.splitlines() if line.startswith(("#", "|", "- "))]
    shape = [(re.match(r"#+|\||-", line) or [""])[0] for line in lines]
    figures = [NUMBER.findall(line) for line in lines if line.startswith("|")]
    return [
        blocks,
        shape,
        figures,
        [link for link in links(text) if "README.zh-CN" not in link and link != "README.md"],
    ]


def test_the_chinese_readme_mirrors_the_english_one() -> None:
    assert outline(read("README.zh-CN.md")) == outline(read("README.md"))


def test_the_readme_is_one_page() -> None:
    text = read("README.md")
    assert len(text.splitlines()) <= 200
    assert len(text.encode()) <= 10_000
