"""Style sheets, scripts and example pictures that the app and the static page share."""

import re
from pathlib import Path
from typing import Final

SHARED_FOLDER: Final = Path(__file__).parent
EXAMPLES_FOLDER: Final = Path(__file__).parents[2] / "examples"


def shared_script(*names: str) -> str:
    """Return modules of this folder as plain functions, for a `js_on_load`, which cannot import or export."""
    sources = ((SHARED_FOLDER / name).read_text(encoding="utf-8") for name in names)
    return "\n".join(re.sub(r"^export ", "", source, flags=re.MULTILINE) for source in sources)
