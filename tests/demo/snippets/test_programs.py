"""The programs for use elsewhere, run as the page shows them: the file, then the commands below it."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from demo.inference.check import check_bytes
from demo.inference.engine import MODELS_FOLDER, Engine
from demo.snippets.programs import SHOWN_ADDRESS, Program, programs
from export.benchmark.servers import serving
from tests.support.node import NODE, ROOT, node_modules

PACK = ROOT / "demo" / "conformance"
PICTURES = (
    "drawn-3.png",
    "blue-on-yellow.png",
    "black-on-transparent.png",
    "sixteen-bit.png",
    "twelve-bit.png",
    "turned-by-exif.jpg",
    "blank-white.png",
)
"""Grey, RGB, RGBA, 16 bits, 12 of 16 bits, a photo turned by EXIF, and an empty page."""
A_FEW = ("drawn-3.png", "blank-white.png")
BY_NAME = {program.name: program for program in programs()}


def set_up(program: Program, folder: Path, picture: str, address: str = SHOWN_ADDRESS) -> None:
    """Put into a folder what the page tells people to: the program, the files it needs, a picture."""
    text = program.path.read_text(encoding="utf-8").replace(SHOWN_ADDRESS, address.rstrip("/"))
    (folder / program.path.name).write_text(text, encoding="utf-8")
    for path in [*(MODELS_FOLDER / file for file in program.needs), *filter(None, [program.module])]:
        shutil.copy(path, folder)
    shutil.copy(PACK / picture, folder / "digit.png")


def run(commands: str, folder: Path) -> str:
    """Run shell commands, which must succeed without a word on the error stream; return their output."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    result = subprocess.run(
        ["sh", "-euc", commands],
        cwd=folder,
        env=os.environ | {"PATH": path, "NPM_CONFIG_PREFER_OFFLINE": "true", "NPM_CONFIG_LOGLEVEL": "silent"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stderr == ""
    assert result.returncode == 0
    return result.stdout


def line(engine: Engine, picture: str) -> str:
    """Return the line that a program must print for a picture of the conformance pack."""
    answer = check_bytes(engine, picture, (PACK / picture).read_bytes()).answer
    if answer.verdict == "not a digit":
        return f"not a digit ({answer.reason})\n"
    return f"{answer.verdict}, fake_probability = {answer.fake_probability:.4f}\n"


@pytest.mark.parametrize("picture", PICTURES)
def test_python_by_itself(engine: Engine, tmp_path: Path, picture: str) -> None:
    set_up(BY_NAME["python"], tmp_path, picture)
    assert run(BY_NAME["python"].run, tmp_path) == line(engine, picture)


def test_the_python_program_needs_three_packages_only() -> None:
    tree = ast.parse(BY_NAME["python"].path.read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert names == {"sys", "numpy", "onnxruntime", "PIL"}


@pytest.mark.node
@pytest.mark.parametrize("picture", PICTURES)
def test_node(engine: Engine, tmp_path: Path, picture: str) -> None:
    set_up(BY_NAME["node"], tmp_path, picture)
    (tmp_path / "node_modules").symlink_to(node_modules(NODE))
    assert run(BY_NAME["node"].run, tmp_path) == line(engine, picture)


@pytest.fixture(scope="module")
def browser_program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the browser's program, in a folder prepared by the commands that are shown."""
    folder = tmp_path_factory.mktemp("browser-program")
    program = BY_NAME["browser"]
    set_up(program, folder, PICTURES[0])
    run(program.prepare, folder)
    with serving(folder) as served:
        yield f"{served.address}{program.path.name}"


@pytest.mark.node
@pytest.mark.browser
def test_the_browser(browser: Browser, browser_program: str, engine: Engine) -> None:
    page = browser.new_page()
    raised: list[str] = []
    page.on("pageerror", lambda error: raised.append(str(error)))
    page.goto(browser_program)
    # A busy machine takes longer than the usual five seconds to open the model.
    expect(page.get_by_label("Picture")).to_be_enabled(timeout=60_000)
    for picture in ("drawn-3.png", "turned-by-exif.jpg", "blank-white.png"):
        page.get_by_label("Picture").set_input_files(PACK / picture)
        expect(page.locator("output")).to_have_text(line(engine, picture).strip())
    assert raised == []
    page.close()


@pytest.mark.parametrize("picture", A_FEW)
def test_curl(server: str, engine: Engine, tmp_path: Path, picture: str) -> None:
    set_up(BY_NAME["curl"], tmp_path, picture, server)
    answer = check_bytes(engine, "digit.png", (PACK / picture).read_bytes()).answer
    assert json.loads(run(BY_NAME["curl"].run, tmp_path)) == [answer.as_dict()]


@pytest.mark.parametrize("picture", A_FEW)
def test_gradio_client(server: str, engine: Engine, tmp_path: Path, picture: str) -> None:
    set_up(BY_NAME["client"], tmp_path, picture, server)
    assert run(BY_NAME["client"].run, tmp_path) == line(engine, picture)


def test_gradio_client_prints_why_a_file_cannot_be_judged(server: str, tmp_path: Path) -> None:
    set_up(BY_NAME["client"], tmp_path, PICTURES[0], server)
    (tmp_path / "digit.png").write_text("no picture")
    assert re.fullmatch(r"This .*picture.*\n", run(BY_NAME["client"].run, tmp_path))


def test_mcp(engine: Engine, server: str, tmp_path: Path) -> None:
    set_up(BY_NAME["mcp-client"], tmp_path, PICTURES[0], server)
    found = json.loads(run(BY_NAME["mcp-client"].run, tmp_path))
    assert found == check_bytes(engine, found["file"], (PACK / PICTURES[0]).read_bytes()).answer.as_dict()
