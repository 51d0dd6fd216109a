"""`python -m demo space`: what the folder holds, and that it runs by itself."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio
import httpx
import pytest
from gradio_client import Client, handle_file
from huggingface_hub import SpaceHardware
from huggingface_hub.repocard import metadata_load

from demo.api.schema import DESCRIPTIONS
from demo.cli import main
from demo.inference.engine import MODELS_FOLDER, Engine
from demo.space.assemble import GRADIO_VERSION, MARK, PYTHON_VERSION, REQUIREMENTS, RUNTIMES
from tests.tools.space import BUILDER

SPACE_USER = 1000
"""The user id under which a Space runs."""

PICTURE = MODELS_FOLDER.parent / "conformance" / "drawn-7.png"


@pytest.fixture(scope="module")
def space() -> Iterator[Path]:
    """A Space's folder, assembled where another user may read it."""
    with tempfile.TemporaryDirectory() as temporary:
        Path(temporary).chmod(0o755)
        folder = Path(temporary) / "space"
        assert main(["space", str(folder)]) == 0
        yield folder


def test_the_readme_configures_the_space(space: Path) -> None:
    head: Any = metadata_load(space / "README.md")
    assert (head["sdk"], head["sdk_version"], head["python_version"]) == ("gradio", GRADIO_VERSION, "3.12")
    assert (space / head["app_file"]).is_file()
    assert head["license"] == "mit"
    assert head["tags"] == ["mcp-server"]
    # Hugging Face's own limits.
    assert len(head["short_description"]) <= 60
    colours = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
    assert {head["colorFrom"], head["colorTo"]} <= colours
    assert "suggested_hardware" not in head


def test_the_requirements_leave_out_what_the_builder_installs(space: Path, tmp_path: Path) -> None:
    assert main(["space", str(tmp_path / "gpu"), "--hardware", "gpu"]) == 0
    project = tomllib.loads((MODELS_FOLDER.parents[1] / "pyproject.toml").read_text())["project"]
    extras = {line for extra in ("api", "cuda") for line in project["optional-dependencies"][extra]}
    for folder, runtime in ((space, RUNTIMES["cpu"]), (tmp_path / "gpu", RUNTIMES["gpu"])):
        lines = (folder / "requirements.txt").read_text().splitlines()
        assert lines == [*REQUIREMENTS, runtime]
        assert set(REQUIREMENTS) < extras
        assert not re.search(r"gradio|uvicorn|websockets|spaces|pydantic", " ".join(lines))
    assert RUNTIMES["gpu"] in extras
    assert gradio.__version__ == GRADIO_VERSION
    head: Any = metadata_load(tmp_path / "gpu" / "README.md")
    assert SpaceHardware(head["suggested_hardware"]).value.startswith("t4")


def test_it_holds_the_models_and_lists_every_file(space: Path) -> None:
    for file in json.loads((MODELS_FOLDER / "manifest.json").read_text())["files"]:
        assert (space / "demo" / "models" / file).read_bytes() == (MODELS_FOLDER / file).read_bytes()
    listed = json.loads((space / MARK).read_text())["files"]
    written = {path.relative_to(space).as_posix() for path in space.rglob("*") if path.is_file()}
    assert {name for name in written if "__pycache__" not in name} == {*listed, MARK}
    for name, checksum in listed.items():
        assert hashlib.sha256((space / name).read_bytes()).hexdigest() == checksum
    left_out = ("demo/conformance/", "demo/screenshots/", "demo/digits/")
    assert not any(name.startswith(left_out) or name.endswith(".pyc") for name in listed)


def test_a_second_run_replaces_its_own_files_only(tmp_path: Path) -> None:
    folder = tmp_path / "space"
    assert main(["space", str(folder)]) == 0
    (folder / "demo" / "ui" / "views" / "of-another-version.py").write_text("")
    (folder / "demo" / "digits").mkdir()
    (folder / "demo" / "digits" / "t10k-images-idx3-ubyte.gz").write_bytes(b"of another time")
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_text("mine")
    (folder / "notes").mkdir()
    (folder / "notes" / "own.txt").write_text("mine")
    assert main(["space", str(folder)]) == 0
    assert not (folder / "demo" / "ui" / "views" / "of-another-version.py").exists()
    assert not any((folder / "demo" / "digits").iterdir())
    assert (folder / ".git" / "config").read_text() == (folder / "notes" / "own.txt").read_text() == "mine"


def test_a_folder_with_other_files_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "README.md").write_text("mine")
    assert main(["space", str(tmp_path)]) == 1
    assert re.fullmatch(r"demo: .* holds other files .*; use a new .*\n", capsys.readouterr().err)
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]
    assert main(["space", str(tmp_path / "README.md" / "below")]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert main(["space", str(tmp_path / "new"), "--models", str(tmp_path)]) == 1
    assert "no published models" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


@contextmanager
def started(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], **options: Any
) -> Iterator[str]:
    """Start a Space's app from another working directory, and yield its address."""
    with subprocess.Popen(
        [*command, str(folder / "app.py"), "--host", "127.0.0.1", "--port", "0"],
        cwd="/",
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        **options,
    ) as process:
        assert process.stdout is not None
        try:
            lines = iter(process.stdout.readline, "")
            yield next(line.split()[-1] for line in lines if line.startswith("Touchstone is at"))
        finally:
            process.kill()


def health(address: str) -> Any:
    """Return the answer of /healthz."""
    return httpx.get(f"{address}healthz", trust_env=False, timeout=30).json()


def tools(address: str) -> list[str]:
    """Return the names of the tools of the app's MCP server."""
    headers = {"accept": "application/json, text/event-stream"}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    answer = httpx.post(f"{address}mcp", json=body, headers=headers, trust_env=False, timeout=30).json()
    return [each["name"] for each in answer["result"]["tools"]]


def test_the_folder_alone_serves(space: Path, engine: Engine, tmp_path: Path) -> None:
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    # So that it cannot import from the repository.
    environment.pop("PYTHONPATH", None)
    with started([sys.executable], space, environment) as address:
        assert health(address)["status"] == "serving"
        answer = Client(address, verbose=False).predict(picture=handle_file(PICTURE), api_name="/check")
        assert tools(address) == list(DESCRIPTIONS)
    assert (answer["digit"], answer["version"]) == (7, engine.version)


def space_python() -> str:
    """Return a Python of the Space's version that the user `SPACE_USER` may run; skip where there is none."""
    if os.geteuid() != 0:
        pytest.skip("only root can start a process as another user")
    for folder in os.environ["PATH"].split(os.pathsep):
        python = shutil.which(f"python{PYTHON_VERSION}", path=folder)
        try:
            if (
                python
                and subprocess.run([python, "-c", "import venv"], cwd="/", user=SPACE_USER).returncode == 0
            ):
                return python
        except PermissionError:
            continue
    pytest.skip(f"there is no Python {PYTHON_VERSION} on the PATH that another user may run")


@pytest.mark.slow
def test_a_fresh_environment_runs_it_for_a_user_whose_home_is_read_only(engine: Engine) -> None:
    python = space_python()
    with tempfile.TemporaryDirectory() as temporary:
        base = Path(temporary)
        base.chmod(0o755)
        assert main(["space", str(base / "space")]) == 0
        subprocess.run([python, "-m", "venv", str(base / "venv")], check=True, cwd="/")
        pip = [str(base / "venv" / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
        builder = [f"gradio[oauth,mcp]=={GRADIO_VERSION}", *BUILDER]
        subprocess.run([*pip, "-r", str(base / "space" / "requirements.txt"), *builder], check=True, cwd="/")
        (base / "home").mkdir(mode=0o555)
        (base / "scratch").mkdir()
        (base / "scratch").chmod(0o1777)
        before = sorted(base.rglob("*"))
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(base / "home"),
            "TMPDIR": str(base / "scratch"),
            "LANG": "C.UTF-8",
        }
        command = [str(base / "venv" / "bin" / "python"), "-B", "-W", "error::DeprecationWarning:demo"]
        user: dict[str, Any] = {"user": SPACE_USER, "group": SPACE_USER, "extra_groups": []}
        with started(command, base / "space", environment, **user) as address:
            state = health(address)
            assert (state["status"], state["provider"]) == ("serving", "CPUExecutionProvider")
            client = Client(address, verbose=False)
            answer = client.predict(picture=handle_file(PICTURE), api_name="/check")
            assert (answer["digit"], answer["version"]) == (7, engine.version)
            assert len(client.predict(count=2, api_name="/generate")) == 2
            assert tools(address) == list(DESCRIPTIONS)
        scratch = base / "scratch"
        written = [path for path in sorted(base.rglob("*")) if path not in before]
        assert all(scratch in path.parents for path in written)
