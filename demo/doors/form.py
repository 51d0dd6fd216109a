"""A multipart form → the files in it."""

from typing import Final

from demo.doors.parts import Parts
from demo.errors import BodyError

UNNAMED: Final = "picture"
"""What a picture is called that is sent without a name."""


class FormFiles(Parts):
    """The files of a form, in order; fields that are no files are left out.

    A part is a file where it has a file's name, or a type that a picture may have: a name as `filename*=` is
    not for forms, the parser passes it over, and a picture with that alone would be left without an answer.

    Starlette has a parser of forms, too: it writes each file into a temporary one, and takes twice as long.
    """

    def __init__(self, boundary: bytes, most_files: int, largest_file: int) -> None:
        super().__init__(boundary)
        self._files: list[tuple[str, bytes]] = []
        self._most_files = most_files
        self._largest_file = largest_file
        # One block that grows goes back to the system whole; many pieces are seldom given back.
        self._content = bytearray()
        self._count = 0

    def files(self) -> list[tuple[str, bytes]]:
        """Hand over each file's name and content, once all has been read.

        Raises:
            BodyError: the form is cut short, or holds no file.
        """
        if not self.whole:
            raise BodyError(400, self.broken)
        if not self._files:
            raise BodyError(400, "The form holds no file; send at least one picture file.")
        # This and its parser hold each other, for as long as nobody looks for such pairs.
        files, self._files = self._files, []
        return files

    def begin(self) -> None:
        """Raises BodyError where the part is one too many."""
        # Fields count, too: a form of nothing but them would take long to read.
        self._count += 1
        if self._count > self._most_files:
            raise BodyError(413, f"These are more than {self._most_files:,} files; send fewer at once.")

    def take(self, content: memoryview) -> None:
        """Keep what is a file's; BodyError where it is too large."""
        if self.file_name is None and not self._is_typed():
            return
        self._content += content
        if len(self._content) > self._largest_file:
            raise BodyError(413, f"A file has more than {self._largest_file >> 20} MiB; send it smaller.")

    def end(self) -> None:
        """Put a file together."""
        content = bytes(self._content)
        self._content.clear()
        if self.file_name is not None:
            self._files.append((self.file_name.decode("utf-8", "replace"), content))
        elif self._is_typed():
            self._files.append((UNNAMED, content))

    def let_go(self) -> None:
        """Forget what has come: an error keeps what it passed through for as long as it is kept itself."""
        self._content.clear()
        self._files.clear()

    def _is_typed(self) -> bool:
        return self.kind == b"application/octet-stream" or self.kind.startswith(b"image/")
