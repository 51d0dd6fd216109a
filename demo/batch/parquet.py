"""Tables of pictures and of answers, as Parquet files.

A table of answers has the columns of `ANSWERS`: the fields of an `Answer`, in the contract's order, null
where they are None. What the file system allows in a name and UTF-8 does not is escaped.

Of pictures a table has a column `bytes` (binary) of encoded pictures, or `image` as Hugging Face writes it (a
struct of `bytes` and `path`). The answer's `file` is that of the text column `file`, else `path`, else the
table's own name with the row, from 0 on: `digits.parquet#17`.
"""

import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from demo.errors import NoColumnError, PictureError, ResultsError
from demo.inference.answer import Answer
from demo.inference.check import Source

ANSWERS: Final = pa.schema(
    [
        pa.field("file", pa.string(), nullable=False),
        pa.field("verdict", pa.string()),
        pa.field("fake_probability", pa.float32()),
        pa.field("logit", pa.float32()),
        pa.field("digit", pa.int8()),
        pa.field("digit_probability", pa.float32()),
        pa.field("in_domain", pa.float32()),
        pa.field("model", pa.string()),
        pa.field("version", pa.string()),
        pa.field("provider", pa.string()),
        pa.field("error", pa.string()),
    ]
)
"""float32 is what the models give: nothing is rounded."""

LISTED: Final = pa.schema(
    [
        pa.field("file", pa.string(), nullable=False),
        pa.field("path", pa.binary()),
        pa.field("error", pa.string()),
    ]
)
"""Of pictures that lie in files: what the answer calls it, its absolute path, or why there is none."""

BUFFER_BYTES: Final = 1 << 20
"""Of a column that are read at once: a row group is never held whole."""

ROWS_AT_ONCE: Final = 8
"""Rows turned into Python's own: few, for each may hold a picture of many megabytes."""

NO_PICTURE: Final = "The row holds no picture; write the encoded picture's bytes into it."


def write_answers(path: Path, answers: Sequence[Answer]) -> None:
    """Write answers as a table that is there whole or not at all.

    Raises:
        ResultsError: it cannot be written.
    """
    rows = [{**answer.as_dict(), "file": as_text(answer.file)} for answer in answers]
    # Aside, under a name that nobody else has: of two that write the same part the last one stays.
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with aside.open("wb") as stream:
            pq.write_table(pa.Table.from_pylist(rows, ANSWERS), stream)
            stream.flush()
            os.fsync(stream.fileno())
        aside.replace(path)
    except OSError as error:
        raise ResultsError(f"{path} cannot be written ({error.strerror or error}).") from error
    finally:
        aside.unlink(missing_ok=True)


def as_text(name: str) -> str:
    """A file's name as UTF-8 can hold it: other bytes as `\\udcff`."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def on_one_line(error: Exception) -> str:
    """What is wrong with a table, which Arrow tells in several lines."""
    return " ".join(str(error).split())


def count_answers(path: Path) -> tuple[int, int]:
    """How many answers a table holds, and how many of them say that a picture could not be judged.

    Raises:
        ResultsError: it is no table of answers.
    """
    try:
        errors = pq.read_table(path, columns=["error"], partitioning=None)["error"]
    except (OSError, KeyError, ValueError, pa.ArrowException) as error:
        raise ResultsError(
            f"{path} cannot be read ({on_one_line(error)}); remove it and start again."
        ) from error
    return len(errors), len(errors) - errors.null_count


def count_rows(path: Path) -> int:
    """How many pictures a table holds.

    Raises:
        ResultsError: it cannot be read.
        NoColumnError: it has no column of pictures.
    """
    try:
        with pq.ParquetFile(path) as table:
            picture_columns(table.schema_arrow, path)
            return int(table.metadata.num_rows)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise ResultsError(f"{path} cannot be read as Parquet ({on_one_line(error)}).") from error


def picture_columns(schema: Any, path: Path) -> list[str]:
    """The columns of a table to read: of pictures, and of names where there is one.

    Raises:
        NoColumnError: it has no column of pictures.
    """
    kinds = {field.name: field.type for field in schema}
    names = ["file"] if "file" in kinds and is_text(kinds["file"]) else []
    if "bytes" in kinds and is_binary(kinds["bytes"]):
        return ["bytes", *names]
    image = kinds.get("image")
    if image is not None and pa.types.is_struct(image):
        inside = {image.field(index).name: image.field(index).type for index in range(image.num_fields)}
        if "bytes" in inside and is_binary(inside["bytes"]):
            return ["image", *names]
    raise NoColumnError(
        f"{path} has no column of pictures; name it `bytes` (binary), or `image` (a struct with `bytes`)."
    )


def is_binary(kind: Any) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind))


def is_text(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def read_pictures(path: Path, name: str, first: int, rows: int) -> Iterator[tuple[str, Source]]:
    """The pictures in rows of a table, each with the name of its answer. name: the table's own.

    Raises:
        ResultsError: it cannot be read, or has no column of pictures.
    """
    for index, row in enumerate(read_rows(path, None, first, rows), first):
        image = row.get("image") or {}
        content = row.get("bytes") if "bytes" in row else image.get("bytes")
        file = row.get("file") or image.get("path") or f"{name}#{index}"
        yield str(file), PictureError(NO_PICTURE) if content is None else content


def read_listed(path: Path, first: int, rows: int) -> Iterator[tuple[str, Source]]:
    """The pictures that rows of a listing name.

    Raises:
        ResultsError: it cannot be read.
    """
    for row in read_rows(path, LISTED.names, first, rows):
        yield (
            row["file"],
            PictureError(row["error"]) if row["path"] is None else Path(os.fsdecode(row["path"])),
        )


def read_rows(
    path: Path, columns: Sequence[str] | None, first: int, rows: int
) -> Iterator[Mapping[str, Any]]:
    """Rows of a table, read as they are asked for. columns: those of pictures where None."""
    try:
        with pq.ParquetFile(path, buffer_size=BUFFER_BYTES) as table:
            wanted = columns or picture_columns(table.schema_arrow, path)
            groups, skip = row_groups(table.metadata, first, rows)
            left = rows
            for batch in table.iter_batches(ROWS_AT_ONCE, groups, list(wanted)):
                part = batch.slice(min(skip, batch.num_rows), left)
                skip = max(0, skip - batch.num_rows)
                left -= part.num_rows
                yield from part.to_pylist()
                if not left:
                    break
    except (OSError, ValueError, pa.ArrowException) as error:
        raise ResultsError(f"{path} cannot be read as Parquet ({on_one_line(error)}).") from error


def row_groups(metadata: Any, first: int, rows: int) -> tuple[list[int], int]:
    """The row groups that hold rows of a table, and how many rows to skip in the first of them."""
    groups: list[int] = []
    skip = start = 0
    for group in range(metadata.num_row_groups):
        end = start + metadata.row_group(group).num_rows
        if start < first + rows and end > first:
            skip = skip if groups else first - start
            groups.append(group)
        start = end
    return groups, skip
