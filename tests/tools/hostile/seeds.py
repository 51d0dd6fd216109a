"""Valid files from which hostile ones are made: zips, and pictures in formats that the app refuses.

`tests.support.pictures.samples_of_every_format` has the formats that it accepts.
"""

import functools
import io
import zlib
from typing import Final
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZIP_LZMA, ZIP_STORED, ZipFile, ZipInfo

import numpy as np
from PIL import Image

from tests.support.pictures import encoded, samples_of_every_format

SVG: Final = b"""<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]>
<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><text>&a;</text></svg>"""
FITS: Final = b"SIMPLE  =                    T".ljust(80) + b"BITPIX  =                    8".ljust(2800)
XCF: Final = b"gimp xcf v011\0" + bytes(200)
MP4: Final = b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + b"\0\0\0\x08mdat"
WAV: Final = b"RIFF\x24\0\0\0WAVEfmt " + bytes(28)
HTML: Final = b"<html><script>alert(document.cookie)</script></html>"
MVG: Final = (
    b"push graphic-context\nviewbox 0 0 9 9\nfill 'url(https://example.org/x.png)'\npop graphic-context"
)
PICKLE: Final = b"\x80\x04\x95\x1c\0\0\0\0\0\0\0\x8c\x05posix\x94\x8c\x06system\x94\x93\x94."


@functools.cache
def other_formats() -> dict[str, bytes]:
    """Return a file of each refused format, by name."""
    rgb = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8))
    grey, ink = rgb.convert("L"), rgb.convert("1")
    return {
        "tiff": encoded(rgb, "TIFF"),
        "tiff-deflate": encoded(rgb, "TIFF", compression="tiff_adobe_deflate"),
        "tiff-lzw": encoded(grey, "TIFF", compression="tiff_lzw"),
        "tiff-jpeg": encoded(rgb, "TIFF", compression="jpeg"),
        "tiff-fax3": encoded(ink, "TIFF", compression="group3"),
        "tiff-fax4": encoded(ink, "TIFF", compression="group4"),
        "tiff-ccitt": encoded(ink, "TIFF", compression="tiff_ccitt"),
        "eps": encoded(rgb, "EPS"),
        "pdf": encoded(rgb, "PDF"),
        "ico": encoded(rgb, "ICO"),
        "icns": encoded(rgb, "ICNS"),
        "jpeg2000": encoded(rgb, "JPEG2000"),
        "pcx": encoded(rgb, "PCX"),
        "ppm": encoded(rgb, "PPM"),
        "sgi": encoded(rgb, "SGI"),
        "tga": encoded(rgb, "TGA"),
        "dds": encoded(rgb, "DDS"),
        "xbm": encoded(ink, "XBM"),
        "spider": encoded(grey.convert("F"), "SPIDER"),
        "msp": encoded(ink, "MSP"),
        "im": encoded(rgb, "IM"),
        "mpo": encoded(rgb, "MPO", save_all=True, append_images=[rgb]),
        "blp": encoded(rgb.quantize(16), "BLP"),
        "qoi": encoded(rgb, "QOI"),
        "psd": psd(),
        "svg": SVG,
        "svgz": zlib.compress(SVG, wbits=31),
        "fits": FITS,
        "xcf": XCF,
        "mp4": MP4,
        "wav": WAV,
        "html": HTML,
        "mvg": MVG,
        "pickle": PICKLE,
    }


def psd() -> bytes:
    """A Photoshop file of 4x4 grey pixels, which Pillow reads and cannot write."""
    header = b"8BPS\0\x01" + bytes(6) + b"\0\x01\0\0\0\x04\0\0\0\x04\0\x08\0\x01"
    return header + bytes(12) + b"\0\0" + bytes(range(16))


def packed(files: dict[str, bytes], method: int = ZIP_DEFLATED) -> bytes:
    """A zip of files by name."""
    stream = io.BytesIO()
    with ZipFile(stream, "w", method) as archive:
        for name, content in files.items():
            # Not by name, which would put the time of day into it.
            archive.writestr(ZipInfo(name), content, method)
    return stream.getvalue()


@functools.cache
def archives_that_are_whole() -> dict[str, bytes]:
    """Return valid zips of pictures, by name."""
    pictures = {f"{name}.bin": content for name, content in samples_of_every_format().items()}
    some = dict(list(pictures.items())[:3])
    return {
        "zip": packed(some),
        "zip-stored": packed(some, ZIP_STORED),
        "zip-bzip2": packed(some, ZIP_BZIP2),
        "zip-lzma": packed(some, ZIP_LZMA),
        "zip-of-all": packed(pictures),
    }
