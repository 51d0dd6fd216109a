"""Scoring pictures of any size: the any-image graph against the core, and a photo against reading it."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from demo.contract import DISCRIMINATOR, FROM_IMAGE, IMAGE, NORMALIZER, PIXELS
from demo.inference.manifest import Manifest
from demo.inference.sessions import CPU, open_session
from export.benchmark.harness import Options, Report, Row, compare, cpu_microseconds, report
from export.conformance import strokes_of
from export.from_image import photographed
from train.data.pendigits import draw
from train.normalize import SIDE, normalize

HEIGHT: Final = 480
WIDTH: Final = 640
MEMORY_BYTES: Final = 256_000_000
"""More than any cache holds."""
CALLS: Final = 200
PHOTO_CALLS: Final = 5
CORE, REFERENCE = "core alone", "reference normalizer (numpy)"
READ: Final = "reading its bytes once, from memory"


def measure(options: Options) -> Report:
    """Time 28x28 pictures and a 640x480 photo on one core, in processor time.

    Raises:
        ModelError: the models cannot be read.
    """
    manifest = Manifest.load(options.models)
    sessions = {
        name: open_session(name, manifest.read(f"{name}.onnx"), [CPU], threads=1)
        for name in (DISCRIMINATOR, FROM_IMAGE, NORMALIZER)
    }
    drawing = draw(strokes_of(3), 280, 22)
    rows = [
        row
        for task, picture in small_pictures(normalize(drawing[..., None])).items()
        for row in small_picture_rows(task, picture, sessions, options)
    ]
    photo = photograph(drawing)
    photo_rows = photo_rows_of(photo, sessions[NORMALIZER], options)
    costs = {row.contestant: row.cost.median for row in photo_rows}
    note = (
        f"A 640x480 photo has {photo.nbytes:,} bytes. Reading them from memory takes {costs[READ]:.0f} µs "
        f"({photo.nbytes / costs[READ] / 1000:.1f} GB/s): no normalizer can be faster. normalizer.onnx takes "
        f"{costs['normalizer.onnx'] / costs[READ]:.0f} times as long. Pillow only scales: it looks for "
        "neither paper nor ink."
    )
    return report("any_image", [*rows, *photo_rows], [note])


def photograph(drawing: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a photo of dark ink on paper lit from one side: uint8 [480, 640, 3], contiguous."""
    side = drawing.shape[0]
    top, left = (HEIGHT - side) // 2, (WIDTH - side) // 2
    sheet = np.pad(drawing, ((top, HEIGHT - side - top), (left, WIDTH - side - left)))
    return np.ascontiguousarray(photographed(sheet, np.random.default_rng(0)))


def small_pictures(digit: NDArray[np.uint8]) -> dict[str, NDArray[np.uint8]]:
    """Return task → a picture of 28x28, uint8 [28, 28, 1 or 4]: a digit as in MNIST, and variations."""
    smaller = np.asarray(Image.fromarray(digit).resize((24, 24), Image.Resampling.BILINEAR))
    noisy = digit + np.random.default_rng(0).normal(0, 6, digit.shape)
    opaque = np.full_like(digit, 255)
    return {
        "28x28 as in MNIST": digit[..., None],
        "28x28 as in MNIST, RGBA as a browser decodes it": np.dstack([digit] * 3 + [opaque]),
        "28x28, digit smaller than in MNIST": np.pad(smaller, (SIDE - 24) // 2)[..., None],
        "28x28, noise on the paper": np.clip(noisy, 0, 255).astype(np.uint8)[..., None],
    }


def small_picture_rows(
    task: str, picture: NDArray[np.uint8], sessions: dict[str, Any], options: Options
) -> list[Row]:
    """Compare the core on normalized pixels, the any-image graph, and normalizer and core in two sessions."""
    core, whole, normalizer = (sessions[name] for name in (DISCRIMINATOR, FROM_IMAGE, NORMALIZER))
    pixels = normalize(picture)[np.newaxis]

    def two_sessions() -> None:
        (normalized,) = normalizer.run([PIXELS], {IMAGE: picture})
        core.run(None, {PIXELS: normalized})

    calls = {
        CORE: lambda: core.run(None, {PIXELS: pixels}),
        "any-image graph": lambda: whole.run(None, {IMAGE: picture}),
        "normalizer, then core": two_sessions,
    }
    repeats = 5 if options.quick else CALLS
    contestants = {name: cpu_microseconds(call, repeats) for name, call in calls.items()}
    return compare(task, "µs", contestants, CORE, options.rounds)


def photo_rows_of(photo: NDArray[np.uint8], normalizer: Any, options: Options) -> list[Row]:
    """Compare normalizer.onnx on a photo with the numpy one, with Pillow's scaling, and with reading it."""
    memory = np.ones(MEMORY_BYTES // (100 if options.quick else 1), np.uint8)
    read = cpu_microseconds(memory.max, 1)
    image = Image.fromarray(photo)
    contestants: dict[str, Callable[[], float]] = {
        REFERENCE: cpu_microseconds(lambda: normalize(photo), 1),
        "normalizer.onnx": cpu_microseconds(lambda: normalizer.run(None, {IMAGE: photo}), PHOTO_CALLS),
        "Pillow, grey and area average": cpu_microseconds(
            lambda: image.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX), PHOTO_CALLS
        ),
        READ: lambda: read() * photo.nbytes / memory.nbytes,
    }
    return compare("640x480 photo", "µs", contestants, REFERENCE, options.rounds)
