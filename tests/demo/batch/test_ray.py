"""The Ray engine gives the answers of the local one, even if a worker is killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from demo.cli import main
from demo.decoder.images import encode_png
from demo.errors import DemoError
from demo.inference.engine import MODELS_FOLDER, Engine
from tests.support.processes import PROC, ROOT, run_python

pytest.importorskip("ray")
pq = pytest.importorskip("pyarrow.parquet")

from demo.batch.ray import PartChecker  # noqa: E402
from tests.demo.batch.test_run import answers  # noqa: E402

PART = 32
PARTS = 16

pytestmark = pytest.mark.skipif(not PROC.exists(), reason="finds the workers' processes on Linux only")


def workers() -> list[int]:
    """The Ray processes that check parts now."""
    found = []
    for path in PROC.glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes().startswith(b"ray::") and b"PartChecker" in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


@pytest.fixture
def pictures(tutorial_engine: Engine, tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    digits = [encode_png(digit) for digit in tutorial_engine.generate("mlp_generator", 60, seed=1)]
    for index in range(PARTS * PART):
        (folder / f"{index:05d}.png").write_bytes(digits[index % 60] if index % 50 else b"no picture")
    return folder


def command(pictures: Path, out: Path) -> list[str]:
    return ["check", str(pictures), "--out", str(out), "--part", str(PART), "--model", "mlp_discriminator"]


def test_a_stopped_run_and_a_killed_worker_lose_and_repeat_nothing(pictures: Path, tmp_path: Path) -> None:
    local, out = tmp_path / "local", tmp_path / "out"
    assert main([*command(pictures, local), "--device", "cpu"]) == 1
    # As though a run had been stopped after two parts.
    out.mkdir()
    finished = {}
    for name in ("inputs.parquet", "part-000001.parquet", "part-000007.parquet"):
        (out / name).write_bytes((local / name).read_bytes())
        finished[out / name] = (out / name).stat()
    process = subprocess.Popen(
        [sys.executable, "-m", "demo", *command(pictures, out), "--engine", "ray", "--workers", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"},
    )
    deadline = time.monotonic() + 180
    while len(list(out.glob("part-*"))) < 4:
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()
        time.sleep(0.002)
    os.kill(workers()[0], signal.SIGKILL)
    printed, messages = process.communicate(timeout=180)
    assert (process.returncode, printed) == (1, ""), messages
    assert f"(2 of {PARTS} parts were there before)" in messages
    for path, status in finished.items():
        assert (path.stat().st_ino, path.stat().st_mtime_ns) == (status.st_ino, status.st_mtime_ns)
    assert {path.name for path in out.iterdir()} == {path.name for path in local.iterdir()}
    assert pq.read_schema(out / "part-000000.parquet") == pq.read_schema(local / "part-000000.parquet")
    for one, other in zip(answers(out), answers(local), strict=True):
        # Another core may compute the last bits of a number differently.
        assert one == pytest.approx(other, abs=1e-4)


def test_an_unreachable_cluster_is_one_line(tmp_path: Path) -> None:
    arguments = [*command(tmp_path, tmp_path / "out"), "--engine", "ray", "--ray-address", "127.0.0.1:9"]
    result = run_python("-m", "demo", *arguments)
    assert result.returncode == 1
    assert result.stderr.startswith("demo: The Ray cluster at 127.0.0.1:9 cannot be reached")
    assert result.stderr.count("\n") == 1


def test_a_folder_that_the_machines_do_not_share_is_refused(tmp_path: Path) -> None:
    checker = PartChecker(tmp_path / "out", MODELS_FOLDER, "discriminator", "cpu")
    with pytest.raises(DemoError, match=r"not this run's folder; name a shared one"):
        checker.check(0)
