"""A stranger's zip of pictures: its members one at a time and in memory, never by their names on a disk."""

import io
import struct
import zlib
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from demo.decoder.images import LARGEST_FILE_BYTES, TOO_LARGE
from demo.errors import PictureError

LARGEST_UNPACKED_BYTES: Final = 256 << 20
# All of it becomes objects as soon as it is read, whatever number of members the zip claims to have.
LARGEST_DIRECTORY_BYTES: Final = 2 << 20

SIGNATURES: Final = (b"PK\x03\x04", b"PK\x05\x06")
# The other methods are decompressed without a bound on what one step may unpack.
METHODS: Final = (ZIP_STORED, ZIP_DEFLATED)
ENCRYPTED_FLAG: Final = 0x1
UTF8_FLAG: Final = 0x800
SYSTEM_NAMES: Final = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})

# What the standard library raises on bytes that are not, or no longer, a zip.
DAMAGE: Final = (BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError, OSError)

DAMAGED: Final = "The zip is damaged or cut short; make it or download it again."
NO_PICTURES: Final = "The zip holds no files; put pictures into it and try again."
TOO_LONG_LIST: Final = "The zip lists too many files; make several smaller ones."
TOO_MUCH: Final = (
    f"The zip unpacks to more than {LARGEST_UNPACKED_BYTES >> 20} MiB; make several smaller ones, "
    "or send the pictures as they are."
)
LOCKED: Final = "The file is locked with a password; make the zip again without one."
OTHER_METHOD: Final = "The file is packed in a way that is not read here; make the zip again with Deflate."
MEMBER_DAMAGED: Final = "The file is damaged inside the zip; make the zip again."
NESTED: Final = "A zip inside a zip is not opened; unpack it and send what it holds."


def is_archive(content: bytes) -> bool:
    """Whether bytes begin as a zip does."""
    return content.startswith(SIGNATURES)


class Archive:
    """A zip file that is open for reading; a context manager. Not shared between threads.

    members: what may be a picture, in the zip's order, without folders and what systems add by themselves.

    Raises:
        PictureError: it is damaged, holds nothing, or has or unpacks to more than is allowed.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._stream = _FrugalFile(path)
        except OSError as error:
            raise PictureError(DAMAGED) from error
        try:
            self._zip = ZipFile(self._stream)
            self._stream.allowance = None
            self.members = [each for each in self._zip.infolist() if _may_be_picture(each)]
            if not self.members:
                raise PictureError(NO_PICTURES)
            if sum(each.file_size for each in self.members) > LARGEST_UNPACKED_BYTES:
                raise PictureError(TOO_MUCH)
        except PictureError:
            self._stream.close()
            raise
        except DAMAGE as error:
            self._stream.close()
            raise PictureError(DAMAGED) from error

    def read(self, member: ZipInfo) -> bytes:
        """A member's content, at most as many bytes as the zip says that it has.

        Raises:
            PictureError: it is locked, too large, damaged, a zip itself, or packed by an unusual method.
        """
        if member.flag_bits & ENCRYPTED_FLAG:
            raise PictureError(LOCKED)
        if member.compress_type not in METHODS:
            raise PictureError(OTHER_METHOD)
        if member.file_size > LARGEST_FILE_BYTES:
            raise PictureError(TOO_LARGE)
        try:
            with self._zip.open(member) as stream:
                # It stops at the size that the directory names, and its checksum tells whether that was true.
                content = stream.read(LARGEST_FILE_BYTES)
        except DAMAGE as error:
            raise PictureError(MEMBER_DAMAGED) from error
        if is_archive(content):
            raise PictureError(NESTED)
        return content

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()
        self._stream.close()


def member_name(member: ZipInfo) -> str:
    """A member's path as its zip was meant to say it: some programs write UTF-8 and do not mark it so."""
    if member.flag_bits & UTF8_FLAG:
        return member.filename
    try:
        return member.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return member.filename


def _may_be_picture(member: ZipInfo) -> bool:
    folder, _, name = member.filename.rpartition("/")
    added_by_system = folder.partition("/")[0] == "__MACOSX" or name in SYSTEM_NAMES
    # A folder's name is empty behind its last slash.
    return bool(name) and not added_by_system


class _FrugalFile(io.FileIO):
    """A file that reads no more than an allowance of bytes in all, until that is lifted by None."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.allowance: int | None = LARGEST_DIRECTORY_BYTES

    def read(self, size: int | None = -1, /) -> bytes:
        content = super().read(size)
        if self.allowance is not None:
            self.allowance -= len(content)
            if self.allowance < 0:
                raise PictureError(TOO_LONG_LIST)
        return content
