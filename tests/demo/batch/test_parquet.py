"""Tables of answers and pictures: contents, rows, columns and refusals."""

import os
from pathlib import Path
from typing import Any

import pytest

from demo.errors import DemoError, PictureError
from demo.inference.answer import Answer

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

from demo.batch.parquet import (  # noqa: E402
    ANSWERS,
    NO_PICTURE,
    count_errors,
    count_pictures,
    read_pictures,
    write_answers,
)


def written(path: Path, columns: dict[str, Any], rows_in_group: int | None = None) -> Path:
    pq.write_table(pa.table(columns), path, row_group_size=rows_in_group)
    return path


def test_answers_come_back_as_they_were(tmp_path: Path) -> None:
    judged = Answer(
        "a.png", "fake", None, 0.75, 1.25, 7, 0.5, 1.0, "discriminator", "0.1.0", "CPUExecutionProvider"
    )
    path = tmp_path / "part.parquet"
    write_answers(path, [judged, Answer("b.png", error="It did not come.")])
    assert pq.read_schema(path) == ANSWERS
    assert ANSWERS.names == list(judged.as_dict())
    first, second = pq.read_table(path).to_pylist()
    assert first == judged.as_dict()
    assert {name for name, value in second.items() if value is not None} == {"file", "error"}
    assert count_errors(path) == 1
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_that_is_not_utf_8_is_escaped(tmp_path: Path) -> None:
    write_answers(tmp_path / "part.parquet", [Answer(os.fsdecode(b"\xff\xc3\xa9.png"))])
    assert pq.read_table(tmp_path / "part.parquet")["file"].to_pylist() == ["\\udcffé.png"]


def test_unwritable_and_unreadable_tables_are_reported(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match="cannot be written"):
        write_answers(tmp_path / "gone" / "part.parquet", [])
    (tmp_path / "cut.parquet").write_bytes(b"PAR1 and no more")
    for read in (count_errors, count_pictures):
        with pytest.raises(DemoError, match=r"cut\.parquet cannot be read"):
            read(tmp_path / "cut.parquet")


@pytest.mark.parametrize("rows_in_group", [3, 64])
def test_any_rows_of_a_table_are_read_whatever_its_row_groups(tmp_path: Path, rows_in_group: int) -> None:
    contents = [str(index).encode() for index in range(200)]
    path = written(tmp_path / "t.parquet", {"bytes": contents}, rows_in_group)
    assert count_pictures(path) == 200
    for first, rows in ((0, 200), (0, 1), (63, 2), (5, 130), (199, 1)):
        found = list(read_pictures(path, first, rows))
        assert found == [(None, content) for content in contents[first : first + rows]]


def test_names_come_from_the_column_or_the_path(tmp_path: Path) -> None:
    own = written(tmp_path / "own.parquet", {"bytes": [b"1", b"2"], "file": ["a.png", None], "label": [3, 4]})
    assert list(read_pictures(own, 0, 2)) == [("a.png", b"1"), (None, b"2")]
    other = written(tmp_path / "other.parquet", {"bytes": [b"1"], "file": [b"not a name"]})
    assert list(read_pictures(other, 0, 1)) == [(None, b"1")]
    images = [{"bytes": b"1", "path": "b.png"}, {"bytes": b"2", "path": None}]
    hugging = written(tmp_path / "hugging.parquet", {"image": images, "label": [3, 4]})
    assert list(read_pictures(hugging, 0, 2)) == [("b.png", b"1"), (None, b"2")]


def test_a_row_without_a_picture_is_reported(tmp_path: Path) -> None:
    rows = [None, {"bytes": None, "path": "/etc/hostname"}, {"bytes": b"1", "path": None}]
    path = written(tmp_path / "t.parquet", {"image": rows})
    sources = [source for _, source in read_pictures(path, 0, 3)]
    assert [str(each) for each in sources if isinstance(each, PictureError)] == [NO_PICTURE] * 2
    assert sources[2] == b"1"


def test_a_table_without_a_column_of_pictures_has_none(tmp_path: Path) -> None:
    tables: list[dict[str, Any]] = [{"label": [1]}, {"bytes": ["text"]}, {"image": [{"path": "a.png"}]}]
    for index, columns in enumerate(tables):
        assert count_pictures(written(tmp_path / f"{index}.parquet", columns)) is None
