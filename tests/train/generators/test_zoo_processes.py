"""Parts trained side by side, in processes of their own: together they start, and together they stop."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from train.data.mnist import DATA_VARIABLE
from train.run import Run

ROOT = Path(__file__).parents[3]
PARENT = """
import multiprocessing, os, sys, time
from train.processes import end_with_parent
def stay():
    end_with_parent()
    print(os.getpid(), flush=True)
    time.sleep(600)
if __name__ == "__main__":
    multiprocessing.get_context("spawn").Process(target=stay).start()
    time.sleep(600)
"""


def test_what_is_trained_does_not_outlive_a_killed_command(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    parent = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 60
    while is_running(child):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def mnist(dataset: str) -> str:
    """MNIST, which processes of their own know too; they do not know a test's own data set."""
    if dataset != "mnist":
        pytest.skip(f"{DATA_VARIABLE} names no folder with MNIST")
    return dataset


def side_by_side(runs: Path, mnist: str, *more: str) -> subprocess.Popen[str]:
    options = ["--preset", "smoke", "--dataset", mnist, "--jobs", "2", "--runs", str(runs), *more]
    return subprocess.Popen(
        [sys.executable, "-m", "train", "zoo", *options],
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
        # Whoever runs the tests in the background may have told all that is started to ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def test_parts_are_trained_side_by_side(mnist: str, tmp_path: Path) -> None:
    building = side_by_side(tmp_path, mnist, "--effort", "1e-9", "--only", "vae", "sharp_vae", "hinge_gan")
    _, said = building.communicate(timeout=300)
    assert building.returncode == 0, said
    for part in ("vae", "sharp_vae", "hinge_gan"):
        assert Run(tmp_path / "zoo-smoke" / part).steps() == [1]


def test_stopped_it_stops_all_that_is_trained(mnist: str, tmp_path: Path) -> None:
    building = side_by_side(tmp_path, mnist, "--effort", "1", "--only", "flow", "vae", "pixel_cnn")
    parts = [Run(tmp_path / "zoo-smoke" / part) for part in ("flow", "vae", "pixel_cnn")]
    deadline = time.monotonic() + 300
    while not (parts[0].steps() and parts[1].steps()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    os.killpg(building.pid, signal.SIGINT)
    _, said = building.communicate(timeout=120)
    assert building.returncode == 130
    assert "the same command with --resume goes on" in said
    assert "Traceback" not in said
    assert not parts[2].steps()


def is_running(process: int) -> bool:
    """Whether a process is there and no zombie that waits for somebody to collect it."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{process}/stat")
    return not (status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z")
