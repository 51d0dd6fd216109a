"""Answers as CSV (RFC 4180), safe to open in a spreadsheet under any file names."""

import csv
import dataclasses
import io
from collections.abc import Sequence
from typing import Final

from demo.inference.answer import Answer

COLUMNS: Final = tuple(field.name for field in dataclasses.fields(Answer))

# A spreadsheet takes text with these first characters, or their full-width forms, for a formula.
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def csv_header() -> str:
    """Return the first line: the keys of an answer, in the contract's order."""
    return _line(COLUMNS)


def csv_line(answer: Answer) -> str:
    """Return an answer as one line that ends in CR LF; None becomes an empty field.

    Text that a spreadsheet would take for a formula gets an apostrophe in front; numbers do not change.
    """
    return _line([_harmless(value) for value in answer.as_dict().values()])


def _line(fields: Sequence[object]) -> str:
    stream = io.StringIO()
    csv.writer(stream).writerow(fields)
    return stream.getvalue()


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value
