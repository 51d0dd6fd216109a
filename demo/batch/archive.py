"""Untrusted zips of pictures: members are read one at a time into memory, and never written to a disk."""

import contextlib
import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from demo.decoder.images import LARGEST_FILE_BYTES, TOO_LARGE, read_file
from demo.errors import PictureError

LARGEST_UNPACKED_BYTES: Final = 256 << 20
# Reading the directory turns all of it into objects, however many members the zip claims to have.
LARGEST_DIRECTORY_BYTES: Final = 2 << 20

SIGNATURES: Final = (b"PK\x03\x04", b"PK\x05\x06")
# The other methods put no limit on what one step may unpack.
METHODS: Final = (ZIP_STORED, ZIP_DEFLATED)
ENCRYPTED_FLAG: Final = 0x1
UTF8_FLAG: Final = 0x800
SYSTEM_NAMES: Final = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})

# The standard library's exceptions for damaged zips.
DAMAGE: Final = (BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError, OSError)

DAMAGED: Final = "The zip is damaged or cut short; make it or download it again."
NO_PICTURES: Final = "The zip holds no files; put pictures into it and try again."
TOO_MUCH: Final = (
    f"The zip lists too many files, or unpacks to more than {LARGEST_UNPACKED_BYTES >> 20} MiB; make several "
    "smaller ones, or send the pictures as they are."
)
LOCKED: Final = "The file is locked with a password; make the zip again without one."
MEMBER_DAMAGED: Final = (
    "The file is damaged inside the zip, or packed by an unusual method; make the zip again with Deflate."
)
NESTED: Final = "A zip inside a zip is not opened; unpack it and send what it holds."


class Archive:
    """A zip file, open for reading; a context manager. Not shared between threads.

    members: the possible pictures, in the zip's order, without folders and files that systems add.

    Raises:
        PictureError: the zip is damaged, empty, lists too many files, or unpacks to too much.
    """

    def __init__(self, path: Path) -> None:
        with contextlib.ExitStack() as opened:
            try:
                stream = opened.enter_context(_LimitedFile(path))
                self._zip = opened.enter_context(ZipFile(stream))
                stream.allowance = None
                self.members = [each for each in self._zip.infolist() if _may_be_picture(each)]
            except DAMAGE as error:
                raise PictureError(DAMAGED) from error
            if not self.members:
                raise PictureError(NO_PICTURES)
            if sum(each.file_size for each in self.members) > LARGEST_UNPACKED_BYTES:
                raise PictureError(TOO_MUCH)
            self._opened = opened.pop_all()

    def pictures(self) -> Iterator[tuple[str, bytes | PictureError]]:
        """Yield each member's path with its content, or with why it cannot be read."""
        for member in self.members:
            content: bytes | PictureError
            try:
                content = self._read(member)
            except PictureError as error:
                content = error
            yield member_name(member), content

    def _read(self, member: ZipInfo) -> bytes:
        if member.flag_bits & ENCRYPTED_FLAG:
            raise PictureError(LOCKED)
        if member.compress_type not in METHODS:
            raise PictureError(MEMBER_DAMAGED)
        if member.file_size > LARGEST_FILE_BYTES:
            raise PictureError(TOO_LARGE)
        try:
            with self._zip.open(member) as stream:
                # Reading stops at the size in the directory, and the checksum proves that size.
                content = stream.read(LARGEST_FILE_BYTES)
        except DAMAGE as error:
            raise PictureError(MEMBER_DAMAGED) from error
        if content.startswith(SIGNATURES):
            raise PictureError(NESTED)
        return content

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()


def is_archive(path: Path) -> bool:
    """Return whether a file begins like a zip."""
    try:
        return read_file(path, 4).startswith(SIGNATURES)
    except PictureError:
        # A file that cannot be read is answered when it is loaded.
        return False


def member_name(member: ZipInfo) -> str:
    """Return a member's path; some programs write UTF-8 without marking it as such."""
    if not member.flag_bits & UTF8_FLAG:
        with contextlib.suppress(UnicodeError):
            return member.filename.encode("cp437").decode("utf-8")
    return member.filename


def _may_be_picture(member: ZipInfo) -> bool:
    folder, _, name = member.filename.rpartition("/")
    added_by_system = folder.partition("/")[0] == "__MACOSX" or name in SYSTEM_NAMES
    # A folder's path ends with a slash, so its name is empty.
    return bool(name) and not added_by_system


class _LimitedFile(io.FileIO):
    """A file that reads no more than `allowance` bytes in all; None lifts the limit."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.allowance: int | None = LARGEST_DIRECTORY_BYTES

    def read(self, size: int | None = -1, /) -> bytes:
        content = super().read(size)
        if self.allowance is not None:
            self.allowance -= len(content)
            if self.allowance < 0:
                raise PictureError(TOO_MUCH)
        return content
