"""The real app on a free port, in a process of its own."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent


@contextmanager
def served_app(*options: str) -> Iterator[str]:
    """Start `python -m demo` with options and give its address; stop it afterwards."""
    command = [sys.executable, "-m", "demo", "--device", "cpu", "--port", "0", *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        address = re.search(r"http://\S+", process.stdout.readline())
        if address is None:
            process.kill()
            raise RuntimeError(f"The app did not start: {process.stderr.read()}")
        try:
            yield address.group()
        finally:
            process.kill()
