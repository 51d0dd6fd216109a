"""The page's texts in English and Chinese: JSON files with both languages of each text side by side.

A text is an HTML fragment. `{name}` in it is a placeholder for a value, which is escaped.
"""

import html
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

LANGUAGES: Final = ("en", "zh")


class Texts:
    """The texts of one language."""

    def __init__(self, texts: Mapping[str, str], sentences: Mapping[str, str]) -> None:
        self._texts = texts
        self._sentences = sentences

    def __call__(self, key: str, **values: object) -> str:
        """Return a text such as `area.clear` as HTML; KeyError if the key or a value is missing."""
        return self._texts[key].format_map({name: html.escape(str(each)) for name, each in values.items()})

    def sentence(self, english: str) -> str:
        """Translate a sentence of an answer; plain text, in English if no translation is known."""
        return self._sentences.get(english, english)

    def group(self, prefix: str) -> dict[str, str]:
        """Return the texts whose keys start with a prefix, keyed by the rest."""
        return {key.removeprefix(prefix): text for key, text in self._texts.items() if key.startswith(prefix)}


def load_texts() -> dict[str, Texts]:
    """Load the texts of every language."""
    entries: dict[str, dict[str, str]] = {}
    for path in sorted(Path(__file__).parent.glob("*.json")):
        entries |= json.loads(path.read_text(encoding="utf-8"))
    return {
        language: Texts(
            {key: entry[language] for key, entry in entries.items()},
            {entry["en"]: entry[language] for entry in entries.values()},
        )
        for language in LANGUAGES
    }


def preferred_language(accepted: str | None) -> str:
    """Return `zh` if an `Accept-Language` header names Chinese first, else `en`, as Gradio does."""
    first = (accepted or "").split(",")[0].strip().lower()
    return "zh" if first.startswith("zh") else "en"
