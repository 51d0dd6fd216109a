"""Parts that are trained in parallel: they start together, and stop together."""

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
import multiprocessing, time
from train.processes import exit_with_parent
def stay():
    exit_with_parent()
    print("started", flush=True)
    time.sleep(600)
if __name__ == "__main__":
    multiprocessing.get_context("spawn").Process(target=stay).start()
    time.sleep(600)
"""


def test_workers_do_not_outlive_a_killed_command(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    parent = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"started\n"
    parent.kill()
    # The worker holds the other end of the pipe until it exits.
    parent.communicate(timeout=60)


def test_an_interrupted_command_stops_all_parts(dataset: str, tmp_path: Path) -> None:
    if dataset != "mnist":
        pytest.skip(f"{DATA_VARIABLE} is not set, and other processes do not know a test's own data set")
    options = ["--preset", "smoke", "--effort", "1", "--jobs", "2", "--runs", str(tmp_path)]
    building = subprocess.Popen(
        [sys.executable, "-m", "train", "generators", *options, "--only", "r3gan", "vae", "pixel_cnn"],
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
        # A shell's background jobs inherit an ignored SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    parts = [Run(tmp_path / "generators-smoke" / part) for part in ("r3gan", "vae", "pixel_cnn")]
    deadline = time.monotonic() + 300
    while not (parts[0].steps() and parts[1].steps()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    os.killpg(building.pid, signal.SIGINT)
    _, error = building.communicate(timeout=120)
    assert building.returncode == 130
    assert "run the same command with --resume to go on" in error
    assert "Traceback" not in error
    assert not parts[2].steps()
