"""Which of the allowed formats some bytes claim to be, told from their first few: no decoder is asked."""

import re
from typing import Final

FORMATS_SENTENCE: Final = "PNG, JPEG, WebP, AVIF, BMP, GIF or HEIC"
SIGNATURES: Final = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"BM": "BMP",
}
HEIC_BRANDS: Final = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
LARGEST_BRAND_BOX: Final = 256
# Not the 0 that stands behind each 255 of the pixels' data, no restart, no filling.
JPEG_MARKER: Final = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")


def sniff(content: bytes) -> str | None:
    """PNG, JPEG, WEBP, AVIF, BMP, GIF, HEIC, or None for anything else."""
    for signature, name in SIGNATURES.items():
        if content.startswith(signature):
            return name
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WEBP"
    return sniff_brands(content)


def sniff_brands(content: bytes) -> str | None:
    """AVIF or HEIC, which share a container and differ in the brands that it lists."""
    if content[4:8] != b"ftyp":
        return None
    end = min(int.from_bytes(content[:4], "big"), LARGEST_BRAND_BOX)
    brands = {content[8:12]} | {content[start : start + 4] for start in range(16, end, 4)}
    if brands & {b"avif", b"avis"}:
        return "AVIF"
    return "HEIC" if brands & HEIC_BRANDS else None


def webp_pixels(content: bytes) -> int:
    """Pixels of a WebP's canvas by its header, whose decoder allocates before it tells; 0 where unknown."""
    kind = content[12:16]
    if kind == b"VP8X":
        return (1 + little(content[24:27])) * (1 + little(content[27:30]))
    if kind == b"VP8 ":
        return (little(content[26:28]) & 0x3FFF) * (little(content[28:30]) & 0x3FFF)
    if kind == b"VP8L":
        sizes = little(content[21:25])
        return (1 + (sizes & 0x3FFF)) * (1 + (sizes >> 14 & 0x3FFF))
    return 0


def jpeg_scans(content: bytes, most: int) -> int:
    """How often a JPEG goes over its pixels, counted no further than one beyond `most`."""
    count, start = 0, 2
    while count <= most and (marker := JPEG_MARKER.search(content, start)) and marker[1] != b"\xd9":
        count += marker[1] == b"\xda"
        # A segment's length counts its own two bytes; of one that is cut short nothing follows.
        start = marker.end() + int.from_bytes(content[marker.end() : marker.end() + 2], "big")
    return count


def little(field: bytes) -> int:
    """The value of a little-endian field."""
    return int.from_bytes(field, "little")
