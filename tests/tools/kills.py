"""Kill processes while they write, and read what they wrote: `python -m tests.tools.kills`.

For each kind of file: SIGKILL at random moments, and once a limit on the size of files, which fails a write
as a full disk does. Hub folder and conformance pack are written as published models are. Then trainings are
killed twice, resumed, and compared with an undisturbed one. Prints a table; the exit code is 1 if anything
could not be read or differed. Needs `fork`.
"""

import argparse
import hashlib
import itertools
import json
import multiprocessing
import os
import random
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq
import torch

from demo.cli import main as demo_main
from demo.errors import DemoError
from demo.folders import ASIDE
from demo.inference.manifest import MODELS_FOLDER, Manifest
from demo.space.assemble import MARK, assemble_space
from export.conformance import CONFORMANCE_FOLDER
from export.errors import ExportError
from export.publish import publish
from tests.support.handwriting import small_digits, write_data_set
from train.checkpoint import load_snapshot, save_snapshot
from train.cli import main as train_main
from train.data.mnist import DATA_VARIABLE, DATASETS
from train.errors import TrainError
from train.run import Run

FORK: Final = multiprocessing.get_context("fork")
OPTIONS: Final = (
    *("--preset", "smoke", "--dataset", "small-digits"),
    *("--epochs", "12", "--save-every", "20", "--threads", "1"),
)
KILLS_PER_TRAINING: Final = 2
LARGEST_FILE: Final = 4096
"""Bytes that fit into a file on the full disk."""
LONGEST_WRITE: Final = 60.0
LONGEST_WORK: Final = 600.0
CLEAR: Final = 3
"""Exit code of a process that met a full disk and raised one of the project's errors, on one line."""
CHANCE: Final = random.Random(8)  # noqa: S311 - moments, not secrets
DELAYS: Final = (0.0, 0.002, 0.02, 0.2)
"""Seconds from the start of a write to the latest moment of a kill."""


@dataclass(frozen=True)
class Writing:
    """A kind of file. write: writes a version into a folder. read: raises if anything in it is not whole."""

    name: str
    write: Callable[[Path, int], object]
    read: Callable[[Path], object]


def write_snapshot(folder: Path, version: int) -> None:
    tensors = {"a": torch.full((500_000,), float(version))}
    save_snapshot(folder / "x.safetensors", tensors, {"version": version})


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


def write_space(folder: Path, _: int) -> None:
    assemble_space(folder / "space", MODELS_FOLDER, "cpu")


def read_space(folder: Path) -> None:
    checksums = json.loads((folder / "space" / MARK).read_text())["files"]
    for name, checksum in checksums.items():
        assert hashlib.sha256((folder / "space" / name).read_bytes()).hexdigest() == checksum


def write_answers(folder: Path, version: int) -> None:
    out = folder / f"answers-{version}"
    pictures = [str(CONFORMANCE_FOLDER / f"drawn-{digit}.png") for digit in range(10)]
    assert demo_main(["check", "--device", "cpu", "--part", "2", "--out", str(out), *pictures]) == 0


def read_answers(folder: Path) -> None:
    for path in folder.glob("answers-*/[!.]*.parquet"):
        pq.read_table(path)
    for out in folder.glob("answers-*"):
        # The same command goes on where it was killed.
        write_answers(folder, int(out.name.partition("-")[2]))
        rows = [pq.read_table(path).num_rows for path in out.glob("part-*.parquet")]
        assert sum(rows) == 10


WRITINGS: Final = (
    Writing("snapshot of a training", write_snapshot, read_snapshot),
    Writing("metrics of a training", write_metrics, read_metrics),
    Writing("published models", write_models, read_models),
    Writing("folder of a Space", write_space, read_space),
    Writing("answers of a collection", write_answers, read_answers),
)


@contextmanager
def child(work: Callable[..., object], *arguments: object) -> Iterator[BaseProcess]:
    """A process that works silently, killed at the end. Forked, so that torch is imported only once."""

    def silently() -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        work(*arguments)

    process = FORK.Process(target=silently)
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()


def exit_code(work: Callable[..., object], *arguments: object) -> int | None:
    """Return the exit code of some work in a process of its own; 0 if it raised nothing."""
    with child(work, *arguments) as process:
        process.join(LONGEST_WORK)
        return process.exitcode


def unfinished(folder: Path) -> list[Path]:
    """Return the hidden files and folders that a write makes before it replaces anything."""
    hidden = (path for pattern in (".*", "*/.*", "*/*/.*") for path in folder.glob(pattern))
    return [path for path in hidden if path.suffix in (".partial", ".staged") or ASIDE.fullmatch(path.name)]


def kill_while_writing(writing: Writing, folder: Path) -> bool:
    """Kill a process that writes; return whether a file was being written."""

    def write_on() -> None:
        for version in itertools.count(1):
            writing.write(folder, version)

    with child(write_on) as process:
        deadline = time.monotonic() + LONGEST_WRITE
        # What is computed before a write takes long, and needs no kill.
        while not unfinished(folder) and process.is_alive() and time.monotonic() < deadline:
            time.sleep(0.0002)
        time.sleep(CHANCE.choice(DELAYS) * CHANCE.random())
    return bool(unfinished(folder))


def write_on_a_full_disk(writing: Writing, folder: Path) -> None:
    """Write where files must be small; exit with `CLEAR` if that ends with an error of the project."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
    try:
        writing.write(folder, 1_000_000)
    except (DemoError, ExportError, TrainError) as error:
        sys.exit(1 if "\n" in str(error) else CLEAR)
    except AssertionError:
        # A command printed the error itself.
        sys.exit(CLEAR)


def kill_often(writing: Writing, kills: int) -> tuple[int, int, bool]:
    """Kill one kind of writing many times, read after each kill, and then fill the disk.

    Returns the kills that left a file being written, those after which something could not be read, and
    whether the full disk gave a clear error and left the last good file.
    """
    interrupted = unreadable = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if exit_code(writing.write, folder, 0) != 0:
            raise RuntimeError(f"{writing.name}: cannot be written at all.")
        for _ in range(kills):
            interrupted += kill_while_writing(writing, folder)
            unreadable += exit_code(writing.read, folder) != 0
            for path in (*unfinished(folder), *folder.glob("answers-*")):
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        clear = exit_code(write_on_a_full_disk, writing, folder) == CLEAR
        full = clear and exit_code(writing.read, folder) == 0
    return interrupted, unreadable, full


def train(folder: Path, *flags: str) -> None:
    sys.exit(train_main(["tutorial", *OPTIONS, "--runs", str(folder.parent), "--name", folder.name, *flags]))


def content_of(folder: Path) -> dict[str, Any]:
    """Return all that a run holds, tensors bit for bit, without times and plots."""
    run = Run(folder)
    names = sorted(path.name for path in folder.iterdir())
    content: dict[str, Any] = {"names": names, "config": run.config_path.read_bytes()}
    content["metrics"] = [{**row, "seconds": None} for row in run.metrics()]
    for step in run.steps():
        tensors, header = run.load(step)
        values = {name: (each.dtype, each.shape, each.numpy().tobytes()) for name, each in tensors.items()}
        content[f"step {step}"] = (values, {**header, "seconds": None})
    return content | {name: (folder / name).read_bytes() for name in names if name.startswith("samples")}


def resume_trainings(count: int) -> tuple[int, int]:
    """Kill and resume trainings; return how many gave the same run bit for bit, and how many kills hit."""
    same = kills = 0
    with tempfile.TemporaryDirectory() as temporary:
        base = Path(temporary)
        DATASETS["small-digits"] = write_data_set(base / "data" / "small-digits", *small_digits())
        os.environ[DATA_VARIABLE] = str(base / "data")
        began = time.monotonic()
        if exit_code(train, base / "straight") != 0:
            raise RuntimeError("The training does not run at all.")
        duration = time.monotonic() - began
        expected = content_of(base / "straight")
        folder = base / "killed"
        for _ in range(count):
            for _ in range(KILLS_PER_TRAINING):
                with child(train, folder, "--resume") as process:
                    process.join(duration * CHANCE.random() * 0.35)
                    kills += process.is_alive()
            same += exit_code(train, folder, "--resume") == 0 and content_of(folder) == expected
            shutil.rmtree(folder)
    return same, kills


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the battery and print its table; return 1 where anything was unreadable or differed."""
    parser = argparse.ArgumentParser(prog="python -m tests.tools.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=50, help="of each kind of file (default: 50)")
    parser.add_argument("--resumes", type=int, default=20, help="trainings to kill twice (default: 20)")
    parsed = parser.parse_args(arguments)
    torch.set_num_threads(1)
    good = True
    print("| What | Kills | During a write | Unreadable | Full disk: clear error, last good file kept |")
    print("| --- | --: | --: | --: | --- |", flush=True)
    for writing in WRITINGS:
        interrupted, unreadable, full = kill_often(writing, parsed.kills)
        good &= full and not unreadable
        cells = (writing.name, parsed.kills, interrupted, unreadable, "yes" if full else "no")
        print(f"| {' | '.join(map(str, cells))} |", flush=True)
    same, kills = resume_trainings(parsed.resumes)
    print(f"\n{same} of {parsed.resumes} trainings, killed {kills} times and resumed, are bit-identical.")
    return 0 if good and same == parsed.resumes else 1


if __name__ == "__main__":
    sys.exit(main())
