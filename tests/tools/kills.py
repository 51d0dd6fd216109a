"""`python -m tests.tools.kills`: whatever is written is killed while it is written, and then read.

For each kind of file: kills (SIGKILL) at random moments, and once a limit on a file's size, which stops a
write half-way as a full disk does. Then a small training is killed twice and resumed, and its files are
compared with those of one that was left alone. Prints a table; the exit code is 1 where anything could not be
read, or differed. Needs `fork`.
"""

import argparse
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq
import torch

from demo.batch.parquet import write_answers
from demo.batch.plan import settle
from demo.errors import DemoError
from demo.folders import ASIDE
from demo.inference.answer import Answer
from demo.inference.manifest import MODELS_FOLDER, Manifest
from demo.space.assemble import MARK, assemble_space
from export.benchmark.harness import Report, load, save
from export.conformance import CONFORMANCE_FOLDER, EXPECTED, write_pack
from export.errors import ExportError
from export.hub import write_hub
from export.publish import publish
from tests.support.handwriting import small_digits, write_data_set
from train.__main__ import main as train_main
from train.checkpoint import load_snapshot, save_snapshot
from train.data.mnist import DATA_VARIABLE, DATASETS
from train.errors import TrainError
from train.run import Run

OPTIONS: Final = (
    *("--preset", "smoke", "--dataset", "small-digits"),
    *("--epochs", "12", "--save-every", "20", "--threads", "1"),
)
KILLS_PER_TRAINING: Final = 2
LIMIT_BYTES: Final = 4096
"""What a file may hold on the disk that is full."""
LONGEST_WAIT: Final = 60.0
CLEAR, UNCLEAR = 3, 4
"""How a child ends that met a full disk: with an error of ours on one line, or in another way."""


@dataclass(frozen=True)
class Writing:
    """One kind of file.

    write: writes a version of it into a folder. read: raises unless what the folder holds is whole.
    """

    name: str
    write: Callable[[Path, int], object]
    read: Callable[[Path], object]


def write_snapshot(folder: Path, version: int) -> None:
    save_snapshot(
        folder / "x.safetensors", {"a": torch.full((500_000,), float(version))}, {"version": version}
    )


def read_snapshot(folder: Path) -> None:
    tensors, header = load_snapshot(folder / "x.safetensors")
    assert bool((tensors["a"] == header["version"]).all())


def write_metrics(folder: Path, version: int) -> None:
    run = Run(folder)
    run.rewind_metrics(10)
    for step in range(1 if version == 0 else 11, 200):
        run.log({"step": step, "text": "x" * 100})


def read_metrics(folder: Path) -> None:
    steps = [row["step"] for row in Run(folder).metrics()]
    assert steps == list(range(1, 1 + len(steps)))


def write_models(folder: Path, version: int) -> None:
    entries = {"a.onnx": {"kind": "discriminator", "golden": {}, "opset": version}}
    publish(folder / "models", dict.fromkeys(("a.onnx", "b.png"), b"%09d" % version * 50_000), entries)


def read_models(folder: Path) -> None:
    manifest = Manifest.load(folder / "models")
    expected = b"%09d" % manifest.files["a.onnx"]["opset"] * 50_000
    assert manifest.read("a.onnx") == manifest.read("b.png") == expected


def write_hub_folder(folder: Path, version: int) -> None:
    write_hub(folder / f"hub-{version}", MODELS_FOLDER, CONFORMANCE_FOLDER)


def read_hub_folder(folder: Path) -> None:
    for hub in folder.glob("hub-*"):
        for line in (hub / "SHA256SUMS").read_text().splitlines():
            checksum, name = line.split("  ")
            assert hashlib.sha256((hub / name).read_bytes()).hexdigest() == checksum


def write_conformance(folder: Path, version: int) -> None:  # noqa: ARG001 - the same each time
    write_pack(folder / "pack", MODELS_FOLDER)


def read_conformance(folder: Path) -> None:
    for row in json.loads((folder / "pack" / EXPECTED).read_text())["pictures"]:
        written = (folder / "pack" / row["file"]).read_bytes()
        assert written == (CONFORMANCE_FOLDER / row["file"]).read_bytes()


def write_space(folder: Path, version: int) -> None:  # noqa: ARG001 - the same each time
    assemble_space(folder / "space", MODELS_FOLDER, "cpu")


def read_space(folder: Path) -> None:
    for name, checksum in json.loads((folder / "space" / MARK).read_text())["files"].items():
        assert hashlib.sha256((folder / "space" / name).read_bytes()).hexdigest() == checksum


def write_part(folder: Path, version: int) -> None:
    write_answers(folder / "part-000000.parquet", [Answer(f"{version}-{row}.png") for row in range(5000)])


def read_part(folder: Path) -> None:
    names = pq.read_table(folder / "part-000000.parquet")["file"].to_pylist()
    version = names[0].split("-")[0]
    assert names == [f"{version}-{row}.png" for row in range(5000)]


def write_plan(folder: Path, version: int) -> None:
    settle(folder / f"plan-{version}.json", {"version": version, "text": "x" * 2_000_000})


def read_plans(folder: Path) -> None:
    for path in folder.glob("plan-*.json"):
        assert path.name == f"plan-{json.loads(path.read_text())['version']}.json"


def write_results(folder: Path, version: int) -> None:
    save(Report("part", "", {"version": version}, [], [f"Note {version}."] * 50_000), folder)


def read_results(folder: Path) -> None:
    report = load("part", folder)
    assert set(report.notes) == {f"Note {report.machine['version']}."}
    assert len(report.notes) == 50_000


WRITINGS: Final = (
    Writing("snapshot of a training", write_snapshot, read_snapshot),
    Writing("metrics of a training", write_metrics, read_metrics),
    Writing("published models", write_models, read_models),
    Writing("Hub folder", write_hub_folder, read_hub_folder),
    Writing("conformance pack", write_conformance, read_conformance),
    Writing("Space's folder", write_space, read_space),
    Writing("part of a collection", write_part, read_part),
    Writing("plan of a collection", write_plan, read_plans),
    Writing("benchmark's results", write_results, read_results),
)


@contextmanager
def child(work: Callable[[], int]) -> Iterator[int]:
    """The id of a process that does some work, silently, and ends with its code; killed if it does not.

    Forked: torch and all else is imported once for many. This process itself computes nothing before.
    """
    process = os.fork()
    if process == 0:
        code = 1
        try:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
            code = work()
        finally:
            os._exit(code)
    try:
        yield process
    finally:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)


def ended(process: int, seconds: float) -> bool:
    """Whether a child ends within so many seconds; it can still be waited for."""
    deadline = time.monotonic() + seconds
    while True:
        if os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.0005)


def code_of(work: Callable[[], int]) -> int:
    """The code that some work ends with, in a process of its own."""
    with child(work) as process:
        assert ended(process, 10 * LONGEST_WAIT)
        found = os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT)
        assert found is not None
        return found.si_status


def done(work: Callable[..., object], *arguments: object) -> bool:
    """Whether some work ends without an error, in a process of its own."""

    def run() -> int:
        work(*arguments)
        return 0

    return code_of(run) == 0


def asides(folder: Path) -> list[Path]:
    """What a write that has not ended has beside what it will replace."""
    return [
        path
        for path in (*folder.glob(".*"), *folder.glob("*/.*"), *folder.glob("*/*/.*"))
        if path.suffix in (".partial", ".staged") or ASIDE.fullmatch(path.name)
    ]


def kill_writing(writing: Writing, folder: Path, chance: random.Random) -> bool:
    """Kill a process that writes version after version; returns whether it was in the midst of a file."""

    def write_on() -> int:
        version = 1
        while True:
            writing.write(folder, version)
            version += 1

    with child(write_on) as process:
        deadline = time.monotonic() + LONGEST_WAIT
        # What is computed before anything is written takes long, and needs no kill.
        while not asides(folder) and not ended(process, 0) and time.monotonic() < deadline:
            time.sleep(0.0002)
        # Some moments are those of the write that was just seen, the others any.
        ended(process, chance.choice((0.0, 0.002, 0.02, 0.2)) * chance.random())
    return bool(asides(folder))


def fill_disk(writing: Writing, folder: Path) -> int:
    """Write a version where no file may be long; how that ended: `CLEAR`, `UNCLEAR`, or 0 where it fitted."""

    def write_limited() -> int:
        resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT_BYTES, LIMIT_BYTES))
        try:
            writing.write(folder, 1_000_000)
        except (DemoError, ExportError, TrainError) as error:
            return UNCLEAR if "\n" in str(error) else CLEAR
        except OSError:
            # Of a part of a command, which says it in its own words.
            return CLEAR if writing.write is write_plan else UNCLEAR
        return 0

    return code_of(write_limited)


@dataclass(frozen=True)
class Figures:
    """What became of one kind of file.

    midst: how many of the kills left a file that was being written. unreadable: after how many kills anything
    could not be read. full: whether a full disk gave a clear error, and left the last good file.
    """

    name: str
    kills: int
    midst: int
    unreadable: int
    full: bool


def battery(writing: Writing, kills: int, chance: random.Random) -> Figures:
    """Kill one kind of writing so many times, reading after each, and then fill the disk."""
    midst = unreadable = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if not done(writing.write, folder, 0):
            raise RuntimeError(f"The {writing.name} cannot be written at all.")
        for _ in range(kills):
            midst += kill_writing(writing, folder, chance)
            unreadable += not done(writing.read, folder)
            for path in asides(folder):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            for path in folder.glob("hub-*"):
                shutil.rmtree(path)
        full = fill_disk(writing, folder) == CLEAR and done(writing.read, folder)
    return Figures(writing.name, kills, midst, unreadable, full)


def training(folder: Path, *flags: str) -> Callable[[], int]:
    return lambda: train_main(
        ["tutorial", *OPTIONS, "--runs", str(folder.parent), "--name", folder.name, *flags]
    )


def content_of(folder: Path) -> dict[str, Any]:
    """All that a run holds, every tensor bit for bit, but for the seconds that it took, and its diagrams."""
    run = Run(folder)
    tensors: dict[tuple[int, str], Any] = {}
    headers = []
    for step in run.steps():
        found, header = run.load(step)
        tensors |= {
            (step, name): (each.dtype, each.shape, each.numpy().tobytes()) for name, each in found.items()
        }
        headers.append({**header, "seconds": None})
    names = sorted(path.name for path in folder.iterdir())
    pictures = {name: (folder / name).read_bytes() for name in names if name.startswith("samples")}
    rows = [{**row, "seconds": None} for row in run.metrics()]
    return {
        **{"tensors": tensors, "headers": headers, "names": names, "pictures": pictures, "metrics": rows},
        "config": run.config_path.read_bytes(),
    }


def resume_trainings(count: int, chance: random.Random) -> tuple[int, int]:
    """Kill and resume so many trainings; returns how many came out the same bit for bit, and all kills."""
    same = kills = 0
    with tempfile.TemporaryDirectory() as temporary:
        base = Path(temporary)
        DATASETS["small-digits"] = write_data_set(base / "data" / "small-digits", *small_digits())
        os.environ[DATA_VARIABLE] = str(base / "data")
        began = time.monotonic()
        if code_of(training(base / "straight")):
            raise RuntimeError("The training does not run at all.")
        duration = time.monotonic() - began
        expected = content_of(base / "straight")
        for _ in range(count):
            folder = base / "killed"
            for _ in range(KILLS_PER_TRAINING):
                with child(training(folder, "--resume")) as process:
                    kills += not ended(process, duration * chance.random() * 0.35)
            if code_of(training(folder, "--resume")) == 0:
                same += content_of(folder) == expected
            shutil.rmtree(folder)
    return same, kills


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the battery and print its table; returns 1 where anything was unreadable or differed."""
    parser = argparse.ArgumentParser(prog="python -m tests.tools.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=50, help="of each kind of file (default: 50)")
    parser.add_argument("--resumes", type=int, default=20, help="trainings killed twice (default: 20)")
    parser.add_argument("--seed", type=int, default=8, help="of the moments (default: 8)")
    parsed = parser.parse_args(arguments)
    chance = random.Random(parsed.seed)  # noqa: S311 - moments, not secrets
    torch.set_num_threads(1)
    good = True
    print("| What | Kills | In the midst | Unreadable | Full disk: the last good file, a clear error |")
    print("| --- | --: | --: | --: | --- |", flush=True)
    for writing in WRITINGS:
        each = battery(writing, parsed.kills, chance)
        good &= each.full and not each.unreadable
        told = "yes" if each.full else "no"
        print(f"| {each.name} | {each.kills} | {each.midst} | {each.unreadable} | {told} |", flush=True)
    same, kills = resume_trainings(parsed.resumes, chance)
    print(f"\nOf {parsed.resumes} trainings, killed {kills} times and resumed, {same} came out the same.")
    return 0 if good and same == parsed.resumes else 1


if __name__ == "__main__":
    sys.exit(main())
