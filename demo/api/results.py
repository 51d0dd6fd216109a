"""The results of the API's calls, whichever way they arrive."""

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from demo.batch.many import check_selection
from demo.contract import HISTORY_RECORD, MLP_HISTORY
from demo.decoder.images import encode_png
from demo.errors import PictureError, RequestError
from demo.inference.check import Checked, check_sources, check_stream
from demo.inference.engine import Engine
from demo.insight.grid import digit_file


def answers(engine: Engine, names: Sequence[str], sources: Sequence[Path | bytes]) -> list[dict[str, Any]]:
    """Return the answers for picture files, in order; raise RequestError for none, too many or too large."""
    if not sources:
        raise RequestError("Send at least one picture file.")
    check_selection(sources)
    stream = check_stream(engine, zip(names, sources, strict=True))
    return [checked.answer.as_dict() for batch in stream for checked in batch]


def generated(
    engine: Engine, digit: int | None, count: int, seed: int, model: str | None
) -> list[dict[str, Any]]:
    """Return generated digits, each with its answer and as a PNG file in base64; see `checked_digits`."""
    return [
        {"answer": checked.answer.as_dict(), "png": base64.b64encode(png).decode(), "digit": digit}
        for checked, png in checked_digits(engine, model, count, seed, digit)
    ]


def checked_digits(
    engine: Engine, model: str | None, count: int, seed: int, digit: int | None
) -> list[tuple[Checked, bytes]]:
    """Return digits as PNG files, each with the answer for that very file: a saved one scores the same.

    Raises:
        RequestError: an argument is outside its range.
    """
    name = engine.default_generator if model is None else model
    digits = engine.generate(name, count, seed, digit)
    names = [digit_file(name, digit, seed, index) for index in range(count)]
    checked = check_sources(engine, names, [digit[..., np.newaxis] for digit in digits])
    return list(zip(checked, map(encode_png, digits), strict=True))


def learned(engine: Engine, name: str, source: Path | bytes) -> dict[str, Any]:
    """Return a picture's scores by snapshots of the tutorial pair, and the two losses at the same steps.

    Raises:
        PictureError: the picture cannot be judged.
        ModelError: the history is not published, or its file was altered.
    """
    (checked,) = check_sources(engine, [name], [source])
    if checked.pixels is None:
        raise PictureError(str(checked.answer.error))
    probabilities = engine.history(checked.pixels[np.newaxis])[0]
    record = {}
    if HISTORY_RECORD in engine.manifest.files:
        record = json.loads(engine.manifest.read(HISTORY_RECORD))
    return {
        "steps": engine.entry(MLP_HISTORY)["steps"],
        "fake_probability": probabilities.tolist(),
        "discriminator_loss": record.get("discriminator_loss"),
        "generator_loss": record.get("generator_loss"),
        "model": MLP_HISTORY,
        "version": engine.version,
    }
