"""Parquet tables of pictures and of answers.

A table of answers has the columns of `ANSWERS`: the fields of an `Answer`, null for None. A file name that
UTF-8 cannot hold is escaped.

A table of pictures has a column `bytes` (binary) of encoded pictures, or `image` as Hugging Face writes it (a
struct of `bytes` and `path`). The answer's `file` is the text column `file`, else `path`, else the table's
name with the row, from 0: `digits.parquet#17`.
"""

import io
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from demo.errors import NoColumnError, PictureError, ResultsError
from demo.folders import write_whole
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
"""The list of picture files: name for the answer, and absolute path, or why there is no picture."""

BUFFER_BYTES: Final = 1 << 20
"""Bytes of a column that are read at once, so that no row group is held whole."""

ROWS_AT_ONCE: Final = 8
"""Rows converted at once; each may hold a picture of many megabytes."""

NO_PICTURE: Final = "The row holds no picture; write the encoded picture's bytes into it."


def write_answers(path: Path, answers: Sequence[Answer]) -> None:
    """Write answers as a table that is there whole or not at all; raise ResultsError if that fails."""
    rows = [{**answer.as_dict(), "file": as_text(answer.file)} for answer in answers]
    table = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, ANSWERS), table)
    try:
        write_whole(path, table.getvalue())
    except OSError as error:
        raise ResultsError(f"{path} cannot be written ({error.strerror or error}).") from error


def as_text(name: str) -> str:
    """Return a file's name as UTF-8 can hold it: other bytes as `\\udcff`."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def count_answers(path: Path) -> tuple[int, int]:
    """Return how many answers a table holds, and how many of them are errors.

    Raises:
        ResultsError: it is not a table of answers.
    """
    try:
        errors = pq.read_table(path, columns=["error"], partitioning=None)["error"]
    except (OSError, KeyError, ValueError, pa.ArrowException) as error:
        raise ResultsError(f"{path} cannot be read ({reason(error)}); remove it and start again.") from error
    return len(errors), len(errors) - errors.null_count


def count_rows(path: Path) -> int:
    """Return how many pictures a table holds.

    Raises:
        ResultsError: it cannot be read.
        NoColumnError: it has no column of pictures.
    """
    try:
        with pq.ParquetFile(path) as table:
            picture_columns(table.schema_arrow, path)
            return int(table.metadata.num_rows)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise ResultsError(f"{path} cannot be read as Parquet ({reason(error)}).") from error


def picture_columns(schema: Any, path: Path) -> list[str]:
    """Return the columns of a table to read: the pictures, and the names if there are any.

    Raises:
        NoColumnError: it has no column of pictures.
    """
    kinds = {field.name: field.type for field in schema}
    names = ["file"] if "file" in kinds and is_text(kinds["file"]) else []
    if "bytes" in kinds and is_binary(kinds["bytes"]):
        return ["bytes", *names]
    image = kinds.get("image")
    if image is not None and pa.types.is_struct(image):
        index = image.get_field_index("bytes")
        if index >= 0 and is_binary(image.field(index).type):
            return ["image", *names]
    raise NoColumnError(
        f"{path} has no column of pictures; name it `bytes` (binary), or `image` (a struct with `bytes`)."
    )


def is_binary(kind: Any) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind))


def is_text(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def read_pictures(path: Path, name: str | None, first: int, rows: int) -> Iterator[tuple[str, Source]]:
    """Yield the pictures in rows of a table, each with the name for its answer.

    name: the table's, for rows without one; None for a list of files.

    Raises:
        ResultsError: it cannot be read, or has no column of pictures.
    """
    for index, row in enumerate(read_rows(path, None if name else LISTED.names, first, rows), first):
        if name is None:
            listed = row["path"]
            yield row["file"], PictureError(row["error"]) if listed is None else Path(os.fsdecode(listed))
        else:
            image = row.get("image") or {}
            content = row.get("bytes") if "bytes" in row else image.get("bytes")
            file = row.get("file") or image.get("path") or f"{name}#{index}"
            yield str(file), PictureError(NO_PICTURE) if content is None else content


def read_rows(
    path: Path, columns: Sequence[str] | None, first: int, rows: int
) -> Iterator[Mapping[str, Any]]:
    """Yield rows of a table as they are asked for. columns: by default those of pictures."""
    position, end = 0, first + rows
    try:
        with pq.ParquetFile(path, buffer_size=BUFFER_BYTES) as table:
            wanted = list(columns or picture_columns(table.schema_arrow, path))
            for group in range(table.num_row_groups):
                size = table.metadata.row_group(group).num_rows
                if position + size <= first:
                    position += size
                    continue
                for batch in table.iter_batches(ROWS_AT_ONCE, [group], wanted):
                    skip = min(max(0, first - position), batch.num_rows)
                    yield from batch.slice(skip, end - position - skip).to_pylist()
                    position += batch.num_rows
                    if position >= end:
                        return
    except (OSError, ValueError, pa.ArrowException) as error:
        raise ResultsError(f"{path} cannot be read as Parquet ({reason(error)}).") from error


def reason(error: Exception) -> str:
    """Return an error's message on one line; Arrow writes several."""
    return " ".join(str(error).split())
