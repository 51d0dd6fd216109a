"""The conformance pack: our own pictures, and what every implementation must answer for them."""

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

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
from demo.decoder.images import load_picture
from demo.inference.answer import reason_for
from demo.inference.engine import Engine
from demo.inference.manifest import Manifest
from demo.inference.sessions import CPU, open_session
from export.errors import PublishError
from export.from_image import photographed
from export.publish import replacement, write_synced
from train.data.pendigits import Stroke, draw

CONFORMANCE_FOLDER = Path(__file__).parent.parent / "demo" / "conformance"
EXPECTED = "expected.json"
SEED = 3_000_000
CANVAS = 280
BRUSH = 22
TOLERANCE = {"logit": 1e-3, "pixel_levels": 1, "pixel_share": 1e-3}
DIGIT_TOLERANCE = {DIGIT_PROBABILITIES: 1e-3}
"""Stated if the model says which digit it is."""


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
            write_synced(staged / name, content)
        write_synced(staged / EXPECTED, (json.dumps(expected, indent=1) + "\n").encode())
    return len(rows)


def expected_row(engine: Engine, session: Any, name: str, content: bytes) -> dict[str, Any]:
    """Return what is expected for a picture: its decoded shape, the normalizer's outputs, and the scores."""
    array = load_picture(content).array
    names = [each.name for each in session.get_outputs()]
    outputs = dict(zip(names, session.run(names, {IMAGE: array}), strict=True))
    boxes = outputs.pop(BOXES)
    found = {name: each[0] for name, each in outputs.items()}
    probability, in_domain = float(found[FAKE_PROBABILITY]), float(found[IN_DOMAIN])
    digits = found.get(DIGIT_PROBABILITIES)
    verdict = engine.thresholds.verdict(probability, in_domain)
    with Image.open(io.BytesIO(content)) as picture:
        plain = picture.format == "PNG" and picture.mode in ("1", "L", "P", "RGB")
        opaque = not picture.has_transparency_data
    return {
        "file": name,
        "opaque_8_bit_png": plain and opaque,
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
    rotated = Image.Exif()
    rotated[0x0112] = 6
    yield "turned-by-exif.jpg", encode(dark.rotate(90), "JPEG", quality=90, exif=rotated)
    yield "quality-40.jpg", encode(dark, "JPEG", quality=40)
    yield "lossless.webp", encode(dark, "WEBP", lossless=True)
    yield "picture.avif", encode(dark, "AVIF", quality=80)
    yield "picture.gif", encode(dark, "GIF")
    yield "picture.bmp", encode(dark, "BMP")


def resized(canvas: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Return the canvas at another size: uint8 [side, side]."""
    return np.asarray(Image.fromarray(canvas).resize((side, side), Image.Resampling.BICUBIC))


def encode(picture: NDArray[Any] | Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """Return a picture as the bytes of a file."""
    stream = io.BytesIO()
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
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
