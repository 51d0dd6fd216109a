"""The programs that the app shows for use elsewhere: small files, which the tests run as they are."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from demo.contract import FROM_IMAGE, MANIFEST
from demo.static_page.assemble import DECODER, PAGE_FOLDER, RUNTIME

HERE: Final = Path(__file__).parent
SHOWN_ADDRESS: Final = "http://127.0.0.1:7860"
"""The app's address in the programs; the app shows its own address instead."""


@dataclass(frozen=True)
class Program:
    """A file to copy, and how to run it.

    name: the key of its texts. needs: published files that must be in the same folder. module: a file to
    copy along with it.
    prepare, run: shell commands to run in that folder; empty where there is nothing to do.
    """

    name: str
    path: Path
    needs: tuple[str, ...] = ()
    module: Path | None = None
    prepare: str = ""
    run: str = ""


def programs() -> tuple[Program, ...]:
    """Return all programs, with the versions of npm packages that the project itself pins."""
    model = f"{FROM_IMAGE}.onnx"
    node = _package(HERE / "node")["dependencies"]
    return (
        Program(
            "python",
            HERE / "python" / "check.py",
            (model,),
            None,
            "pip install onnxruntime pillow numpy",
            "python check.py digit.png",
        ),
        Program(
            "node",
            HERE / "check.mjs",
            (model, MANIFEST),
            DECODER,
            f"npm install --ignore-scripts {' '.join(f'{name}@{version}' for name, version in node.items())}",
            "node check.mjs digit.png",
        ),
        Program(
            "browser",
            HERE / "check.html",
            (model, MANIFEST),
            DECODER,
            _unpacked_runtime(),
            "python -m http.server",
        ),
        Program("curl", HERE / "ask.sh", run="sh ask.sh digit.png"),
        Program(
            "client", HERE / "ask.py", prepare="pip install gradio_client", run="python ask.py digit.png"
        ),
        Program("mcp", HERE / "mcp.json"),
        Program(
            "mcp-client", HERE / "ask_mcp.py", prepare="pip install mcp", run="python ask_mcp.py digit.png"
        ),
    )


def _package(folder: Path) -> Any:
    return json.loads((folder / "package.json").read_text(encoding="utf-8"))


def _unpacked_runtime() -> str:
    """Return the commands that download onnxruntime-web's files into the current folder."""
    package = _package(PAGE_FOLDER)
    version = package["dependencies"][RUNTIME]
    files = [f"package/{path}" for path in package["sha256"]]
    lines = [f"tar -xzf {RUNTIME}-{version}.tgz --strip-components=2", *files]
    return f"npm pack {RUNTIME}@{version}\n" + " \\\n  ".join(lines)
