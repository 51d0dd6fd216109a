"""`python -m demo check --out DIR`: the answers for a collection as Parquet tables, in parts.

    DIR/inputs.parquet       the pictures, a row each, and a row group for each part
    DIR/part-000012.parquet  the answers of the thirteenth part, in order

Each part is written atomically: a run that is stopped loses only the parts in progress, and the same command
adds the missing ones. Ray workers write their parts themselves, so no picture passes through Ray's object
store.
"""

import contextlib
import filecmp
import json
import os
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby, islice
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from demo.batch.archive import is_archive
from demo.batch.find import SUFFIXES, find_pictures
from demo.batch.parquet import as_text, count_errors, count_pictures, read_pictures, reading, write_answers
from demo.contract import NORMALIZER
from demo.decoder.images import read_file
from demo.errors import DemoError, MachineError, PictureError, UsageError
from demo.folders import ASIDE, foreign
from demo.inference.answer import Answer
from demo.inference.check import DECODERS, Source, check_stream
from demo.inference.engine import Engine

PICTURES_IN_PART: Final = 4096
"""A stopped run loses the part in progress: some seconds of work."""

LISTING: Final = "inputs.parquet"
TABLE_SUFFIX: Final = ".parquet"

LISTED: Final = pa.schema(
    [
        pa.field("file", pa.string(), nullable=False),
        pa.field("path", pa.binary(), nullable=False),
        pa.field("row", pa.int64()),
        pa.field("changed", pa.int64()),
        pa.field("error", pa.string()),
    ]
)
"""Name for the answer; absolute path; for a table, the row and when the table was changed; or why there is no
picture."""

TRIES: Final = 3
"""How often a part is tried when the machine, not a picture, is at fault."""
RETRY_SECONDS: Final = 1.0


def list_pictures(paths: Sequence[Path], out: Path, size: int, engine: Engine) -> None:
    """Write the list of pictures into the folder of results, or compare it with that of an earlier run.

    paths: picture files, Parquet tables, and folders of both. out: a folder that is new, empty, or of the
    same command. size: the most pictures in a part.

    Raises:
        DemoError: a table cannot be read or has no pictures, or the folder cannot be written.
        UsageError: the folder holds something else, or the answers of another command.
    """
    schema = LISTED.with_metadata({"models": models_of(engine)})
    aside = out / f".{LISTING}.{uuid.uuid4().hex}"
    try:
        if foreign(out, LISTING):
            raise UsageError(
                f"{out} is not a folder of results (no {LISTING}); name one that is new or empty."
            )
        out.mkdir(parents=True, exist_ok=True)
        with pq.ParquetWriter(aside, schema) as writer:
            rows = find_rows(paths)
            while chunk := list(islice(rows, size)):
                writer.write_table(pa.Table.from_pylist(chunk, schema), size)
        if not (out / LISTING).exists():
            aside.replace(out / LISTING)
        elif not filecmp.cmp(aside, out / LISTING, shallow=False):
            raise UsageError(
                f"{out} holds the answers of another command (other pictures, part size, models or version "
                "of pyarrow); name another folder with --out."
            )
    except OSError as error:
        raise DemoError(f"{out} cannot be written ({error.strerror or error}).") from error
    finally:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)


def models_of(engine: Engine) -> str:
    """Return the SHA-256 of the files that give the answers, as JSON."""
    names = (f"{engine.model}.onnx", f"{NORMALIZER}.onnx")
    return json.dumps({name: engine.manifest.files[name]["sha256"] for name in names})


def find_rows(paths: Iterable[Path]) -> Iterator[dict[str, Any]]:
    """Yield a row of the list for each picture that paths name, in files and in tables.

    In folders, tables without pictures and folders of results are left out.

    Raises:
        DemoError: a table cannot be read, or is given by name and has no column of pictures.
    """
    for path in paths:
        if is_archive(path) or str(path) == "-":
            raise UsageError(f"With --out, {path} is not taken; unpack zips, and name files.")
        for name, source in find_pictures([path], (*SUFFIXES, TABLE_SUFFIX)):
            row = {"file": as_text(name), "path": os.fsencode(Path(name).absolute())}
            if isinstance(source, PictureError):
                yield {**row, "error": str(source)}
            elif source.suffix.lower() != TABLE_SUFFIX:
                yield {**row, "error": why_unreadable(source)}
            elif source == path or not (source.parent / LISTING).exists():
                count = count_pictures(source)
                if count is None and source == path:
                    raise DemoError(
                        f"{source} has no column of pictures; name it `bytes` (binary), or `image` (a struct "
                        "with `bytes`)."
                    )
                if count is None:
                    print(f"{source} is left out: it has no column of pictures.", file=sys.stderr)
                changed = source.stat().st_mtime_ns
                for index in range(count or 0):
                    yield {**row, "file": f"{row['file']}#{index}", "row": index, "changed": changed}


def why_unreadable(path: Path) -> str | None:
    """Return why a file cannot be read, or None.

    In the list, that is the answer for the file; once pictures are being checked, it is a machine error.
    """
    try:
        read_file(path, 0)
    except PictureError as error:
        return str(error)
    return None


def run_parts(out: Path, check: Callable[[Sequence[int]], Iterable[int]]) -> bool:
    """Check the missing parts and print a summary; return whether all pictures could be judged.

    check: checks parts, and yields the number of each, in any order.

    Raises:
        DemoError: a table cannot be read or written.
    """
    with reading(out / LISTING):
        listing = pq.read_metadata(out / LISTING)
    sizes = [listing.row_group(number).num_rows for number in range(listing.num_row_groups)]
    missing = [number for number in range(len(sizes)) if not part_file(out, number).exists()]
    before = len(sizes) - len(missing)
    done = sum(sizes) - sum(sizes[number] for number in missing)
    # Without a terminal there is no bar.
    with tqdm(total=sum(sizes), initial=done, unit=" files", leave=False, disable=None) as bar:
        for number in check(missing) if missing else ():
            bar.update(sizes[number])
    parts = [part_file(out, number) for number in range(len(sizes))]
    if lost := [path.name for path in parts if not path.exists()]:
        raise DemoError(f"{lost[0]} is not in {out} here; name a folder that all machines share with --out.")
    failed = sum(map(count_errors, parts))
    for path in out.iterdir():
        # Left behind by a killed process.
        if ASIDE.fullmatch(path.name):
            path.unlink(missing_ok=True)
    kept = f" ({before} of {len(sizes)} parts were there before)" if before else ""
    print(f"{out}: {sum(sizes):,} pictures, {failed:,} of them not judged{kept}", file=sys.stderr)
    return failed == 0


def part_file(out: Path, number: int) -> Path:
    return out / f"part-{number:06d}.parquet"


def check_part(engine: Engine, out: Path, number: int, decoders: int = DECODERS) -> int:
    """Check a part's pictures and write their answers; return its number.

    Machine errors are retried, and never recorded as answers.

    Raises:
        DemoError: a table cannot be read or written or has changed, or a machine error persists.
    """
    with reading(out / LISTING), pq.ParquetFile(out / LISTING) as listing:
        rows = listing.read_row_group(number).to_pylist()
    for attempt in range(TRIES):
        time.sleep(attempt * RETRY_SECONDS)
        try:
            answers = check_rows(engine, rows, decoders)
            break
        except MachineError as error:
            failure = error
    else:
        raise DemoError(f"{failure} Start again to go on.") from failure
    write_answers(part_file(out, number), answers)
    return number


def check_rows(engine: Engine, rows: Sequence[dict[str, Any]], decoders: int) -> list[Answer]:
    """Return the answers for rows of the list; raise MachineError if one fails through the machine."""
    answers: list[Answer] = []
    with contextlib.closing(check_stream(engine, read_sources(rows), decoders)) as stream:
        for checked in (each for batch in stream for each in batch):
            if checked.machine_error:
                raise MachineError(f"{checked.answer.file} cannot be checked here: {checked.answer.error}")
            answers.append(checked.answer)
    return answers


def read_sources(rows: Sequence[dict[str, Any]]) -> Iterator[tuple[str, Source]]:
    """Yield each listed picture with its answer's name; raise DemoError if a table is broken or changed."""
    # Rows of one table that follow each other are read together; a file is a group of its own.
    runs = groupby(enumerate(rows), lambda each: (each[1]["path"], (each[1]["row"] or 0) - each[0]))
    for (encoded, _), group in runs:
        listed = [row for _, row in group]
        path = Path(os.fsdecode(encoded))
        if listed[0]["row"] is None:
            error = listed[0]["error"]
            yield listed[0]["file"], path if error is None else PictureError(error)
            continue
        pictures = read_pictures(path, listed[0]["row"], len(listed))
        for row in listed:
            name, source = next(pictures, (None, None))
            if source is None:
                raise DemoError(f"{path} has changed since the run began; start again with another --out.")
            yield name or row["file"], source
