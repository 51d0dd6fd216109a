"""`python -m demo check --out DIR`: the answers for a collection as Parquet tables, in parts.

    DIR/plan.json            the request
    DIR/inputs.parquet       the picture files, a row each
    DIR/part-000012.parquet  the answers of the thirteenth part, in order

The parts follow the order of the pictures. Each part is written atomically: a run that is stopped loses only
the parts in progress, and the same command adds the missing ones. Ray workers write their parts themselves,
so no picture passes through Ray's object store.
"""

import contextlib
import hashlib
import json
import os
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from demo.batch.find import SUFFIXES, find_pictures
from demo.batch.parquet import LISTED, as_text, count_answers, count_rows, read_pictures, write_answers
from demo.contract import NORMALIZER
from demo.decoder.images import read_file
from demo.errors import MachineError, NoColumnError, PictureError, ResultsError, UsageError
from demo.folders import ASIDE, foreign, write_whole
from demo.inference.answer import Answer
from demo.inference.check import DECODERS, check_stream
from demo.inference.engine import Engine
from demo.inference.manifest import Manifest

PICTURES_IN_PART: Final = 4096
"""A stopped run loses the part in progress: some seconds of work."""

PLAN: Final = "plan.json"
LISTING: Final = "inputs.parquet"
TABLE_SUFFIX: Final = ".parquet"

TRIES: Final = 3
"""How often a part is tried when the machine, not a picture, is at fault."""
RETRY_SECONDS: Final = 1.0


@dataclass(frozen=True)
class Part:
    """Rows of a table that are checked together.

    table: its absolute path. name: the table's as it was given; None for the list of files.
    """

    number: int
    table: str
    name: str | None
    first: int
    rows: int


@dataclass(frozen=True)
class Plan:
    """A collection in parts. models: SHA-256 by file name. text: the content of `plan.json`."""

    out: Path
    parts: list[Part]
    models: dict[str, str]
    text: str


def run_plan(plan: Plan, check: Callable[[Sequence[Part]], Iterable[tuple[Part, int]]]) -> bool:
    """Check the missing parts of a plan and print a summary; return whether all pictures could be judged.

    check: checks parts, and yields each, in any order, with the number of pictures not judged.

    Raises:
        ResultsError: a table cannot be read or written, or a part is missing in the end.
    """
    errors = {
        part.number: found for part in plan.parts if (found := count_errors(part, plan.out)) is not None
    }
    missing = [part for part in plan.parts if part.number not in errors]
    kept = f" ({len(errors)} of {len(plan.parts)} parts were there before)" if errors else ""
    pictures = sum(part.rows for part in plan.parts)
    before = pictures - sum(part.rows for part in missing)
    # Without a terminal there is no bar.
    with tqdm(total=pictures, initial=before, unit=" files", leave=False, disable=None) as bar:
        for part, found in check(missing) if missing else ():
            errors[part.number] = found
            bar.update(part.rows)
    if len(errors) < len(plan.parts):
        raise ResultsError(f"{len(errors)} of {len(plan.parts)} parts are done; start again to go on.")
    for path in plan.out.iterdir():
        # Left behind by a killed process.
        if ASIDE.fullmatch(path.name):
            path.unlink(missing_ok=True)
    failed = sum(errors.values())
    print(f"{plan.out}: {pictures:,} pictures, {failed:,} of them not judged{kept}", file=sys.stderr)
    return failed == 0


def check_part(engine: Engine, part: Part, out: Path, decoders: int = DECODERS) -> int:
    """Check a part's pictures and write their answers; return how many could not be judged.

    Machine errors are retried, and never recorded as answers.

    Raises:
        ResultsError: a table cannot be read or written or has changed, or a machine error persists.
    """
    for attempt in range(1, TRIES + 1):
        try:
            answers = check_rows(engine, part, decoders)
            break
        except MachineError as error:
            if attempt == TRIES:
                raise ResultsError(f"{error} Start again to go on.") from error
            time.sleep(RETRY_SECONDS * attempt)
    write_answers(part_file(part, out), answers)
    return sum(answer.error is not None for answer in answers)


def check_rows(engine: Engine, part: Part, decoders: int) -> list[Answer]:
    """Return the answers for a part's pictures; raise MachineError if one fails through the machine."""
    answers: list[Answer] = []
    pictures = read_pictures(Path(part.table), part.name, part.first, part.rows)
    with contextlib.closing(check_stream(engine, pictures, decoders)) as stream:
        for checked in (each for batch in stream for each in batch):
            if checked.machine_error:
                raise MachineError(f"{checked.answer.file} cannot be checked here: {checked.answer.error}")
            answers.append(checked.answer)
    if len(answers) != part.rows:
        raise ResultsError(f"{part.table} has changed since the run began; start again with another --out.")
    return answers


def count_errors(part: Part, out: Path) -> int | None:
    """Return how many pictures of a finished part were not judged, or None if the part is missing.

    Raises:
        ResultsError: its table cannot be read, or holds another number of answers.
    """
    path = part_file(part, out)
    if not path.exists():
        return None
    pictures, errors = count_answers(path)
    if pictures != part.rows:
        raise ResultsError(f"{path} holds {pictures} answers, not {part.rows}; remove it and start again.")
    return errors


def part_file(part: Part, out: Path) -> Path:
    return out / f"part-{part.number:06d}.parquet"


def make_plan(paths: Sequence[Path], out: Path, size: int, manifest: Manifest, model: str) -> Plan:
    """Find the pictures, and write the plan and the list of files into the folder of results.

    paths: picture files, Parquet tables, and folders of both. The tables come first, then the files, each in
    the order of `find_pictures`. out: a folder that is new, empty, or of the same plan. size: the most
    pictures in a part.

    Raises:
        ResultsError: a table cannot be read or has no pictures, or the folder cannot be written.
        UsageError: the folder holds something else, or belongs to another plan.
    """
    models = {file: manifest.files[file]["sha256"] for file in (f"{model}.onnx", f"{NORMALIZER}.onnx")}
    tables: list[dict[str, Any]] = []
    aside = out / f".{LISTING}.{uuid.uuid4().hex}"
    try:
        if foreign(out, PLAN):
            raise UsageError(f"{out} is not a folder of results (no {PLAN}); name one that is new or empty.")
        out.mkdir(parents=True, exist_ok=True)
        count, sha256 = write_listing(aside, find_files(paths, tables), size)
        asked = {
            "files": sha256,
            "tables": tables,
            "part size": size,
            "models": models,
            "version": manifest.version,
        }
        text = write_or_compare(out / PLAN, asked)
        aside.replace(out / LISTING)
    except OSError as error:
        raise ResultsError(f"{out} cannot be written ({error.strerror or error}).") from error
    finally:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
    sources = [(Path(each["file"]), str(each["file"]), each["pictures"]) for each in tables]
    rows = [
        (str(table.absolute()), name, first, min(size, count - first))
        for table, name, count in (*sources, (out / LISTING, None, count))
        for first in range(0, count, size)
    ]
    return Plan(out, [Part(number, *row) for number, row in enumerate(rows)], models, text)


def find_files(
    paths: Iterable[Path], tables: list[dict[str, Any]]
) -> Iterator[tuple[str, Path | PictureError]]:
    """Yield the picture files that paths name, and append the tables among them to a list.

    In folders, tables without pictures and folders of results are left out.

    Raises:
        ResultsError: a table cannot be read, or is given by name and has no column of pictures.
    """
    for path in paths:
        for name, source in find_pictures([path], (*SUFFIXES, TABLE_SUFFIX)):
            if isinstance(source, PictureError):
                yield name, source
            elif source.suffix.lower() != TABLE_SUFFIX:
                yield name, readable(source)
            elif source == path or not (source.parent / LISTING).exists():
                try:
                    pictures = count_rows(source)
                except NoColumnError:
                    if source == path:
                        raise
                    print(f"{source} is left out: it has no column of pictures.", file=sys.stderr)
                else:
                    changed = source.stat().st_mtime_ns
                    tables.append({"file": name, "pictures": pictures, "changed": changed})


def readable(path: Path) -> Path | PictureError:
    """Return a picture file, or why it cannot be read: now a result, while checking a machine error."""
    try:
        read_file(path, 0)
    except PictureError as error:
        return error
    return path


def write_listing(path: Path, files: Iterator[tuple[str, Path | PictureError]], size: int) -> tuple[int, str]:
    """List files as a table, a row group per part; return their number and the SHA-256 of the list."""
    count = 0
    sha256 = hashlib.sha256()
    with pq.ParquetWriter(path, LISTED) as writer:
        while chunk := list(islice(files, size)):
            rows = [
                {"file": as_text(name), "path": None, "error": str(source)}
                if isinstance(source, PictureError)
                else {"file": as_text(name), "path": os.fsencode(source.absolute()), "error": None}
                for name, source in chunk
            ]
            for row in rows:
                sha256.update(repr(row).encode())
            writer.write_table(pa.Table.from_pylist(rows, LISTED), size)
            count += len(rows)
    return count, sha256.hexdigest()


def write_or_compare(path: Path, asked: dict[str, Any]) -> str:
    """Write the plan, or check that the existing one asks for the same; return its text.

    Raises:
        UsageError: the existing plan differs, or cannot be read.
    """
    if not path.exists():
        # The random id distinguishes runs of the same command on several machines.
        text = json.dumps({"run": uuid.uuid4().hex, **asked}, indent=1) + "\n"
        write_whole(path, text.encode())
        return text
    try:
        text = path.read_text(encoding="utf-8")
        planned = json.loads(text)
        different = [key for key in asked if planned[key] != asked[key]]
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} is not a plan that can be read; name another folder with --out.") from error
    if different:
        raise UsageError(
            f"{path.parent} holds the results of a run with other {' and '.join(different)}; "
            "name another folder with --out."
        )
    return text
