"""Untrusted zips: members that are read, and refusals."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from demo.batch import archive
from demo.batch.archive import Archive
from demo.decoder.images import LARGEST_FILE_BYTES, TOO_LARGE, encode_png
from demo.errors import PictureError

PNG = encode_png(np.zeros((28, 28), np.uint8))
CENTRAL = b"PK\x01\x02"


def zip_bytes(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as made:
        for name, content in members.items():
            made.writestr(name, content)
    return stream.getvalue()


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes], Path]:
    def to_file(content: bytes) -> Path:
        path = tmp_path / "sent.zip"
        path.write_bytes(content)
        return path

    return to_file


Write = Callable[[bytes], Path]


def read(path: Path) -> list[tuple[str, bytes | PictureError]]:
    with Archive(path) as archive:
        return list(archive.pictures())


def test_members_come_in_order_without_system_files(write: Write) -> None:
    members = {
        "b/": b"",
        "b/2.png": PNG,
        "__MACOSX/b/._2.png": b"x",
        "b/.DS_Store": b"x",
        "b/._1.png": b"x",
        "Thumbs.db": b"x",
        "../../1.png": b"one",
    }
    assert read(write(zip_bytes(members))) == [("b/2.png", PNG), ("../../1.png", b"one")]


def test_names_in_utf_8_are_read_whether_marked_or_not(write: Write) -> None:
    marked = zip_bytes({"数字.png": PNG})
    # General purpose flags, in the local and the central header.
    plain = bytearray(marked)
    plain[6:8] = plain[marked.index(CENTRAL) + 8 : marked.index(CENTRAL) + 10] = b"\0\0"
    for content in (marked, bytes(plain)):
        assert read(write(content)) == [("数字.png", PNG)]


def zip_named(name: bytes, extra: bytes = b"") -> bytes:
    """A zip with one picture, whose name's bytes are not marked as UTF-8."""
    stand_in = "x" * len(name)
    member = zipfile.ZipInfo(stand_in)
    member.extra = extra
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        made.writestr(member, PNG)
    return stream.getvalue().replace(stand_in.encode(), name)


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        *((name, "gbk") for name in ("数字七.png", "手写/图片 1.png", "新建文件夹/样本.jpg")),
        *((name, "cp932") for name in ("数字の七.png", "写真/テスト①.png", "手書き.jpg")),
        *((name, "cp437") for name in ("café.png", "übung.png")),
        ("plain.png", "ascii"),
    ],
)
def test_names_in_other_encodings_are_read(write: Write, name: str, encoding: str) -> None:
    assert read(write(zip_named(name.encode(encoding)))) == [(name, PNG)]


def test_a_unicode_path_beside_a_name_counts_if_it_belongs_to_it(write: Write) -> None:
    raw = "数字.png".encode("gbk")
    for checked, expected in ((raw, "七.png"), (b"another", "数字.png")):
        field = b"\x01" + struct.pack("<I", zlib.crc32(checked)) + "七.png".encode()
        extra = struct.pack("<HH", 0x5455, 1) + b"\0" + struct.pack("<HH", 0x7075, len(field)) + field
        assert read(write(zip_named(raw, extra))) == [(expected, PNG)]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (zip_bytes({}), archive.NO_PICTURES),
        (zip_bytes({"folder/": b"", ".DS_Store": b"x"}), archive.NO_PICTURES),
        (zip_bytes({"a.png": PNG})[:-30], archive.DAMAGED),
        (b"PK\x03\x04" + bytes(100), archive.DAMAGED),
    ],
)
def test_an_empty_or_damaged_zip_is_refused(write: Write, content: bytes, reason: str) -> None:
    with pytest.raises(PictureError, match=reason):
        Archive(write(content))


def refused(path: Path) -> str:
    """Why the only member of a zip is not read."""
    ((_, error),) = read(path)
    assert isinstance(error, PictureError)
    return str(error)


def test_members_are_refused_with_the_reason(write: Write) -> None:
    assert refused(write(zip_bytes({"in.zip": zip_bytes({"a.png": PNG})}))) == archive.NESTED
    assert refused(write(zip_bytes({"a.png": PNG}, zipfile.ZIP_LZMA))) == archive.MEMBER_DAMAGED
    assert refused(write(zip_bytes({"a.bmp": bytes(LARGEST_FILE_BYTES + 1)}))) == TOO_LARGE
    whole = zip_bytes({"a.png": PNG}, zipfile.ZIP_STORED)
    assert refused(write(whole.replace(PNG, PNG[:-1] + b"x"))) == archive.MEMBER_DAMAGED
    locked = bytearray(whole)
    locked[6] |= archive.ENCRYPTED_FLAG
    locked[whole.index(CENTRAL) + 8] |= archive.ENCRYPTED_FLAG
    assert refused(write(bytes(locked))) == archive.LOCKED


def test_a_member_larger_than_declared_is_refused(write: Write) -> None:
    content = bytearray(zip_bytes({"a.bmp": bytes(1 << 20)}))
    place = content.index(CENTRAL) + 24
    assert struct.unpack_from("<I", content, place) == (1 << 20,)
    struct.pack_into("<I", content, place, 100)
    assert refused(write(bytes(content))) == archive.MEMBER_DAMAGED


def test_a_zip_that_unpacks_to_too_much_is_refused(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    content = zip_bytes({"a.bmp": bytes(600), "b.bmp": bytes(500)})
    monkeypatch.setattr(archive, "LARGEST_UNPACKED_BYTES", 1100)
    Archive(write(content)).__exit__(None, None, None)
    monkeypatch.setattr(archive, "LARGEST_UNPACKED_BYTES", 1099)
    with pytest.raises(PictureError, match=archive.TOO_MUCH):
        Archive(write(content))


def test_a_list_of_files_that_is_too_long_is_not_read(write: Write) -> None:
    entry = struct.Struct("<4s6H3I5H2I").pack(CENTRAL, 20, 20, 0, 0, 0, 0, 0, 0, 0, 1, *[0] * 6) + b"a"
    count = archive.LARGEST_DIRECTORY_BYTES // len(entry) + 1
    listed = entry * count
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, count % 65536, count % 65536, len(listed), 0, 0)
    with pytest.raises(PictureError, match=archive.TOO_MUCH):
        Archive(write(listed + end))
