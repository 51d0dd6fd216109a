"""Models folders to be damaged."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from demo.contract import MANIFEST


@contextmanager
def manifest_of(models: Path) -> Iterator[dict[str, Any]]:
    """Yield the manifest of a models folder, and write it back with what was changed."""
    manifest: dict[str, Any] = json.loads((models / MANIFEST).read_text(encoding="utf-8"))
    yield manifest
    (models / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
