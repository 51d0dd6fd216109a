"""A multipart form → the files in it."""

from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from demo.errors import BodyError

UNNAMED: Final = "picture"
"""What a picture is called that is sent without a name."""

MOST_HEADERS: Final = 8
"""Of each part of a form."""

LONGEST_HEADER: Final = 4096
"""Bytes of one header of a part, in which the file's name is."""

BROKEN: Final = "The form is broken or cut short; send it as multipart/form-data with a boundary."


class FormFiles:
    """The files of a form, in order; fields that are no files are left out.

    A part is a file where it has a file's name, or a type that a picture may have: a name as `filename*=` is
    not for forms, the parser passes it over, and a picture with that alone would be left without an answer.

    Starlette has a parser of forms, too: it writes each file into a temporary one, and takes twice as long.
    """

    def __init__(self, most_files: int, largest_file: int) -> None:
        self.files: list[tuple[str, bytes]] = []
        self._most_files = most_files
        self._largest_file = largest_file
        self._header: tuple[bytearray, bytearray] = (bytearray(), bytearray())
        self._name: str | None = None
        self._typed = False
        self._parts: list[bytes] = []
        self._count = 0
        self._whole = False

    def read(self, body: bytes, boundary: bytes) -> list[tuple[str, bytes]]:
        """Each file's name and content.

        Raises:
            BodyError: it is no form, or holds no file, too many, or one that is too large.
        """
        if not boundary:
            raise BodyError(400, BROKEN)
        try:
            parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_header_field": self._header_name,
                    "on_header_value": self._header_value,
                    "on_header_end": self._header_end,
                    "on_part_data": self._data,
                    "on_part_end": self._end,
                    "on_end": self._finish,
                },
                max_header_count=MOST_HEADERS,
                max_header_size=LONGEST_HEADER,
            )
            parser.write(body)
            parser.finalize()
        except FormParserError as error:
            raise BodyError(400, BROKEN) from error
        if not self._whole:
            raise BodyError(400, BROKEN)
        if not self.files:
            raise BodyError(400, "The form holds no file; send at least one picture file.")
        return self.files

    def _begin(self) -> None:
        # Fields count, too: a form of nothing but them would take long to read.
        self._count += 1
        if self._count > self._most_files:
            raise BodyError(413, f"These are more than {self._most_files:,} files; send fewer at once.")
        self._name = None
        self._typed = False
        self._parts = []

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._header[0].extend(data[start:end])

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._header[1].extend(data[start:end])

    def _header_end(self) -> None:
        name, value = map(bytes, self._header)
        self._header = (bytearray(), bytearray())
        if name.lower() == b"content-disposition":
            found = parse_options_header(value)[1].get(b"filename")
            self._name = None if found is None else found.decode("utf-8", "replace")
        elif name.lower() == b"content-type":
            kind = parse_options_header(value)[0]
            self._typed = kind == b"application/octet-stream" or kind.startswith(b"image/")

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._parts.append(data[start:end])

    def _end(self) -> None:
        if self._name is None and not self._typed:
            return
        content = b"".join(self._parts)
        if len(content) > self._largest_file:
            raise BodyError(413, f"A file has more than {self._largest_file >> 20} MiB; send it smaller.")
        self.files.append((UNNAMED if self._name is None else self._name, content))

    def _finish(self) -> None:
        self._whole = True
