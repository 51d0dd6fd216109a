"""What the app says, in English and in Chinese: JSON files with both languages of a text side by side.

A text is a fragment of HTML; `{names}` in it are places for values, which are escaped as they are filled in.
"""

import html
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

LANGUAGES: Final = ("en", "zh")


class Words:
    """The texts of one language."""

    def __init__(self, language: str, texts: Mapping[str, str], sentences: Mapping[str, str]) -> None:
        self.language = language
        self._texts = texts
        self._sentences = sentences

    def __call__(self, key: str, **values: object) -> str:
        """The text of a key, e.g. `area.clear`, as HTML; KeyError where it or a value is missing."""
        return self._texts[key].format_map({name: html.escape(str(each)) for name, each in values.items()})

    def sentence(self, english: str) -> str:
        """A sentence of an answer, which is in English, in this language where it is known; plain text."""
        return self._sentences.get(english, english)

    def group(self, prefix: str) -> dict[str, str]:
        """The texts whose keys begin with a prefix, by the rest of their keys."""
        return {key.removeprefix(prefix): text for key, text in self._texts.items() if key.startswith(prefix)}


def load_words() -> dict[str, Words]:
    """The texts of every language, by its name."""
    entries: dict[str, dict[str, str]] = {}
    for path in sorted(Path(__file__).parent.glob("*.json")):
        entries |= json.loads(path.read_text(encoding="utf-8"))
    sentences = [entry for key, entry in entries.items() if key.startswith("sentence.")]
    return {
        language: Words(
            language,
            {key: entry[language] for key, entry in entries.items()},
            {entry["en"]: entry[language] for entry in sentences},
        )
        for language in LANGUAGES
    }


def preferred_language(accepted: str | None) -> str:
    """`zh` where a browser's `Accept-Language` names Chinese first, as gradio's own texts do; else `en`."""
    first = (accepted or "").split(",")[0].strip().lower()
    return "zh" if first.startswith("zh") else "en"
