"""Untrusted zips of pictures: members are read one at a time into memory, and never written to a disk."""

import contextlib
import io
import re
import struct
import zlib
from collections.abc import Callable, Iterator
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
UNICODE_PATH: Final = 0x7075
KANA: Final = re.compile("[\u3040-\u30ff]")
HALF_WIDTH: Final = re.compile("[\uff61-\uff9f\ue000-\uf8ff]")
FIELD_HEAD: Final = struct.Struct("<HH")
"""Of an extra field: its kind and size."""
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


def unpacked(
    name: str, path: Path, opened: Callable[[int], None] = lambda _: None
) -> Iterator[tuple[str, bytes | PictureError]]:
    """Yield the pictures of a zip, named after the zip and their path in it, or why it cannot be read.

    opened: called with the number of pictures before the first one; may raise PictureError.
    """
    try:
        with Archive(path) as archive:
            opened(len(archive.members))
            for member, content in archive.pictures():
                yield f"{name}/{member}", content
    except PictureError as error:
        yield name, error


def is_archive(path: Path) -> bool:
    """Return whether a file begins like a zip."""
    try:
        # Of a pipe, what is read here would be missing later.
        return path.is_file() and read_file(path, 4).startswith(SIGNATURES)
    except PictureError:
        # A file that cannot be read is answered when it is loaded.
        return False


def member_name(member: ZipInfo) -> str:
    """Return a member's path, in whichever encoding it was written.

    Marked as UTF-8, or with a Unicode path beside it (field 0x7075), it is known; Windows writes its own
    encoding without saying which.
    """
    if member.flag_bits & UTF8_FLAG:
        return member.filename
    try:
        raw = member.filename.encode("cp437")
    except UnicodeError:
        return member.filename
    if (name := unicode_path(member.extra, raw)) is not None:
        return name
    for encoding in ("utf-8", "cp932", "gbk"):
        with contextlib.suppress(UnicodeError):
            name = raw.decode(encoding)
            if encoding == "utf-8" or is_plausible(name, encoding):
                return name
    return member.filename


def is_plausible(name: str, encoding: str) -> bool:
    """Return whether a name was written in an East Asian encoding, judged by what it would contain."""
    # Chinese would be Japanese of half the usual width.
    if HALF_WIDTH.search(name):
        return False
    # Letters with accents would be signs whose second byte is the ASCII letter after them.
    seconds = [pair[1] for pair in (each.encode(encoding) for each in name) if len(pair) == 2]
    return bool(KANA.search(name)) or all(second >= 0x80 for second in seconds)


def unicode_path(extra: bytes, raw: bytes) -> str | None:
    """Return the Unicode path among a member's extra fields, if it belongs to the raw one.

    Source: APPNOTE.TXT 4.6.9, https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
    """
    while len(extra) >= FIELD_HEAD.size:
        kind, size = FIELD_HEAD.unpack_from(extra)
        field, extra = extra[FIELD_HEAD.size :][:size], extra[FIELD_HEAD.size + size :]
        if kind == UNICODE_PATH and field[1:5] == struct.pack("<I", zlib.crc32(raw)):
            with contextlib.suppress(UnicodeError):
                return field[5:].decode("utf-8")
    return None


def _may_be_picture(member: ZipInfo) -> bool:
    folder, _, name = member.filename.rpartition("/")
    added_by_system = folder.partition("/")[0] == "__MACOSX" or name in SYSTEM_NAMES or name.startswith("._")
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
