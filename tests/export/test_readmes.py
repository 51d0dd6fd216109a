"""The generated READMEs are up to date."""

from pathlib import Path

import pytest

from export.cards import generated_readmes

READMES = generated_readmes()


@pytest.mark.parametrize("path", READMES, ids=lambda path: path.parent.name)
def test_a_generated_readme_is_up_to_date(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == READMES[path], "write it again: python -m export readme"
