"""The Ray engine gives the answers of the local one, even if drivers and workers are killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from demo.cli import main
from demo.decoder.images import encode_png
from demo.errors import ResultsError
from demo.inference.engine import Engine
from demo.inference.manifest import MODELS_FOLDER

pytest.importorskip("ray")
pq = pytest.importorskip("pyarrow.parquet")

from demo.batch.ray import PartChecker  # noqa: E402
from demo.batch.run import make_plan  # noqa: E402

ROOT = Path(__file__).parents[3]
PART = 32
PARTS = 16
PROC = Path("/proc")

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


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two nodes with a worker's core each, on this machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.delenv("RAY_ADDRESS", raising=False)
        from ray.cluster_utils import Cluster

        head = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": 128 << 20}
        cluster = Cluster(initialize_head=True, head_node_args=head)
        cluster.add_node(num_cpus=1, object_store_memory=128 << 20)
        yield cluster
        cluster.shutdown()


@pytest.fixture(scope="module")
def pictures(tutorial_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("collection") / "pictures"
    folder.mkdir()
    digits = [encode_png(digit) for digit in tutorial_engine.generate("mlp_generator", 60, seed=1)]
    for index in range(PARTS * PART):
        (folder / f"{index:05d}.png").write_bytes(digits[index % 60] if index % 50 else b"no picture")
    return folder


def command(pictures: Path, out: Path) -> list[str]:
    return ["check", str(pictures), "--out", str(out), "--part", str(PART), "--model", "mlp_discriminator"]


def answers(out: Path) -> list[dict[str, object]]:
    return [row for path in sorted(out.glob("part-*.parquet")) for row in pq.read_table(path).to_pylist()]


def test_killed_drivers_and_workers_lose_nothing_and_repeat_nothing(
    cluster: Any, pictures: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"

    def started() -> subprocess.Popen[str]:
        arguments = [*command(pictures, out), "--engine", "ray", "--ray-address", cluster.address]
        return subprocess.Popen(
            [sys.executable, "-m", "demo", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def wait_for_parts(count: int, process: subprocess.Popen[str]) -> None:
        deadline = time.monotonic() + 120
        while len(list(out.glob("part-*"))) < count:
            assert time.monotonic() < deadline
            assert process.poll() is None, process.communicate()
            time.sleep(0.002)

    driver = started()
    wait_for_parts(2, driver)
    driver.kill()
    driver.communicate()
    deadline = time.monotonic() + 60
    while workers():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    finished = {path: path.stat() for path in out.glob("part-*")}
    assert 2 <= len(finished) < PARTS
    assert all(pq.read_table(path).num_rows == PART for path in finished)

    again = started()
    wait_for_parts(len(finished) + 1, again)
    os.kill(workers()[0], signal.SIGKILL)
    printed, messages = again.communicate(timeout=180)
    assert (again.returncode, printed) == (1, ""), messages
    assert f"({len(finished)} of {PARTS} parts were there before)" in messages
    for path, status in finished.items():
        assert (path.stat().st_ino, path.stat().st_mtime_ns) == (status.st_ino, status.st_mtime_ns)
    names = {"inputs.parquet", "plan.json", *(f"part-{number:06d}.parquet" for number in range(PARTS))}
    assert {path.name for path in out.iterdir()} == names

    local = tmp_path / "local"
    assert main([*command(pictures, local), "--device", "cpu"]) == 1
    assert pq.read_schema(out / "part-000000.parquet") == pq.read_schema(local / "part-000000.parquet")
    for one, other in zip(answers(out), answers(local), strict=True):
        # Another core may compute the last bits of a number differently.
        assert one == pytest.approx(other, abs=1e-4)


def test_an_unreachable_cluster_is_one_line(pictures: Path, tmp_path: Path) -> None:
    arguments = [*command(pictures, tmp_path / "out"), "--engine", "ray", "--ray-address", "127.0.0.1:9"]
    result = subprocess.run(
        [sys.executable, "-m", "demo", *arguments], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert result.returncode == 1
    assert result.stderr.startswith("demo: The Ray cluster at 127.0.0.1:9 cannot be reached")
    assert result.stderr.count("\n") == 1


def test_a_folder_that_the_machines_do_not_share_is_refused(engine: Engine, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (tmp_path / "1.png").write_bytes(encode_png(np.zeros((28, 28), np.uint8)))
    plan = make_plan([tmp_path / "1.png"], out, PART, engine.manifest, engine.model)
    checker = PartChecker(plan, MODELS_FOLDER, engine.model, "cpu")
    out.rename(tmp_path / "shared")
    with pytest.raises(ResultsError, match=r"not this run's folder; name a shared one"):
        checker.check(checker.plan.parts[0])
    # The same command, begun on another machine.
    make_plan([tmp_path / "1.png"], out, PART, engine.manifest, engine.model)
    with pytest.raises(ResultsError, match=r"not this run's folder"):
        checker.check(checker.plan.parts[0])
    assert not list(out.glob("*part-*"))
