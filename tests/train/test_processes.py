"""Workers stop with the command that started them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = """
import time
from train.processes import Workers
def stay():
    print("started", flush=True)
    time.sleep(600)
if __name__ == "__main__":
    with Workers(2) as workers:
        workers.starmap(stay, [()] * 3)
"""


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT])
def test_workers_stop_with_a_killed_or_interrupted_command(tmp_path: Path, stop: signal.Signals) -> None:
    script = tmp_path / "command.py"
    script.write_text(COMMAND)
    command = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        start_new_session=True,
        # A shell's background jobs inherit an ignored SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert command.stdout is not None
    assert [command.stdout.readline() for _ in range(2)] == [b"started\n"] * 2
    if stop == signal.SIGKILL:
        command.kill()
    else:
        os.killpg(command.pid, stop)
    # The workers hold the other end of the pipe until they exit; the third part is never started.
    rest, _ = command.communicate(timeout=60)
    assert rest == b""
    assert command.returncode != 0
