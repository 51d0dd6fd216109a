"""Commands that cannot start say why in one line; the app runs without rights on a read-only root."""

import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import pytest

from export.cli import main as export_main
from train.cli import main as train_main

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "demo" / "conformance" / "drawn-7.png"
# Runs a command as user 1000 without capabilities, on a read-only root with one folder in memory. On disk it
# keeps the rights of the user who runs the tests, so that Python and its libraries can be read.
SEALED = """
mount --make-rprivate / && mount -t tmpfs tmpfs "$0" && mount -o remount,bind,ro / &&
exec unshare --user --map-user=1000 --map-group=1000 "$@"
"""


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a module of the project as a command."""
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=120,
        env=os.environ | environment,
    )


def refusal(*arguments: str, **environment: str) -> str:
    """Return the one line that `python -m demo` with these arguments writes before it exits."""
    result = run("demo", *arguments, **environment)
    assert result.returncode in (1, 2), result.stdout
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    return line


def test_a_port_in_use() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert f"port {port}" in refusal("--device", "cpu", "--port", port, "--api-only")


@pytest.mark.parametrize("command", [[], ["--api-only"], ["check", str(PICTURE)]])
def test_no_models(tmp_path: Path, command: Sequence[str]) -> None:
    line = refusal(*command, "--models", str(tmp_path / "none"))
    assert line.startswith("demo: ")
    assert str(tmp_path / "none") in line


def test_no_temporary_folder_for_uploads(tmp_path: Path) -> None:
    assert "TMPDIR" in refusal("--device", "cpu", "--port", "0", TMPDIR=str(tmp_path / "none"))


def test_check_needs_no_temporary_folder(tmp_path: Path) -> None:
    result = run("demo", "check", "--device", "cpu", "--json", str(PICTURE), TMPDIR=str(tmp_path / "none"))
    assert json.loads(result.stdout)["digit"] == 7


@pytest.mark.parametrize(
    ("package", "arguments", "names"),
    [
        ("train", ("tutorial", "--epochs", "0"), "--epochs"),
        ("train", ("evaluate", "{}/none"), "{}/none"),
        ("train", ("data", "--dataset", "none"), "'none'"),
        ("export", ("run", "{}"), "{}"),
        ("export", ("hub", "{}/file/x"), "{}/file/x"),
        ("export", ("evaluate", "--models", "{}/none"), "{}/none"),
    ],
)
def test_train_and_export(
    package: str, arguments: Sequence[str], names: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    main = {"train": train_main, "export": export_main}[package]
    assert main([each.replace("{}", str(tmp_path)) for each in arguments]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith(f"{package}: ")
    assert names.replace("{}", str(tmp_path)) in line


@pytest.mark.parametrize("package", ["demo", "train", "export"])
def test_bad_arguments(package: str) -> None:
    result = run(package, "--nonsense")
    assert (result.returncode, result.stdout) == (2, "")
    assert f"python -m {package}: error: " in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr


def sealed(folder: Path, *command: str) -> list[str]:
    return ["unshare", "--mount", "sh", "-c", SEALED, str(folder), sys.executable, "-B", *command]


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare, of Linux")
def test_the_app_serves_without_rights_from_a_read_only_root(tmp_path: Path) -> None:
    who = "import os; print(os.getuid(), os.access(os.getcwd(), os.W_OK))"
    probe = subprocess.run(sealed(tmp_path, "-c", who), capture_output=True, text=True, check=False)
    if probe.stdout.split() != ["1000", "False"]:
        pytest.skip(
            f"no root of its own can be mounted here, or user 1000 may not run Python: {probe.stderr}"
        )
    with subprocess.Popen(
        sealed(tmp_path, "-m", "demo", "--device", "cpu", "--port", "0"),
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(tmp_path), "HOME": "/nonexistent"},
    ) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().split()[-1]
            while "runs on" not in process.stdout.readline():
                assert process.poll() is None
            request = urllib.request.Request(
                f"{address}v1/check", PICTURE.read_bytes(), {"Content-Type": "image/png"}
            )
            with urllib.request.urlopen(request, timeout=60) as response:
                assert json.load(response)["digit"] == 7
            with urllib.request.urlopen(f"{address}healthz", timeout=60) as response:
                assert json.load(response)["status"] == "serving"
        finally:
            process.kill()
