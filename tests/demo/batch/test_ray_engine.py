"""A cluster of two nodes: its answers are the command's, whatever is killed on the way."""

import os
import platform
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
from export.benchmark.processes import PROC, children

pytest.importorskip("ray")
pq = pytest.importorskip("pyarrow.parquet")
pa = pytest.importorskip("pyarrow")

from demo.batch.plan import make_plan  # noqa: E402
from demo.batch.ray import Judge, Judging  # noqa: E402
from demo.inference.manifest import MODELS_FOLDER  # noqa: E402

ROOT = Path(__file__).parents[3]
PART = 64
PARTS = 30

# A worker that part 1 ends, in a module that Ray's processes import.
DEADLY = """
import os
import signal

from demo.batch.ray import Judge


class Deadly(Judge):
    number = None

    @property
    def engine(self):
        if self.number == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return Judge.engine.func(self)

    def judge(self, part):
        self.number = part.number
        return super().judge(part)
"""

pytestmark = pytest.mark.skipif(not PROC.exists(), reason="only on Linux are the workers' processes told")


class Nodes:
    """Two nodes with a worker's core each, on this machine."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        head = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": 128 << 20}
        self.cluster: Any = Cluster(initialize_head=True, head_node_args=head)
        self.nodes = [self.cluster.head_node]
        self.nodes.append(self.cluster.add_node(num_cpus=1, object_store_memory=128 << 20))

    def workers(self) -> list[int]:
        """The processes that judge now, on either node."""
        raylets = [node.all_processes["raylet"][0].process.pid for node in self.nodes]
        started = [pid for raylet in raylets for pid in children(raylet)]
        return [pid for pid in started if "Judge" in (PROC / str(pid) / "cmdline").read_text()]


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_BACKEND_LOG_LEVEL", "fatal")
        patch.delenv("RAY_ADDRESS", raising=False)
        nodes = Nodes()
        yield nodes
        nodes.cluster.shutdown()


@pytest.fixture(scope="module")
def pictures(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Digits and pictures that are broken, as files, and some more of both in a table."""
    folder = tmp_path_factory.mktemp("collection") / "pictures"
    folder.mkdir()
    digits = [encode_png(digit) for digit in engine.generate("mlp_generator", 124, seed=1)]
    odd = [b"", b"no picture", digits[0][:-40], encode_png(np.full((30, 40), 255, np.uint8))]
    for index in range((PARTS - 2) * PART):
        (folder / f"{index:05d}.png").write_bytes(digits[index % 124] if index % 50 else odd[index // 50 % 4])
    images = [{"bytes": content, "path": None} for content in [*digits, *odd]]
    pq.write_table(pa.table({"image": images}), folder / "more.parquet")
    return folder


@pytest.fixture(scope="module")
def expected(pictures: Path) -> list[dict[str, object]]:
    """What the engine of this process says, in the same parts."""
    out = pictures.parent / "local"
    assert main([*command(pictures, out), "--device", "cpu"]) == 1
    return answers(out)


def command(pictures: Path, out: Path) -> list[str]:
    return ["check", str(pictures), "--out", str(out), "--part", str(PART)]


def started(nodes: Nodes | None, pictures: Path, out: Path) -> subprocess.Popen[str]:
    """The command, under way on a cluster; where none is given, on one of its own."""
    arguments = [*command(pictures, out), "--engine", "ray"]
    if nodes is not None:
        arguments += ["--ray-address", nodes.cluster.address]
    return subprocess.Popen(
        [sys.executable, "-m", "demo", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def wait_for_parts(out: Path, count: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while len(list(out.glob("part-*"))) < count:
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()
        time.sleep(0.002)


def answers(out: Path) -> list[dict[str, object]]:
    return [row for path in sorted(out.glob("part-*.parquet")) for row in pq.read_table(path).to_pylist()]


def the_same(found: list[dict[str, object]], expected: list[dict[str, object]]) -> bool:
    """Whether answers are the same but for the last bits of a number, which another core may compute."""
    pairs = zip(found, expected, strict=True)
    return all(one == pytest.approx(other, abs=1e-4) for one, other in pairs)


def test_a_killed_worker_loses_nothing_and_repeats_nothing(
    nodes: Nodes, pictures: Path, expected: list[dict[str, object]], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    process = started(nodes, pictures, out)
    wait_for_parts(out, 2, process)
    killed = nodes.workers()[0]
    os.kill(killed, signal.SIGKILL)
    made = len(list(out.glob("part-*")))
    printed, told = process.communicate(timeout=60)
    assert made < PARTS
    assert (process.returncode, printed) == (1, ""), told
    unjudged = sum(row["error"] is not None for row in expected)
    # Before it Ray says that it lost a worker.
    assert told.splitlines()[-1] == f"{out}: {PARTS * PART:,} pictures, {unjudged} of them not judged"
    assert the_same(answers(out), expected)
    names = {"inputs.parquet", "plan.json", *(f"part-{number:06d}.parquet" for number in range(PARTS))}
    assert {path.name for path in out.iterdir()} == names


def test_a_killed_run_goes_on_where_it_was(
    nodes: Nodes, pictures: Path, expected: list[dict[str, object]], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    process = started(nodes, pictures, out)
    wait_for_parts(out, 4, process)
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 30
    while nodes.workers():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    finished = {path: path.stat() for path in out.glob("part-*")}
    assert 4 <= len(finished) < PARTS
    again = started(nodes, pictures, out)
    _, told = again.communicate(timeout=60)
    assert again.returncode == 1
    assert f"({len(finished)} of {PARTS} parts were there before)" in told
    for path, status in finished.items():
        assert (path.stat().st_ino, path.stat().st_mtime_ns) == (status.st_ino, status.st_mtime_ns)
    assert the_same(answers(out), expected)


def test_without_a_cluster_one_is_started_and_what_its_worker_cannot_do_is_one_line(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    cut = tmp_path / "cut.parquet"
    content = (pictures / "more.parquet").read_bytes()
    # Its footer is whole, and its pages are not.
    cut.write_bytes(content[:4] + bytes(len(content) // 2) + content[4 + len(content) // 2 :])
    process = started(None, cut, tmp_path / "out")
    printed, told = process.communicate(timeout=60)
    assert (process.returncode, printed) == (1, "")
    assert told.startswith(f"demo: On {platform.node()}: {cut} cannot be read as Parquet")
    assert told.count("\n") == 1
    assert not list((tmp_path / "out").glob("part-*"))


def test_a_part_that_ends_its_worker_each_time_is_told_by_name(
    engine: Engine, nodes: Nodes, tmp_path: Path
) -> None:
    folder, out = tmp_path / "pictures", tmp_path / "out"
    folder.mkdir()
    for index, digit in enumerate(engine.generate("mlp_generator", 3 * PART, seed=1)):
        (folder / f"{index:03d}.png").write_bytes(encode_png(digit))
    # Of an earlier run: whatever was the matter may have been put right.
    out.mkdir()
    (out / ".part-000000.parquet.begun").write_text("one\ntwo\nthree\n")
    arguments = [*command(folder, out), "--engine", "ray", "--ray-address", nodes.cluster.address]
    (tmp_path / "deadly.py").write_text(DEADLY)
    program = (
        "import deadly\nfrom demo.batch import ray_engine\nfrom demo.cli import main\n"
        f"ray_engine.Judge = deadly.Deadly\nraise SystemExit(main({arguments!r}))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        timeout=150,
    )
    assert result.returncode == 1, result.stderr
    sentence = result.stderr.splitlines()[-1]
    assert sentence == (
        f"demo: On {platform.node()}: part 1 ({PART} pictures from row {PART} of {out / 'inputs.parquet'}) "
        f"ended its worker's process 3 times (on {platform.node()}); see whether memory is short there, and "
        "start again to go on."
    )
    assert not (out / "part-000001.parquet").exists()
    assert main([*command(folder, out), "--device", "cpu"]) == 0
    assert len(answers(out)) == 3 * PART
    assert not list(out.glob(".part-*"))


def test_a_worker_s_own_folder_of_results_is_not_believed(engine: Engine, tmp_path: Path) -> None:
    picture = tmp_path / "1.png"
    picture.write_bytes(encode_png(np.zeros((28, 28), np.uint8)))
    out = tmp_path / "out"
    plan = make_plan([picture], out, PART, engine.manifest, engine.model)
    judge = Judge(Judging(str(MODELS_FOLDER), engine.model, "cpu", plan.models, str(out), plan.sha256))
    vars(judge)["engine"] = engine
    out.rename(tmp_path / "shared")
    with pytest.raises(ResultsError, match=r"not the run's folder of results .* all machines share"):
        judge.judge(plan.parts[0])
    # The same command, begun on another machine: the same but for the run.
    make_plan([picture], out, PART, engine.manifest, engine.model)
    with pytest.raises(ResultsError, match="not the run's folder of results"):
        judge.judge(plan.parts[0])
    assert not list(out.glob("*part-*"))


def test_a_cluster_that_is_not_there_is_one_line(pictures: Path, tmp_path: Path) -> None:
    arguments = [*command(pictures, tmp_path / "out"), "--engine", "ray", "--ray-address", "127.0.0.1:9"]
    result = subprocess.run(
        [sys.executable, "-m", "demo", *arguments], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert result.returncode == 1
    assert result.stderr.startswith("demo: The Ray cluster at 127.0.0.1:9 cannot be reached")
    assert result.stderr.count("\n") == 1
