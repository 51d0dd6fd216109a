"""What is built once for all the processes that test, where pytest-xdist starts several."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock


def built_once(factory: pytest.TempPathFactory, name: str, build: Callable[[Path], None]) -> Path:
    """A folder that `build` fills for whoever asks first; whoever else asks waits for it.

    It is everybody's: a test that changes anything in it makes a copy first.
    """
    own = factory.getbasetemp()
    # A process of pytest-xdist has its folder in that of the whole run.
    shared = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "shared"
    shared.mkdir(exist_ok=True)
    folder, whole = shared / name, shared / f"{name}.whole"
    with FileLock(shared / f"{name}.lock"):
        if not whole.exists():
            # Where it failed before, it was left half-way.
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            build(folder)
            whole.touch()
    return folder
