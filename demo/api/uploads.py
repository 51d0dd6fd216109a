"""Uploaded files: only they are opened, and they are removed after use.

Gradio accepts any path in its upload folder, opens a file that is named without `meta`, and fetches a path
that is an address. Here a path is compared, as text, with those that the app returned for uploads. It holds a
256-bit hash of the content and a secret of the installation, so nobody can guess the path of another's file.
"""

import asyncio
import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from starlette.exceptions import HTTPException

from demo.api import limits
from demo.api.gradio_private import drop_unfetched_answers
from demo.errors import UsageError

if TYPE_CHECKING:
    import gradio as gr

FILE_META: Final = {"_type": "gradio.FileData"}
NOT_UPLOADED: Final = (
    "Only uploaded files are read; upload the file and send the path that the upload returned."
)
NOT_KEPT: Final = "The file cannot be kept here now; try again in some minutes."
GONE: Final = "The file is no longer here; choose it again and send it."


@contextlib.contextmanager
def uploads_folder() -> Iterator[Path]:
    """Make a new folder for uploads, for a gradio that is imported within; remove it afterwards.

    It lies in the folder that `GRADIO_TEMP_DIR` names, if any, where other files are left alone.

    Raises:
        UsageError: that folder cannot be written.
    """
    given = os.environ.get("GRADIO_TEMP_DIR") or None
    try:
        made = tempfile.TemporaryDirectory(prefix="touchstone-", dir=given, ignore_cleanup_errors=True)
    except OSError as error:
        raise UsageError(
            f"GRADIO_TEMP_DIR ({given}) cannot be written ({error.strerror}); name another folder."
        ) from error
    with made as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder
        yield Path(folder)


def uploaded_file(app: "gr.Blocks", folder: Path, value: object) -> dict[str, Any]:
    """Return what gradio needs of an upload, or raise HTTPException: 422 for other files, 410 if removed."""
    match value:
        case {"path": str(path), **others} if path in app.upload_file_set:
            name = others.get("orig_name")
            return {"path": path, "orig_name": name if isinstance(name, str) else None, "meta": FILE_META}
        case {"path": str(path)} if Path(path).parent.parent == folder:
            raise HTTPException(410, GONE)
    raise HTTPException(422, NOT_UPLOADED)


def disk_is_full(folder: Path) -> bool:
    """Return whether there is too little space for another upload."""
    return shutil.disk_usage(folder).free < limits.FREE_DISK


async def clean_regularly(app: "gr.Blocks", folder: Path, idle_seconds: Callable[[], float]) -> None:
    """Remove old uploads, and answers that nobody fetched, until cancelled.

    idle_seconds: returns the seconds since the last request ended; 0 while one runs. Gradio's own
    `delete_cache` leaves folders and parts of interrupted uploads behind.
    """
    finished: set[str] = set()
    while True:
        await asyncio.sleep(min(limits.CLEANUP_SECONDS, limits.KEPT_WHILE_IDLE / 8))
        soon = idle_seconds() >= limits.KEPT_WHILE_IDLE or disk_is_full(folder)
        age = limits.KEPT_WHILE_IDLE if soon else limits.KEPT_AT_MOST
        # If a file vanishes meanwhile, the others are removed next time.
        with contextlib.suppress(OSError):
            await asyncio.to_thread(remove_older, folder, age)
        for names in app.temp_file_sets:
            names -= {name for name in names if not Path(name).exists()}
        finished = drop_unfetched_answers(app, finished)


def remove_older(folder: Path, age: float) -> None:
    """Remove everything below a folder that has not changed for `age` seconds, without following links."""
    before = time.time() - age
    # All of them first: a folder changes when a file in it is removed.
    old = [path for path in folder.rglob("*") if path.lstat().st_ctime < before]
    for path in reversed(old):
        # A folder may hold a newer file.
        with contextlib.suppress(OSError):
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
