"""`python -m demo check` of folders: every picture a line, as it comes, and a bar in a terminal."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from demo.batch.find import NONE_INSIDE
from demo.cli import main
from demo.decoder.images import encode_png
from demo.inference.check import PICTURES_AT_ONCE
from demo.inference.engine import Engine
from tests.support.processes import ROOT

# The tutorial's model is the quickest.
COMMAND = [sys.executable, "-m", "demo", "check", "--device", "cpu", "--model", "mlp_discriminator"]
MANY = 2 * PICTURES_AT_ONCE + 5


@pytest.fixture
def digits(tutorial_engine: Engine, tmp_path: Path) -> Path:
    """A folder of more than two batches of digits, a few of which repeat, and of a file that is none."""
    folder = tmp_path / "digits"
    (folder / "more").mkdir(parents=True)
    pictures = [encode_png(digit) for digit in tutorial_engine.generate("mlp_generator", 5, seed=1)]
    for index in range(MANY):
        (folder / "more" / f"{index:03d}.png").write_bytes(pictures[index % len(pictures)])
    (folder / "labels.csv").write_text("no picture")
    return folder


def names(folder: Path) -> list[str]:
    return [str(folder / "more" / f"{index:03d}.png") for index in range(MANY)]


def test_a_folder_without_pictures_is_not_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--device", "cpu", str(tmp_path)]) == 1
    assert capsys.readouterr().out == f"{tmp_path}: not judged: {NONE_INSIDE}\n"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_lines_come_before_the_last_file_is_there(digits: Path, tmp_path: Path) -> None:
    last = tmp_path / "last"
    os.mkfifo(last)
    command, pipe = [*COMMAND, "--json", str(digits), str(last)], subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        # The last file's content comes only after the first batch's answers have been read.
        first = [json.loads(process.stdout.readline())["file"] for _ in range(PICTURES_AT_ONCE)]
        last.write_bytes((digits / "more" / "000.png").read_bytes())
        rest = [json.loads(line) for line in process.stdout]
        # Without a terminal there is no bar.
        assert process.stderr.read() == ""
    assert first + [answer["file"] for answer in rest] == [*names(digits), str(last)]
    assert rest[-1]["error"] is None
    assert process.returncode == 0


def test_in_a_terminal_a_bar_shows_the_progress(digits: Path) -> None:
    termios = pytest.importorskip("termios")
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    process = subprocess.Popen(
        [*COMMAND, str(digits)], stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, cwd=ROOT
    )
    os.close(theirs)
    shown = ""
    # On Linux an error says that the other end is closed.
    with contextlib.suppress(OSError):
        while part := os.read(ours, 1 << 16).decode():
            shown += part
    os.close(ours)
    assert process.wait(60) == 0
    assert f"/{MANY} [" in shown
    assert " files/s]" in shown
    # The bar leaves no trace in the lines.
    for name in names(digits):
        assert sum(part.strip().startswith(f"{name}: ") for part in shown.split("\r")) == 1
