"""A multipart form, read part by part while it comes."""

from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from demo.errors import BodyError

MOST_HEADERS: Final = 8
"""Of each part of a form."""

LONGEST_HEADER: Final = 4096
"""Bytes of one header of a part, in which the file's name is."""


class Parts:
    """What reads a form; what becomes of its parts, those say who derive from it.

    file_name: of the part that is being read; None where it has none, and is no file to gradio. kind: its
    type, empty where it has none. whole: whether the form has come to its end.
    """

    broken = "The form is broken or cut short; send it as multipart/form-data with a boundary."

    def __init__(self, boundary: bytes) -> None:
        """Raises BodyError where there is no boundary, or none that a form can have."""
        self.file_name: bytes | None = None
        self.kind = b""
        self.whole = False
        self._name = bytearray()
        self._value = bytearray()
        if not boundary:
            raise BodyError(400, self.broken)
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._part_begins,
                    "on_header_field": self._header_name,
                    "on_header_value": self._header_value,
                    "on_header_end": self._header_ends,
                    "on_part_data": self._part_data,
                    "on_part_end": self.end,
                    "on_end": self._form_ends,
                },
                max_header_count=MOST_HEADERS,
                max_header_size=LONGEST_HEADER,
            )
        except FormParserError as error:
            raise BodyError(400, self.broken) from error

    def read(self, piece: bytes) -> None:
        """Read the next piece of the form; BodyError where it is none, or holds too much."""
        try:
            self._parser.write(piece)
        except FormParserError as error:
            raise BodyError(400, self.broken) from error

    def begin(self) -> None:
        """A part begins."""

    def take(self, content: memoryview) -> None:
        """Some more of a part's content has come."""

    def end(self) -> None:
        """A part has come to its end."""

    def _part_begins(self) -> None:
        self.file_name = None
        self.kind = b""
        self.begin()

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_ends(self) -> None:
        name, value = self._name.lower(), bytes(self._value)
        if name == b"content-disposition":
            self.file_name = parse_options_header(value)[1].get(b"filename")
        elif name == b"content-type":
            self.kind = parse_options_header(value)[0]
        self._name.clear()
        self._value.clear()

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        self.take(memoryview(data)[start:end])

    def _form_ends(self) -> None:
        self.whole = True
