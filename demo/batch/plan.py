"""What a folder of results belongs to: which pictures, in which parts, judged by which model.

    RESULTS_DIR/plan.json            what was asked for
    RESULTS_DIR/inputs.parquet       the picture files that were found, a row each; of tables nothing
    RESULTS_DIR/part-000012.parquet  the answers of the thirteenth part, in order

The files are named in the order of the pictures. A part is there whole or not at all, so whatever stops a run
costs the parts that were under way, and the same command goes on with those that are missing.
"""

import contextlib
import hashlib
import json
import os
import re
import sys
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from demo.batch.find import NONE_INSIDE, find_pictures, is_folder, pictures_inside
from demo.batch.parquet import LISTED, as_text, count_rows
from demo.contract import NORMALIZER
from demo.decoder.images import read_file
from demo.errors import NoColumnError, PictureError, ResultsError, UsageError
from demo.folders import foreign, write_whole
from demo.inference.manifest import Manifest

PLAN: Final = "plan.json"
LISTING: Final = "inputs.parquet"
TABLE_SUFFIX: Final = ".parquet"
ASIDE: Final = re.compile(r"\.(inputs\.parquet|plan\.json|part-\d+\.parquet)\.[0-9a-f]{32}")
"""What a kill leaves of a file that was being written."""

ASIDE_SECONDS: Final = 3600.0
"""What has not been written to for so long belongs to nobody."""

FOOTER_END: Final = 8
"""Bytes behind a Parquet file's footer: its length in four, and `PAR1`."""

DIFFERENCES: Final = {
    "listed": "other picture files",
    "tables": "other tables",
    "part": "parts of another size",
    "models": "another model",
    "version": "another version",
}
"""What another plan asks for, by the key of `plan.json` that tells it."""


@dataclass(frozen=True)
class Part:
    """Rows of one table, which are judged together.

    table: its absolute path. name: as it was named, for the answers; None for the listing of files.
    """

    number: int
    table: str
    name: str | None
    first: int
    rows: int


@dataclass(frozen=True)
class Plan:
    """models: file → SHA-256 of those that judge; every worker compares them with its own.

    sha256: of the file `plan.json`, by which a worker knows the folder of results.
    """

    parts: list[Part]
    pictures: int
    models: dict[str, str]
    sha256: str


def make_plan(paths: Sequence[Path], out: Path, size: int, manifest: Manifest, model: str) -> Plan:
    """Find the pictures, and note in the folder of results what it belongs to.

    paths: picture files, Parquet tables, and folders of both: the tables come first, then the files, each in
    the order of `find_pictures`. out: a folder that is new, empty, or of the same plan. size: the most
    pictures in a part. What is held in memory is a few words a part, and the names in a folder.

    Raises:
        ResultsError: a table cannot be read, one that is named has no pictures, or the folder cannot be
            written.
        UsageError: the folder is somebody else's, or belongs to another plan.
    """
    models = {file: manifest.files[file]["sha256"] for file in (f"{model}.onnx", f"{NORMALIZER}.onnx")}
    aside = out / f".{LISTING}.{uuid.uuid4().hex}"
    try:
        if foreign(out, PLAN):
            raise UsageError(f"{out} is no folder of results (no {PLAN}); name one that is new or empty.")
        tables = list(find_tables(paths))
        out.mkdir(parents=True, exist_ok=True)
        remove_asides(out)
        count, sha256 = write_listing(aside, find_files(paths, tables), size)
        asked = {
            "listed": {"pictures": count, "sha256": sha256},
            "tables": tables,
            "part": size,
            "models": models,
            "version": manifest.version,
        }
        settle(out / PLAN, asked)
        aside.replace(out / LISTING)
        settled = plan_sha256(out)
    except OSError as error:
        raise ResultsError(f"{out} cannot be written ({error.strerror or error}).") from error
    finally:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
    parts: list[Part] = []
    for table in tables:
        parts += cut(len(parts), Path(table["file"]), table["file"], table["pictures"], size)
    parts += cut(len(parts), out / LISTING, None, count, size)
    return Plan(parts, sum(part.rows for part in parts), models, settled)


def cut(number: int, table: Path, name: str | None, rows: int, size: int) -> list[Part]:
    """A table in parts, numbered from `number` on."""
    firsts = range(0, rows, size)
    return [
        Part(number + index, str(table.absolute()), name, first, min(size, rows - first))
        for index, first in enumerate(firsts)
    ]


def find_tables(paths: Iterable[Path]) -> Iterator[dict[str, Any]]:
    """The Parquet tables among paths and in folders, at any depth, as `describe` tells of them.

    What lies in folders and has no column of pictures is left out, which is said on standard error; what lies
    in folders of results is left out.

    Raises:
        ResultsError: a table cannot be read, or one that is named itself has no column of pictures.
    """
    for path in paths:
        if not is_folder(path):
            if path.suffix.lower() == TABLE_SUFFIX:
                yield describe(path)
            continue
        for _, each in pictures_inside(path, (TABLE_SUFFIX,)):
            if isinstance(each, PictureError) or is_results(each.parent):
                continue
            try:
                yield describe(each)
            except NoColumnError:
                print(f"{each} is left out: it has no column of pictures.", file=sys.stderr)


def is_results(folder: Path) -> bool:
    """Whether a folder is one of results."""
    return (folder / PLAN).exists() and (folder / LISTING).exists()


def find_files(
    paths: Iterable[Path], tables: Sequence[dict[str, Any]]
) -> Iterator[tuple[str, Path | PictureError]]:
    """What `find_pictures` finds beside the tables; a folder that holds tables need hold no picture."""
    for path in paths:
        if not is_folder(path) and path.suffix.lower() == TABLE_SUFFIX:
            continue
        for name, source in find_pictures([path]):
            if isinstance(source, Path):
                yield name, readable(source)
            elif str(source) != NONE_INSIDE or not any(Path(t["file"]).is_relative_to(path) for t in tables):
                yield name, source


def readable(path: Path) -> Path | PictureError:
    """A picture file, or why it cannot be read here: whoever cannot read what was listed is at fault."""
    if not os.access(path, os.R_OK):
        try:
            read_file(path, 0)
        except PictureError as error:
            return error
    return path


def remove_asides(out: Path) -> None:
    """Remove what earlier runs that were killed left of files that they were writing."""
    for path in out.iterdir():
        if ASIDE.fullmatch(path.name) and time.time() - path.stat().st_mtime > ASIDE_SECONDS:
            path.unlink(missing_ok=True)


def plan_sha256(out: Path) -> str:
    """The checksum of what a folder of results belongs to; OSError where that cannot be read."""
    return hashlib.sha256((out / PLAN).read_bytes()).hexdigest()


def write_listing(path: Path, files: Iterator[tuple[str, Path | PictureError]], size: int) -> tuple[int, str]:
    """List files as a table, a row group a part; returns how many, and the SHA-256 of what is listed."""
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
                sha256.update(repr(tuple(row.values())).encode())
            writer.write_table(pa.Table.from_pylist(rows, LISTED), size)
            count += len(rows)
    return count, sha256.hexdigest()


def describe(path: Path) -> dict[str, Any]:
    """A table, told from another by its name, its pictures, its bytes and its footer's checksum.

    The footer says where each column's pages lie and what is least and greatest in them: reading it is quick
    however large the table is.

    Raises:
        ResultsError: it cannot be read.
        NoColumnError: it has no column of pictures.
    """
    pictures = count_rows(path)
    with path.open("rb") as stream:
        size = stream.seek(-FOOTER_END, os.SEEK_END) + FOOTER_END
        length = int.from_bytes(stream.read(4), "little")
        stream.seek(size - FOOTER_END - length)
        footer = hashlib.sha256(stream.read(length)).hexdigest()
    return {"file": str(path), "pictures": pictures, "bytes": size, "footer": footer}


def settle(path: Path, asked: dict[str, Any]) -> None:
    """Write the plan, or see that the one which is there asks for the same.

    Raises:
        UsageError: it asks for something else; says what.
    """
    if not path.exists():
        # Told by it from what the same command began elsewhere.
        run = {"run": uuid.uuid4().hex}
        write_whole(path, (json.dumps(run | asked, indent=1) + "\n").encode())
        return
    try:
        planned = json.loads(path.read_text(encoding="utf-8"))
        different = [told for key, told in DIFFERENCES.items() if planned[key] != asked[key]]
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} is no plan that can be read; name another folder with --out.") from error
    if different:
        raise UsageError(
            f"{path.parent} holds results of {' and of '.join(different)}; name another folder with --out."
        )
