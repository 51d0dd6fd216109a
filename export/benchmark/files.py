"""Many files: the whole way against decoding alone, and a run of very many, with what it holds in memory."""

import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout, suppress
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from demo.batch.find import find_pictures
from demo.batch.listing import list_answers
from demo.decoder.client import LARGEST_POOL
from demo.decoder.images import encode_png, load_picture, shared_pool
from demo.inference.check import DECODERS, PICTURES_AT_ONCE
from demo.inference.engine import LARGEST_COUNT, Engine
from export.benchmark.machine import machine
from export.benchmark.options import Options
from export.benchmark.processes import KNOWN, peak_mebibytes, processor_seconds
from export.benchmark.report import Report
from export.benchmark.rounds import Row, Spread, compare, cpu_microseconds, wall_microseconds
from export.benchmark.servers import ROOT
from export.errors import ExportError
from export.from_image import coloured, photographed

DECODER, CHECK = "the isolated decoder alone", "python -m demo check --json DIR"
NORMALIZING, SCORING = "of which the normaliser", "of which the discriminator"
GOAL: Final = 0.9
SIZES: Final = ((28, 28), (280, 280), (640, 480), (1024, 768))
"""Of the mix, width and height: as many pictures of each, by turns as PNG, JPEG and WebP."""

FORMATS: Final = ("PNG", "JPEG", "WEBP")
MANY, EARLY = 100_000, 10_000


def measure(options: Options) -> Report:
    """The rate of `check` on folders of digits and of larger pictures, and a run of 100,000 files.

    Raises:
        ExportError: some picture could not be judged, as happens where other work keeps the decoders waiting
            for longer than they may take.
    """
    engine = Engine.load(options.models, "cpu")
    digits = engine.generate(engine.default_generator, 12 if options.quick else LARGEST_COUNT, seed=1)
    decoders = min(LARGEST_POOL, os.cpu_count() or 1)
    notes = [f"The model is {engine.model} {engine.version}; {decoders} processes decode."]
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as temporary:
        folders = {
            "28x28 digits as PNG": digit_folder(Path(temporary) / "digits", digits, len(digits)),
            "pictures of 28x28 to 1024x768": mixed_folder(Path(temporary) / "mixed", digits[:48]),
        }
        for task, folder in folders.items():
            rows += rates(engine, task, folder, options)
        many = 4 * PICTURES_AT_ONCE if options.quick else MANY
        early = many // 4 if options.quick else EARLY
        folder = digit_folder(Path(temporary) / "many", digits, many)
        if KNOWN:
            rows += very_many(folder, many, early, options)
        else:
            notes.append("Memory was not measured: this system does not tell.")
    rows += parts(engine, digits, options)
    return Report("files", machine(), rows, notes)


def digit_folder(folder: Path, digits: NDArray[np.uint8], count: int) -> Path:
    """A folder of as many PNG files, in some folders inside it; the same digits come again and again."""
    distinct = folder.with_name(f"{folder.name}-distinct")
    distinct.mkdir()
    sources = [distinct / f"{index}.png" for index in range(len(digits))]
    for source, digit in zip(sources, digits, strict=True):
        source.write_bytes(encode_png(digit))
    for index in range(count):
        target = folder / f"{index // 10_000:02d}" / f"{index % 10_000:04d}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        # Many names of one file: they are written quickly, and read like any.
        os.link(sources[index % len(sources)], target)
    return folder


def mixed_folder(folder: Path, digits: NDArray[np.uint8]) -> Path:
    """A folder of as many pictures, drawn and photographed, of all `SIZES` and `FORMATS`."""
    folder.mkdir()
    random = np.random.default_rng(0)
    for index, digit in enumerate(digits):
        size = SIZES[index % len(SIZES)]
        large = np.asarray(Image.fromarray(digit).resize(size, Image.Resampling.BICUBIC))
        picture = photographed(large, random) if index % 2 else coloured(large, random)
        kind = FORMATS[index % len(FORMATS)]
        stream = io.BytesIO()
        Image.fromarray(picture).save(stream, kind)
        (folder / f"{index:03d}.{kind.lower()}").write_bytes(stream.getvalue())
    return folder


def rates(engine: Engine, task: str, folder: Path, options: Options) -> list[Row]:
    """Decoding alone and the whole way, by turns: by the clock, and by what all processors do for it."""
    count = sum(1 for _ in find_pictures([folder]))
    contestants = {DECODER: partial(decode, folder), CHECK: partial(check, engine, folder)}
    rows = compare(
        f"{task}, by the clock",
        "µs a file",
        {name: wall_microseconds(run, 1, count) for name, run in contestants.items()},
        DECODER,
        options.rounds,
        {CHECK: GOAL},
    )
    if KNOWN:
        rows += compare(
            f"{task}, processor time of all processes",
            "µs a file",
            {name: processor_microseconds(run, count) for name, run in contestants.items()},
            DECODER,
            options.rounds,
        )
    return rows


def decode(folder: Path) -> None:
    """Decode a folder's pictures with the app's own decoders, and do nothing with them."""
    paths = (source for _, source in find_pictures([folder]) if isinstance(source, Path))
    with ThreadPoolExecutor(DECODERS) as threads:
        for _ in threads.map(load_picture, paths):
            pass


def check(engine: Engine, folder: Path) -> None:
    """What `python -m demo check --json` does with a folder, once it has started.

    Raises:
        ExportError: some picture could not be judged.
    """
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):  # noqa: PTH123
        if not list_answers(engine, [folder], as_json=True):
            raise ExportError(f"A picture in {folder} could not be judged.")


def processor_microseconds(run: Callable[[], None], count: int) -> Callable[[], float]:
    """What measures the processor time of this process and of its decoders, in µs a file."""

    def spent() -> float:
        return time.process_time() + sum(map(processor_seconds, shared_pool().processes))

    def measured() -> float:
        # A run that was too short for the clock, of 10 ms, still took some time.
        before = spent()
        run()
        return max(spent() - before, 1e-6) / count * 1e6

    return measured


def parts(engine: Engine, digits: NDArray[np.uint8], options: Options) -> list[Row]:
    """What normalising and scoring a digit cost by themselves, against a whole batch of both."""
    batch = digits[:PICTURES_AT_ONCE]

    def normalize() -> None:
        for digit in batch:
            engine.look(digit[..., np.newaxis])

    def both() -> None:
        normalize()
        engine.score(batch)

    runs: dict[str, Callable[[], object]] = {
        "inference": both,
        NORMALIZING: normalize,
        SCORING: partial(engine.score, batch),
    }
    return compare(
        f"inference of a 28x28 digit in batches of {len(batch)}, processor time",
        "µs a file",
        {name: cpu_microseconds(run, 1, len(batch)) for name, run in runs.items()},
        "inference",
        options.rounds,
    )


def very_many(folder: Path, count: int, early: int, options: Options) -> list[Row]:
    """One run of the command over very many files: time a file, and the most memory held until then.

    The peak is the main process's; the decoders hold one picture each. It is read after `early` files, and
    then after every batch.

    Raises:
        ExportError: the command did not answer for every file.
    """
    command = [sys.executable, "-m", "demo", "check", "--device", "cpu", "--json", str(folder)]
    command += ["--models", str(options.models)]
    began = time.perf_counter()
    peaks: list[float] = []
    answers = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:  # noqa: S603
        assert process.stdout is not None
        for line in process.stdout:
            if (error := json.loads(line)["error"]) is not None:
                raise ExportError(f"A digit could not be judged: {error}")
            answers += 1
            if answers == early or (answers > early and answers % PICTURES_AT_ONCE == 0):
                # Its last lines may be read when it has ended.
                with suppress(ProcessLookupError):
                    peaks.append(peak_mebibytes(process.pid))
    seconds = time.perf_counter() - began
    if process.returncode != 0 or answers != count:
        raise ExportError(f"check answered for {answers} of {count} files.")
    name, reached = f"until file {early:,}", f"until file {count:,}"
    task = f"{count:,} digits in one run"
    first, last = peaks[0], peaks[-1]
    return [
        Row(task, CHECK, "µs a file", Spread.of([seconds / count * 1e6]), CHECK),
        Row(f"{task}, peak memory", name, "MiB", Spread.of([first]), name),
        Row(f"{task}, peak memory", reached, "MiB", Spread.of([last]), name, Spread.of([first / last]), 0.97),
    ]
