"""Answers as CSV, for readers of CSV and for spreadsheets."""

import csv
import io

import pytest

from demo.batch.spreadsheet import csv_header, csv_line
from demo.inference.answer import Answer

ANSWER = Answer('say "7", please\n.png', "not a digit", "too small", 0.25, -1.5, 7, 0.5, 0.125, "m", "1", "p")


def test_a_reader_gets_the_answer_back() -> None:
    text = csv_header() + csv_line(ANSWER) + csv_line(Answer("b.png", error="It is empty."))
    assert text.count("\r\n") == 3
    first, second = csv.DictReader(io.StringIO(text, newline=""))
    assert first == {key: "" if value is None else str(value) for key, value in ANSWER.as_dict().items()}
    assert list(first) == list(ANSWER.as_dict())
    assert {key: value for key, value in second.items() if value} == {
        "file": "b.png",
        "error": "It is empty.",
    }


@pytest.mark.parametrize("name", ["=1+1.png", "-1", "@a", "\t=1", "\uff1d1"])
def test_a_name_is_never_a_formula(name: str) -> None:
    (row,) = csv.reader(io.StringIO(csv_line(Answer(name)), newline=""))
    assert row[0] == f"'{name}"
