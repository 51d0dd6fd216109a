"""The conformance pack: our own pictures, and what every implementation must answer for them."""

import base64
import io
import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import Image, ImageCms

from demo.contract import (
    BOXES,
    DIGIT_PROBABILITIES,
    FAKE_PROBABILITY,
    FROM_IMAGE,
    IMAGE,
    IN_DOMAIN,
    LOGIT,
    PIXELS,
    REASON,
    REASONS,
)
from demo.decoder.containers import PNG_SIGNATURE, chunk
from demo.decoder.images import load_picture
from demo.errors import PictureError
from demo.folders import write_whole
from demo.inference.answer import reason_for
from demo.inference.engine import Engine
from demo.inference.manifest import Manifest
from demo.inference.sessions import CPU, open_session
from export.errors import PublishError
from export.from_image import photographed
from export.publish import replacement
from train.data.pendigits import Stroke, draw

CONFORMANCE_FOLDER = Path(__file__).parent.parent / "demo" / "conformance"
EXPECTED = "expected.json"
SEED = 3_000_000
CANVAS = 280
BRUSH = 22
SMALL = 140
"""Pixels on a side of the pictures for the decoders' rules."""
TOLERANCE = {"logit": 1e-3, "pixel_levels": 1, "pixel_share": 1e-3}
DIGIT_TOLERANCE = {DIGIT_PROBABILITIES: 1e-3}
"""Stated if the model says which digit it is."""
ORIENTATION_TAG = 0x0112
REFUSED_BY = {
    "turned-by-exif.heic": ["Node", "browser"],
    "two-pictures.heic": ["Node", "browser"],
    "colour.avif": ["Node"],
    "translucent.avif": ["Node", "browser"],
}
"""By file, our runtimes whose decoders cannot read it as the others do, so that they refuse it."""


def write_pack(folder: Path, models: Path) -> int:
    """Replace a folder with the pack's pictures and `expected.json`; return the number of pictures.

    Expected are onnxruntime's numbers on the CPU, which the parity gate has compared with PyTorch's.

    Raises:
        ModelError: the models cannot be read. PublishError: the folder cannot be written.
    """
    if folder.exists() and not (folder / EXPECTED).exists() and any(folder.iterdir()):
        raise PublishError(f"{folder} is not empty and holds no conformance pack; name another folder.")
    engine = Engine.load(models, "cpu")
    manifest = Manifest.load(models)
    session = open_session(FROM_IMAGE, manifest.read(f"{FROM_IMAGE}.onnx"), [CPU])
    pictures = dict(all_pictures(engine))
    rows = [expected_row(engine, session, name, content) for name, content in pictures.items()]
    expected = {
        "model": f"{FROM_IMAGE}.onnx",
        "sha256": manifest.files[f"{FROM_IMAGE}.onnx"]["sha256"],
        "tolerance": TOLERANCE | (DIGIT_TOLERANCE if DIGIT_PROBABILITIES in rows[0] else {}),
        "pictures": rows,
    }
    with replacement(folder) as staged:
        for name, content in pictures.items():
            write_whole(staged / name, content)
        write_whole(staged / EXPECTED, (json.dumps(expected, indent=1) + "\n").encode())
    return len(rows)


def expected_row(engine: Engine, session: Any, name: str, content: bytes) -> dict[str, Any]:
    """Return what is expected for a picture: its decoded shape, the normalizer's outputs, and the scores.

    For a file that every decoder must refuse: the reason.
    """
    try:
        array = load_picture(content).array
    except PictureError as error:
        return {"file": name, "error": str(error)}
    names = [each.name for each in session.get_outputs()]
    outputs = dict(zip(names, session.run(names, {IMAGE: array}), strict=True))
    boxes = outputs.pop(BOXES)
    found = {name: each[0] for name, each in outputs.items()}
    probability, in_domain = float(found[FAKE_PROBABILITY]), float(found[IN_DOMAIN])
    digits = found.get(DIGIT_PROBABILITIES)
    verdict = engine.thresholds.verdict(probability, in_domain)
    return {
        "file": name,
        **({"refused_by": REFUSED_BY[name]} if name in REFUSED_BY else {}),
        "array": {"shape": list(array.shape)},
        "pixels": base64.b64encode(found[PIXELS].tobytes()).decode(),
        "boxes": boxes.tolist(),
        "fake_probability": probability,
        "logit": float(found[LOGIT]),
        **({} if digits is None else {DIGIT_PROBABILITIES: digits.tolist()}),
        "in_domain": in_domain,
        "verdict": verdict,
        "reason": reason_for(verdict, REASONS[found[REASON]]),
    }


def all_pictures(engine: Engine) -> Iterator[tuple[str, bytes]]:
    """Yield file name and content of every picture, the same each time."""
    random = np.random.default_rng(SEED)
    drawn = [draw(strokes_of(digit), CANVAS, BRUSH) for digit in range(10)]
    for digit, canvas in enumerate(drawn):
        yield f"drawn-{digit}.png", encode(canvas)
    for generator in engine.generators:
        for index, fake in enumerate(engine.generate(generator, 8, SEED)):
            yield f"{generator}-{index}.png", encode(fake)
    yield from odd_colours(drawn, random)
    yield from odd_sizes(drawn, random)
    yield from odd_formats(drawn)
    yield from turned(drawn)
    yield from further_images(drawn)
    yield from profiles(drawn)
    yield from checksums(drawn)
    yield from depths(drawn)
    yield from translucent(drawn)


def odd_colours(drawn: list[NDArray[np.uint8]], random: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    """Yield ink and paper of other colours, transparency, light from one side."""
    share = drawn[3][..., None] / 255
    for name, paper, ink in (
        ("dark-on-white", (255, 255, 255), (0, 0, 0)),
        ("blue-on-yellow", (250, 240, 120), (20, 20, 90)),
        ("chalk-on-green", (40, 60, 50), (220, 225, 220)),
        ("grey-on-white", (255, 255, 255), (150, 150, 150)),
    ):
        mixed = np.round(np.array(paper) * (1 - share) + np.array(ink) * share)
        yield f"{name}.png", encode(mixed.astype(np.uint8))
    for name, level in (("black-on-transparent", 0), ("white-on-transparent", 255)):
        colour = np.full((CANVAS, CANVAS, 3), level, np.uint8)
        yield f"{name}.png", encode(np.concatenate([colour, drawn[5][..., None]], axis=2))
    yield "opaque-rgba.png", encode(np.dstack([drawn[6]] * 3 + [np.full_like(drawn[6], 255)]))
    for digit in (2, 7):
        yield f"photographed-{digit}.png", encode(photographed(drawn[digit], random))


def odd_sizes(drawn: list[NDArray[np.uint8]], random: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    """Yield sizes from one pixel to more than the normalizer keeps, blank, noise, and two digits at once."""
    yield "one-pixel.png", encode(np.full((1, 1), 200, np.uint8))
    yield "strip.png", encode(random.integers(0, 256, (1, 500), np.uint8))
    yield "blank-white.png", encode(np.full((40, 60, 3), 255, np.uint8))
    yield "noise.png", encode(random.integers(0, 256, (50, 40, 3), np.uint8))
    yield "two-digits.png", encode(np.hstack([drawn[4], drawn[2]]))
    yield "touching-the-edge.png", encode(drawn[7][40:240, 60:220])
    yield "tiny.png", encode(resized(drawn[8], 14))
    yield "large.png", encode(255 - resized(drawn[9], 1500))


def odd_formats(drawn: list[NDArray[np.uint8]]) -> Iterator[tuple[str, bytes]]:
    """Yield other depths of PNG, and other formats."""
    dark = Image.fromarray(255 - drawn[5])
    yield "one-bit.png", encode(dark.convert("1"))
    yield "palette.png", encode(dark.convert("RGB").quantize(16))
    yield "sixteen-bit.png", encode(Image.fromarray((255 - drawn[5]).astype(np.uint16) * 257))
    yield "quality-40.jpg", encode(dark, "JPEG", quality=40)
    yield "lossless.webp", encode(dark, "WEBP", lossless=True)
    yield "picture.avif", encode(dark, "AVIF", quality=80)
    yield "picture.gif", encode(dark, "GIF")
    yield "picture.bmp", encode(dark, "BMP")
    compressed = bytearray(encode(dark, "BMP"))
    compressed[30] = 1
    yield "compressed.bmp", bytes(compressed)


def turned(drawn: list[NDArray[np.uint8]]) -> Iterator[tuple[str, bytes]]:
    """Yield pictures that lie on their side, with the EXIF orientation that turns them."""
    lying = Image.fromarray(255 - resized(drawn[5], SMALL)).rotate(90)
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = 6
    block = exif.tobytes()
    yield "turned-by-exif.jpg", encode(lying, "JPEG", quality=90, exif=block)
    yield "turned-by-exif.png", encode(lying, exif=block)
    yield "turned-by-exif.webp", encode(lying, "WEBP", lossless=True, exif=block)
    yield "turned-by-exif.avif", encode(lying, "AVIF", quality=80, exif=block)
    yield "turned-by-exif.heic", encode(lying, "HEIC", exif=block)


def further_images(drawn: list[NDArray[np.uint8]]) -> Iterator[tuple[str, bytes]]:
    """Yield animations and files of several images: a 2, then a 4."""
    first, second = (Image.fromarray(255 - resized(drawn[digit], SMALL)) for digit in (2, 4))
    both: dict[str, Any] = {"save_all": True, "append_images": [second]}
    yield "animated.gif", encode(first, "GIF", **both)
    # Its screen is larger than the frame.
    small = encode(first, "GIF")
    yield "small-frame.gif", small[:6] + struct.pack("<HH", SMALL + 20, SMALL + 10) + small[10:]
    # The still image is no frame of the animation.
    yield "animated.png", encode(first, default_image=True, save_all=True, append_images=[second] * 2)
    yield "animated.webp", encode(first, "WEBP", lossless=True, **both)
    sequence = bytearray(encode(first, "AVIF", quality=80, **both))
    for name in (b"mvhd", b"tkhd", b"mdhd"):
        # The times at which it was made and changed, so that the pack is the same each time.
        times = sequence.index(name) + 8
        sequence[times : times + 16] = bytes(16)
    yield "animated.avif", bytes(sequence)
    yield "two-pictures.jpg", encode(first, "MPO", **both)
    container = pillow_heif.from_pillow(second)
    container.add_from_pillow(first)
    stream = io.BytesIO()
    container.save(stream, primary_index=1)
    yield "two-pictures.heic", stream.getvalue()
    yield "page.tiff", encode(first, "TIFF", compression="tiff_lzw")


def profiles(drawn: list[NDArray[np.uint8]]) -> Iterator[tuple[str, bytes]]:
    """Yield a digit that goes from red to green, with colour profiles that would change its ink."""
    picture = coloured(drawn[3])
    profile = wide_gamut()
    yield "colour.jpg", encode(picture, "JPEG", quality=60)
    yield "colour.webp", encode(picture, "WEBP", quality=60)
    yield "colour.avif", encode(picture, "AVIF", quality=60)
    yield "wide-gamut.jpg", encode(picture, "JPEG", quality=90, icc_profile=profile)
    yield "wide-gamut.png", encode(picture, icc_profile=profile)
    yield "wide-gamut.webp", encode(picture, "WEBP", lossless=True, icc_profile=profile)
    yield "gamma.png", png(np.asarray(picture), gAMA=struct.pack(">I", 100_000))
    yield "cmyk.jpg", encode(picture.convert("CMYK"), "JPEG", quality=90)


def coloured(canvas: NDArray[np.uint8]) -> Image.Image:
    """Return a digit on white whose ink goes from red at the left to green at the right."""
    share = resized(canvas, SMALL)[..., None] / 255
    across = np.linspace(0, 1, SMALL)[:, None]
    ink = (1 - across) * np.array([220, 0, 0]) + across * np.array([0, 90, 0])
    return Image.fromarray(np.round(255 * (1 - share) + ink * share).astype(np.uint8))


def wide_gamut() -> bytes:
    """Return an ICC profile with the primaries of Display P3 (SMPTE EG 432-1)."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    # The time at which it was made, so that the pack is the same each time.
    profile[24:36] = bytes(12)
    primaries = {
        b"rXYZ": (0.51512, 0.24120, -0.00105),
        b"gXYZ": (0.29198, 0.69225, 0.04189),
        b"bXYZ": (0.15710, 0.06657, 0.78407),
    }
    for name, values in primaries.items():
        (place,) = struct.unpack_from(">I", profile, profile.index(name) + 4)
        struct.pack_into(">3i", profile, place + 8, *(round(value * 65536) for value in values))
    return bytes(profile)


def checksums(drawn: list[NDArray[np.uint8]]) -> Iterator[tuple[str, bytes]]:
    """Yield PNGs of which one chunk has a wrong checksum: a text, an orientation, the pixels."""
    pixels = 255 - resized(drawn[7], SMALL)[..., None]
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = 6
    block = exif.tobytes().removeprefix(b"Exif\0\0")
    for file, name, content in (
        ("broken-text.png", b"tEXt", png(pixels, tEXt=b"Comment\0seven")),
        ("broken-orientation.png", b"eXIf", png(pixels, eXIf=block)),
        ("broken-pixels.png", b"IDAT", png(pixels)),
    ):
        start = content.index(name)
        end = start + 4 + int.from_bytes(content[start - 4 : start], "big")
        yield file, content[:end] + bytes([content[end] ^ 255]) + content[end + 1 :]


def depths(drawn: list[NDArray[np.uint8]]) -> Iterator[tuple[str, bytes]]:
    """Yield PNGs of 16 bits, and pictures that use a small part of the range."""
    grey = 255 - resized(drawn[6], SMALL)[..., None].astype(int)
    colour = np.asarray(coloured(drawn[6])).astype(int)
    yield "sixteen-bit-colour.png", png((colour * 257).astype(">u2"))
    yield "twelve-bit.png", png((grey * 257 >> 4).astype(">u2"))
    yield "twelve-bit-colour.png", png((colour * 257 >> 4).astype(">u2"))
    yield "eight-of-sixteen-bit.png", png(grey.astype(">u2"))
    yield "four-bit.png", png((grey >> 4).astype(np.uint8))
    yield "one-of-eight-bit.png", png((grey >> 7).astype(np.uint8))
    yield "dark.jpg", encode((grey[..., 0] >> 4).astype(np.uint8), "JPEG", quality=90)


def translucent(drawn: list[NDArray[np.uint8]]) -> Iterator[tuple[str, bytes]]:
    """Yield dark ink on nothing, with edges of every opacity."""
    ink = np.full((SMALL, SMALL, 3), (20, 20, 90), np.uint8)
    picture = Image.fromarray(np.dstack([ink, resized(drawn[0], SMALL)]))
    yield "translucent.webp", encode(picture, "WEBP", quality=80)
    yield "translucent.avif", encode(picture, "AVIF", quality=80)


def png(samples: NDArray[Any], **chunks: bytes) -> bytes:
    """Encode uint8 or big-endian uint16 [height, width, 1 | 3] as PNG, with chunks before the pixels."""
    height, width, channels = samples.shape
    fields = (width, height, 8 * samples.itemsize, 0 if channels == 1 else 2, 0, 0, 0)
    lines = b"".join(b"\0" + row.tobytes() for row in samples)
    parts = {b"IHDR": struct.pack(">IIBBBBB", *fields)}
    parts |= {name.encode(): content for name, content in chunks.items()}
    parts |= {b"IDAT": zlib.compress(lines, 9), b"IEND": b""}
    return PNG_SIGNATURE + b"".join(chunk(name, content) for name, content in parts.items())


def resized(canvas: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Return the canvas at another size: uint8 [side, side]."""
    return np.asarray(Image.fromarray(canvas).resize((side, side), Image.Resampling.BICUBIC))


def encode(picture: NDArray[Any] | Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """Return a picture as the bytes of a file."""
    stream = io.BytesIO()
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    if kind == "HEIC":
        pillow_heif.from_pillow(image).save(stream, **options)
    else:
        image.save(stream, kind, **options)
    return stream.getvalue()


def strokes_of(digit: int) -> tuple[Stroke, ...]:
    """Return our own handwriting of a digit 0 to 9: strokes in a box of about 1 by 1.5, x right and y down.

    Anyone may copy pictures made from them.
    """
    shapes: tuple[tuple[Stroke, ...], ...] = (
        (arc(0.5, 0.75, 0.45, 0.75, -80, 285),),
        (line((0.3, 0.3), (0.55, 0.0), (0.5, 1.5)),),
        (join(arc(0.5, 0.4, 0.4, 0.4, -170, 40), line((0.1, 1.45), (0.95, 1.4))),),
        (join(arc(0.45, 0.37, 0.38, 0.37, -150, 80), arc(0.45, 1.1, 0.47, 0.4, -85, 150)),),
        (line((0.55, 0.0), (0.05, 0.95), (0.95, 0.9)), line((0.65, 0.45), (0.6, 1.5))),
        (
            join(line((0.2, 0.05), (0.15, 0.65)), arc(0.42, 1.02, 0.46, 0.44, -120, 150)),
            line((0.2, 0.05), (0.85, 0.0)),
        ),
        (join(line((0.75, 0.0), (0.2, 0.7)), arc(0.48, 1.08, 0.4, 0.4, -180, 190)),),
        (line((0.05, 0.1), (0.95, 0.0), (0.4, 1.5)), line((0.25, 0.75), (0.8, 0.7))),
        (join(arc(0.5, 0.37, 0.34, 0.36, 80, -270), arc(0.5, 1.1, 0.42, 0.38, -90, 270)),),
        (join(arc(0.45, 0.42, 0.38, 0.4, -20, -370), line((0.8, 0.45), (0.65, 1.5))),),
    )
    return shapes[digit]


def arc(x: float, y: float, across: float, down: float, begin: float, end: float) -> Stroke:
    """Return part of an ellipse, between two angles in degrees, 0 to the right and 90 downwards."""
    angles = np.radians(np.linspace(begin, end, 60))
    return np.stack([x + across * np.cos(angles), y + down * np.sin(angles)], axis=1)


def line(*points: tuple[float, float]) -> Stroke:
    """Return straight lines from point to point."""
    return np.array(points, float)


def join(*parts: Stroke) -> Stroke:
    """Return parts drawn without lifting the pen."""
    return np.concatenate(parts)
