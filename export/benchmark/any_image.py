"""The one door: what the any-image graph costs beside the core alone, and a photo beside reading it."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from demo.contract import DISCRIMINATOR, FROM_IMAGE, IMAGE, NORMALIZER, PIXELS
from demo.inference.sessions import CPU, onnxruntime
from export.benchmark.machine import machine
from export.benchmark.options import Options
from export.benchmark.report import Report
from export.benchmark.rounds import Row, compare, cpu_microseconds
from export.pictures import photographed
from export.strokes import strokes_of
from train.data.pendigits import draw
from train.normalize import SIDE, normalize

GOAL: Final = 1 / 1.2
HEIGHT: Final = 480
WIDTH: Final = 640
LARGE_BYTES: Final = 256_000_000
"""More than any cache holds."""
CALLS: Final = 200
PHOTO_CALLS: Final = 5


def measure(options: Options) -> Report:
    """On one core: digits of 28x28 against the core, and a photo of 640x480 against reading its bytes."""
    sessions = {name: single_threaded(options, name) for name in (DISCRIMINATOR, FROM_IMAGE, NORMALIZER)}
    drawing = draw(strokes_of(3), 280, 22)
    digit = normalize(drawing[..., None])
    photo = photograph(drawing)
    calls = 5 if options.quick else CALLS
    rows = [
        row
        for task, picture in small_pictures(digit).items()
        for row in against_core(task, picture, sessions, calls, options.rounds)
    ]
    of_photo = against_reading(photo, sessions[NORMALIZER], options)
    return Report("any_image", machine(), [*rows, *of_photo], notes(photo, of_photo))


def single_threaded(options: Options, name: str) -> Any:
    """A session of a published model that uses one core."""
    module = onnxruntime()
    settings = module.SessionOptions()
    settings.intra_op_num_threads = 1
    return module.InferenceSession(options.models / f"{name}.onnx", settings, providers=[CPU])


def photograph(drawing: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Dark ink in the middle of paper under light from one side: uint8 [480, 640, 3], contiguous."""
    side = drawing.shape[0]
    top, left = (HEIGHT - side) // 2, (WIDTH - side) // 2
    sheet = np.pad(drawing, ((top, HEIGHT - side - top), (left, WIDTH - side - left)))
    return np.ascontiguousarray(photographed(sheet, np.random.default_rng(0)))


def small_pictures(digit: NDArray[np.uint8]) -> dict[str, NDArray[np.uint8]]:
    """Task → a picture of 28x28, uint8 [28, 28, 1 | 4]: a digit as MNIST has it, and some that are not."""
    smaller = np.asarray(Image.fromarray(digit).resize((24, 24), Image.Resampling.BILINEAR))
    noisy = digit + np.random.default_rng(0).normal(0, 6, digit.shape)
    opaque = np.full_like(digit, 255)
    return {
        "28x28 as MNIST": digit[..., None],
        "28x28 as MNIST, as a browser decodes it (RGBA)": np.dstack([digit] * 3 + [opaque]),
        "28x28, smaller than MNIST's digits": np.pad(smaller, (SIDE - 24) // 2)[..., None],
        "28x28, noise on the paper": np.clip(noisy, 0, 255).astype(np.uint8)[..., None],
    }


def against_core(
    task: str, picture: NDArray[np.uint8], sessions: dict[str, Any], calls: int, rounds: int
) -> list[Row]:
    """The core alone, on pixels already normalised; the any-image graph; its two halves in two sessions."""
    core, whole, normalizer = (sessions[name] for name in (DISCRIMINATOR, FROM_IMAGE, NORMALIZER))
    pixels = normalize(picture)[np.newaxis]

    def halves() -> None:
        (seen,) = normalizer.run([PIXELS], {IMAGE: picture})
        core.run(None, {PIXELS: seen})

    return compare(
        task,
        "µs",
        {
            "core alone": cpu_microseconds(lambda: core.run(None, {PIXELS: pixels}), calls),
            "any-image graph": cpu_microseconds(lambda: whole.run(None, {IMAGE: picture}), calls),
            "normaliser, then core": cpu_microseconds(halves, calls),
        },
        "core alone",
        rounds,
        {"any-image graph": GOAL},
    )


def against_reading(photo: NDArray[np.uint8], normalizer: Any, options: Options) -> list[Row]:
    """The normaliser on a photo, what else makes pixels of one, and what its bytes take to be read."""
    large = np.ones(LARGE_BYTES // (100 if options.quick else 1), np.uint8)
    other = np.zeros_like(large)
    share = large.nbytes / photo.nbytes
    image = Image.fromarray(photo)
    contestants: dict[str, Callable[[], float]] = {
        "reference normaliser (numpy)": cpu_microseconds(lambda: normalize(photo), 1),
        "normalizer.onnx": cpu_microseconds(lambda: normalizer.run(None, {IMAGE: photo}), PHOTO_CALLS),
        "Pillow, grey and area average of all of it": cpu_microseconds(
            lambda: image.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX), PHOTO_CALLS
        ),
        "its bytes read once, from memory": per_photo(lambda: large.max(), share),
        "its bytes copied once, in memory": per_photo(lambda: np.copyto(other, large), share),
        "its bytes read once, in the cache": cpu_microseconds(lambda: photo.max(), PHOTO_CALLS),
    }
    return compare("640x480 photo", "µs", contestants, "reference normaliser (numpy)", options.rounds)


def per_photo(call: Callable[[], Any], share: float) -> Callable[[], float]:
    """What measures a call on `share` times as many bytes as a photo has, in µs a photo."""
    whole = cpu_microseconds(call, 1)
    return lambda: whole() / share


def notes(photo: NDArray[np.uint8], rows: list[Row]) -> list[str]:
    """The roofline of a photo, and how far from it the normaliser is."""
    costs = {row.contestant: row.cost.median for row in rows}
    read, ours = costs["its bytes read once, from memory"], costs["normalizer.onnx"]
    return [
        f"A 640x480 photo has {photo.nbytes:,} bytes; at {photo.nbytes / read / 1000:.1f} GB/s, measured by "
        f"reading {LARGE_BYTES:,} bytes, they take {read:.0f} µs: the roofline of any normaliser.",
        f"The normaliser takes {ours / read:.0f} times that. Pillow looks for neither paper nor ink.",
    ]
