"""No library of the app's tells anybody anything, and none writes where it was not told to."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from demo.errors import UsageError

SWITCHES: Final = {
    "DO_NOT_TRACK": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "ORT_DISABLE_TELEMETRY": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
}
"""What each library reads, of the environment, before it tells its makers of its use."""


def disable_telemetry() -> None:
    """To be called before the first of those libraries is imported: some read the switch then."""
    os.environ.update(SWITCHES)


@contextmanager
def without_plots() -> Iterator[None]:
    """Within it matplotlib cannot be imported: gradio would for each event, and it writes into one's home."""
    missing = object()
    before = sys.modules.get("matplotlib", missing)
    sys.modules["matplotlib"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules["matplotlib"]
        if before is not missing:
            sys.modules["matplotlib"] = before  # type: ignore[assignment]


def temporary_folder() -> Path:
    """The folder for temporary files, which can be written.

    Python itself would take another one in silence, the working folder at last.

    Raises:
        UsageError: the one that `TMPDIR` names cannot be written, or there is none.
    """
    named = os.environ.get("TMPDIR")
    try:
        with tempfile.TemporaryFile(dir=named or usual_folder()) as probe:
            probe.write(b" ")
    except OSError as error:
        where = f"TMPDIR ({named})" if named else "There is no temporary folder; its usual place"
        raise UsageError(
            f"{where} cannot be written ({error.strerror or error}); name a folder that can be with TMPDIR."
        ) from error
    return Path(named or usual_folder())


def usual_folder() -> str:
    """Python's choice, but never the working folder; raises OSError where it has no other."""
    chosen = tempfile.gettempdir()
    if Path(chosen).resolve() == Path.cwd().resolve():
        raise FileNotFoundError("none of the usual ones can be written")
    return chosen
