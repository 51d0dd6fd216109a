"""Hostile zips: bombs, zips in zips, names that lead elsewhere, and changed ones."""

import io
import struct
from typing import Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import numpy as np

from demo.batch.many import MOST_FILES
from tests.support.pictures import samples_of_every_format
from tests.tools.hostile.mutate import mutate
from tests.tools.hostile.seeds import archives_that_are_whole, packed

LINK: Final = 0o120777 << 16
NAMES: Final = (
    "../../../../tmp/escaped.png",
    "/etc/cron.d/escaped.png",
    "C:\\Windows\\escaped.png",
    "..\\..\\escaped.png",
    "a\nb\x1b[2Jc.png",
    "<img src=x onerror=alert(1)>.png",
    "\u202egnp.exe",
    "x" * 60_000 + ".png",
    "CON.png",
    "{{7*7}}.png",
    "=cmd|' /C calc'!A0.png",
)


def archives(rng: np.random.Generator, changed: int) -> dict[str, bytes]:
    """Return zips by name; `changed` of them are mutations of valid ones."""
    whole = archives_that_are_whole()
    picture = samples_of_every_format()["png"]
    made = {
        **whole,
        "zip-empty": packed({}),
        "zip-names": packed(dict.fromkeys(NAMES, picture)),
        "zip-links": linked("/etc/passwd"),
        "zip-nested": packed({"inner.zip": packed({"x.png": picture}), "x.png": picture}),
        "zip-bomb": packed({"zeros.png": bytes(31 << 20)}),
        "zip-bombs": packed({f"{index}.png": bytes(16 << 20) for index in range(20)}),
        "zip-large-member": packed({"zeros.png": bytes(33 << 20)}),
        "zip-many": packed({f"{index}.png": b"x" for index in range(MOST_FILES + 1)}),
        "zip-most": packed({f"{index}.png": b"x" for index in range(MOST_FILES - 1)}),
        "zip-overlapping": overlapping(picture),
        "zip-list": packed({"x" * 200 + f"{index}.png": b"" for index in range(8000)}),
        "zip-locked": flagged(packed({"x.png": picture})),
        "zip-lies": lying(packed({"x.png": picture})),
        "zip-of-nothing": packed({"folder/": b"", "__MACOSX/x.png": picture, ".DS_Store": b"x"}),
        "zip-behind": picture + packed({"x.png": picture}),
        "zip-cut": packed({"x.png": picture})[:-10],
        "zip-only": b"PK\x03\x04",
        "zip-only-end": b"PK\x05\x06" + bytes(18),
        "zip-far-end": b"PK\x05\x06" + b"\xff" * 18,
    }
    fuel = list(whole.values())
    for index in range(changed):
        made[f"{index:05}-zip"] = mutate(fuel[rng.integers(len(fuel))], rng, fuel)
    return made


def linked(target: str) -> bytes:
    """A zip with a symbolic link in it."""
    stream = io.BytesIO()
    with ZipFile(stream, "w", ZIP_DEFLATED) as archive:
        link = ZipInfo("link.png")
        link.external_attr = LINK
        archive.writestr(link, target)
    return stream.getvalue()


def overlapping(content: bytes, count: int = 300) -> bytes:
    """A zip whose directory names the same bytes again and again."""
    archive = packed({"x.png": content})
    start = archive.rindex(b"PK\x01\x02")
    end = archive.rindex(b"PK\x05\x06")
    entry = archive[start:end]
    tail = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, count, count, len(entry) * count, start, 0)
    return archive[:start] + entry * count + tail


def flagged(archive: bytes) -> bytes:
    """Return a zip whose members are marked as encrypted."""
    changed = bytearray(archive)
    changed[6] |= 1
    changed[archive.rindex(b"PK\x01\x02") + 8] |= 1
    return bytes(changed)


def lying(archive: bytes) -> bytes:
    """Return a zip whose directory lists a member as empty."""
    sizes = archive.rindex(b"PK\x01\x02") + 24
    return archive[:sizes] + bytes(4) + archive[sizes + 4 :]
