"""What cannot start says so in one line and a code that is not 0; and how little the app needs to start."""

import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "demo" / "conformance" / "drawn-7.png"
STRANGER = "1000"
# A root that cannot be written, with one folder in memory, to a user 1000 who has none of root's rights. To
# the file system it is whoever runs the tests, so that Python and its libraries can be read where they lie.
SEALED = """
mount --make-rprivate / && mount -t tmpfs tmpfs "$0" && mount -o remount,bind,ro / &&
exec unshare --user --map-user=1000 --map-group=1000 "$@"
"""


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that is in use."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def refused(*arguments: str, **environment: str) -> str:
    """The one line on standard error of a command of the project's that does not start."""
    result = subprocess.run(
        [sys.executable, "-m", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=60,
        env=os.environ | environment,
    )
    assert result.returncode not in (0, -9), result.stdout
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1, result.stderr
    return result.stderr


@pytest.mark.parametrize("api", [[], ["--api-only"]])
def test_a_port_in_use(taken: int, api: Sequence[str]) -> None:
    assert f"port {taken}" in refused("demo", "--device", "cpu", "--port", str(taken), *api)


@pytest.mark.parametrize("command", [[], ["--api-only"], ["check", str(PICTURE)]])
def test_no_models(tmp_path: Path, command: Sequence[str]) -> None:
    told = refused("demo", *command, "--models", str(tmp_path / "none"))
    assert told.startswith("demo: There are no published models in ")


def test_no_temporary_folder_for_uploads(tmp_path: Path) -> None:
    told = refused("demo", "--device", "cpu", "--port", "0", TMPDIR=str(tmp_path / "none"))
    assert told.startswith("demo: TMPDIR (")


def test_what_needs_no_temporary_folder_works_without(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "demo", "check", "--device", "cpu", "--json", str(PICTURE)],
        capture_output=True,
        check=False,
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(tmp_path / "none")},
    )
    assert json.loads(result.stdout)["digit"] == 7


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("train", "tutorial", "--epochs", "0"), "train: --epochs is 0; give 1 to"),
        (("train", "evaluate", "{}/none"), "train: {}/none holds no whole run"),
        (("train", "data", "--dataset", "none"), "train: There is no data set 'none'"),
        (("export", "run", "{}/none"), "export: {}/none holds no whole run"),
        (("export", "hub", "{}/file/x"), "export: {}/file/x cannot be written"),
        (("export", "evaluate", "--models", "{}/none"), "export: There are no published models in {}/none"),
    ],
)
def test_training_and_export(tmp_path: Path, arguments: Sequence[str], says: str) -> None:
    (tmp_path / "file").touch()
    here = str(tmp_path)
    assert refused(*(each.replace("{}", here) for each in arguments)).startswith(says.replace("{}", here))


@pytest.mark.parametrize("package", ["demo", "train", "export"])
def test_bad_arguments_are_told_last_after_the_usage(package: str) -> None:
    result = subprocess.run(
        [sys.executable, "-m", package, "--nonsense"], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert (result.returncode, result.stdout) == (2, "")
    assert f"python -m {package}: error: " in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr


def sealed(folder: Path, *command: str) -> list[str]:
    return ["unshare", "--mount", "sh", "-c", SEALED, str(folder), sys.executable, "-B", *command]


@pytest.mark.skipif(sys.platform != "linux", reason="mounts as Linux has them")
@pytest.mark.parametrize("api", [[], ["--api-only"]])
def test_it_serves_a_user_without_rights_from_a_root_that_cannot_be_written(
    tmp_path: Path, api: Sequence[str]
) -> None:
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare")
    told = "import os; print(os.getuid(), os.access(os.getcwd(), os.W_OK))"
    probe = subprocess.run(sealed(tmp_path, "-c", told), capture_output=True, text=True, check=False)
    if probe.stdout.split() != [STRANGER, "False"]:
        pytest.skip(f"no root of its own can be mounted here, or its user may not run Python: {probe.stderr}")
    with subprocess.Popen(
        sealed(tmp_path, "-m", "demo", "--device", "cpu", "--port", "0", *api),
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
            sent = urllib.request.Request(
                f"{address}v1/check", PICTURE.read_bytes(), {"Content-Type": "image/png"}
            )
            with urllib.request.urlopen(sent, timeout=60) as response:
                assert json.load(response)["digit"] == 7
            with urllib.request.urlopen(f"{address}healthz", timeout=60) as response:
                assert json.load(response)["status"] == "serving"
        finally:
            process.kill()
    # In memory, and gone with the mount.
    assert not list(tmp_path.iterdir())
