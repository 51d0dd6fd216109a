"""Parquet tables of pictures and of answers.

A table of answers has the columns of `ANSWERS`: the fields of an `Answer`, null for None. A file name that
UTF-8 cannot hold is escaped.

A table of pictures has a column `bytes` (binary) of encoded pictures, or `image` as Hugging Face writes it (a
struct of `bytes` and `path`). The answer's `file` is the text column `file`, else `path`, else the table's
name with the row, from 0: `digits.parquet#17`.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from demo.errors import DemoError, PictureError
from demo.folders import write_whole
from demo.inference.answer import Answer

ANSWERS: Final = pa.schema(
    [
        pa.field("file", pa.string(), nullable=False),
        pa.field("verdict", pa.string()),
        pa.field("reason", pa.string()),
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

BUFFER_BYTES: Final = 1 << 20
"""Bytes of a column that are read at once, so that no row group is held whole."""

ROWS_AT_ONCE: Final = 8
"""Rows converted at once; each may hold a picture of many megabytes."""

NO_PICTURE: Final = "The row holds no picture; write the encoded picture's bytes into it."


def write_answers(path: Path, answers: Sequence[Answer]) -> None:
    """Write answers as a table that is there whole or not at all; raise DemoError if that fails."""
    rows = [{**answer.as_dict(), "file": as_text(answer.file)} for answer in answers]
    table = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, ANSWERS), table)
    try:
        write_whole(path, table.getvalue())
    except OSError as error:
        raise DemoError(f"{path} cannot be written ({error.strerror or error}).") from error


def as_text(name: str) -> str:
    """Return a file's name as UTF-8 can hold it: other bytes as `\\udcff`."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def count_errors(path: Path) -> int:
    """Return how many of a table's answers are errors; raise DemoError if it cannot be read."""
    with reading(path):
        errors = pq.read_table(path, columns=["error"], partitioning=None)["error"]
    return len(errors) - int(errors.null_count)


def count_pictures(path: Path) -> int | None:
    """Return how many pictures a table holds, None without such a column; raise DemoError if unreadable."""
    with reading(path), pq.ParquetFile(path) as table:
        return int(table.metadata.num_rows) if picture_columns(table.schema_arrow) else None


def picture_columns(schema: Any) -> list[str]:
    """Return the columns to read from a table: pictures, and names if it has any; none without pictures."""
    kinds = {field.name: field.type for field in schema}
    names = ["file"] if kinds.get("file") in (pa.string(), pa.large_string(), pa.string_view()) else []
    if is_binary(kinds.get("bytes")):
        return ["bytes", *names]
    image = kinds.get("image", pa.null())
    if pa.types.is_struct(image) and any(each.name == "bytes" and is_binary(each.type) for each in image):
        return ["image", *names]
    return []


def is_binary(kind: Any) -> bool:
    return kind in (pa.binary(), pa.large_binary(), pa.binary_view())


def read_pictures(path: Path, first: int, rows: int) -> Iterator[tuple[str | None, bytes | PictureError]]:
    """Yield pictures in rows of a table, each with its name or None; raise DemoError if it is unreadable."""
    for row in read_rows(path, first, rows):
        image = row.get("image") or row
        content = image.get("bytes")
        name = row.get("file") or image.get("path")
        yield name and str(name), PictureError(NO_PICTURE) if content is None else content


def read_rows(path: Path, first: int, rows: int) -> Iterator[Mapping[str, Any]]:
    """Yield rows of a table of pictures as they are asked for."""
    position, end = 0, first + rows
    with reading(path), pq.ParquetFile(path, buffer_size=BUFFER_BYTES) as table:
        columns = picture_columns(table.schema_arrow)
        for group in range(table.num_row_groups):
            size = table.metadata.row_group(group).num_rows
            if position + size <= first:
                position += size
                continue
            for batch in table.iter_batches(ROWS_AT_ONCE, [group], columns):
                skip = min(max(0, first - position), batch.num_rows)
                yield from batch.slice(skip, end - position - skip).to_pylist()
                position += batch.num_rows
                if position >= end:
                    return


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Report a table that cannot be read as a DemoError on one line."""
    try:
        yield
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())
        raise DemoError(
            f"{path} cannot be read as Parquet ({reason}); restore it, or remove it and start again."
        ) from error
