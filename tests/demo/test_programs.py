"""The programs that the page shows, run as it shows them: the file, then the commands below it."""

import json
import os
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
from export.benchmark.packages import node_modules
from export.benchmark.static import serving
from tests.support.node import NODE, ROOT

PACK = ROOT / "demo" / "conformance"
PICTURES = ("drawn-3.png", "turned-by-exif.jpg", "blank-white.png")
A_FEW = ("drawn-3.png", "blank-white.png")
BY_NAME = {program.name: program for program in programs()}


def laid_out(program: Program, folder: Path, picture: str, address: str = SHOWN_ADDRESS) -> None:
    """Put into a folder what the page says: the program with the app's address, its files, a picture."""
    text = program.path.read_text(encoding="utf-8").replace(SHOWN_ADDRESS, address.rstrip("/"))
    (folder / program.path.name).write_text(text, encoding="utf-8")
    for file in program.needs:
        shutil.copy(MODELS_FOLDER / file, folder)
    shutil.copy(PACK / picture, folder / "digit.png")


def ran(commands: str, folder: Path) -> str:
    """What shell commands print; they must print nothing to the error stream, and succeed."""
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
    """What a program must print that says the verdict in a line."""
    answer = check_bytes(engine, picture, (PACK / picture).read_bytes()).answer
    if answer.verdict == "not a digit":
        return "not a digit\n"
    return f"{answer.verdict}, fake_probability = {answer.fake_probability:.4f}\n"


@pytest.mark.parametrize("picture", PICTURES)
def test_python_by_itself(engine: Engine, tmp_path: Path, picture: str) -> None:
    laid_out(BY_NAME["python"], tmp_path, picture)
    assert ran(BY_NAME["python"].run, tmp_path) == line(engine, picture)


@pytest.mark.node
@pytest.mark.parametrize("picture", PICTURES)
def test_node(engine: Engine, tmp_path: Path, picture: str) -> None:
    laid_out(BY_NAME["node"], tmp_path, picture)
    (tmp_path / "node_modules").symlink_to(node_modules(NODE))
    assert ran(BY_NAME["node"].run, tmp_path) == line(engine, picture)


def test_node_s_packages_are_the_ones_that_are_tested() -> None:
    package = json.loads((ROOT / "demo" / "snippets" / "node" / "package.json").read_text(encoding="utf-8"))
    for name, version in package["dependencies"].items():
        assert f" {name}@{version}" in BY_NAME["node"].prepare


@pytest.fixture(scope="module")
def served_program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a folder with the browser's program, prepared by the commands that are shown."""
    folder = tmp_path_factory.mktemp("browser-program")
    program = BY_NAME["browser"]
    laid_out(program, folder, PICTURES[0])
    ran(program.prepare, folder)
    with serving(folder) as served:
        yield f"{served.address}{program.path.name}"


@pytest.mark.node
@pytest.mark.browser
@pytest.mark.parametrize("picture", PICTURES)
def test_the_browser(browser: Browser, served_program: str, engine: Engine, picture: str) -> None:
    page = browser.new_page()
    raised: list[str] = []
    page.on("pageerror", lambda error: raised.append(str(error)))
    page.goto(served_program)
    # A busy machine takes longer than the usual five seconds to open the model.
    expect(page.get_by_label("Picture")).to_be_enabled(timeout=60_000)
    page.get_by_label("Picture").set_input_files(PACK / picture)
    expect(page.locator("output")).to_have_text(line(engine, picture).strip())
    assert raised == []
    page.close()


@pytest.mark.parametrize("picture", A_FEW)
def test_curl(server: str, engine: Engine, tmp_path: Path, picture: str) -> None:
    laid_out(BY_NAME["curl"], tmp_path, picture, server)
    answer = check_bytes(engine, "digit.png", (PACK / picture).read_bytes()).answer
    assert json.loads(ran(BY_NAME["curl"].run, tmp_path)) == [answer.as_dict()]


@pytest.mark.parametrize("picture", A_FEW)
def test_gradio_client(server: str, engine: Engine, tmp_path: Path, picture: str) -> None:
    laid_out(BY_NAME["client"], tmp_path, picture, server)
    assert ran(BY_NAME["client"].run, tmp_path) == line(engine, picture)


def test_gradio_client_says_why_a_file_cannot_be_judged(server: str, tmp_path: Path) -> None:
    laid_out(BY_NAME["client"], tmp_path, PICTURES[0], server)
    (tmp_path / "digit.png").write_text("no picture")
    assert ran(BY_NAME["client"].run, tmp_path).startswith("This is no picture")


def test_mcp(engine: Engine, tool_server: str, tmp_path: Path) -> None:
    laid_out(BY_NAME["mcp-client"], tmp_path, PICTURES[0], tool_server)
    said = json.loads(ran(BY_NAME["mcp-client"].run, tmp_path))
    answer = check_bytes(engine, said["file"], (PACK / PICTURES[0]).read_bytes()).answer
    assert said == answer.as_dict()


def test_the_settings_of_an_assistant_name_the_address_that_the_client_asks() -> None:
    settings = json.loads(BY_NAME["mcp"].path.read_text(encoding="utf-8"))
    address = settings["mcpServers"]["touchstone"]["url"]
    assert f'"{address}"' in BY_NAME["mcp-client"].path.read_text(encoding="utf-8")
