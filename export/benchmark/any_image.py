"""Scoring pictures of any size: the any-image graph against the core, and a photo against other readers."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from demo.contract import DISCRIMINATOR, FROM_IMAGE, IMAGE, NORMALIZER, PIXELS
from demo.inference.manifest import Manifest
from demo.inference.sessions import CPU, open_session
from export.benchmark.harness import Options, Report, Row, in_turn, microseconds, report, rows_from
from export.conformance import strokes_of
from export.from_image import photographed
from train.data.pendigits import draw
from train.normalize import SIDE, normalize

CALLS: Final = 200
PHOTO_CALLS: Final = 5
CORE, REFERENCE = "core alone", "reference normalizer (numpy)"
NOTE: Final = "Pillow only scales: it looks for neither paper nor ink."


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
    sheet = np.pad(drawing, ((100, 100), (180, 180)))
    photo = photographed(sheet, np.random.default_rng(0))
    rows += photo_rows(photo, sessions[NORMALIZER], options)
    return report("any_image", rows, [NOTE])


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
    contestants = {name: microseconds(call, repeats) for name, call in calls.items()}
    return rows_from(task, "µs", in_turn(contestants, options.rounds), CORE)


def photo_rows(photo: NDArray[np.uint8], normalizer: Any, options: Options) -> list[Row]:
    """Compare normalizer.onnx on a photo, uint8 [480, 640, 3], with numpy's and with Pillow's scaling."""
    image = Image.fromarray(photo)
    contestants = {
        REFERENCE: microseconds(lambda: normalize(photo), 1),
        "normalizer.onnx": microseconds(lambda: normalizer.run(None, {IMAGE: photo}), PHOTO_CALLS),
        "Pillow, grey and area average": microseconds(
            lambda: image.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX), PHOTO_CALLS
        ),
    }
    return rows_from("640x480 photo", "µs", in_turn(contestants, options.rounds), REFERENCE)
