"""What each call of the API gives, whoever asks: the app's endpoints and MCP's tools say the same."""

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
    """The answers for picture files, in their order.

    Raises:
        RequestError: there is no file, or there are more, or larger ones, than are checked together.
    """
    if not sources:
        raise RequestError("Send at least one picture file.")
    check_selection(sources)
    stream = check_stream(engine, zip(names, sources, strict=True))
    return [checked.answer.as_dict() for batch in stream for checked in batch]


def generated(
    engine: Engine, digit: object = None, count: object = 1, seed: object = 0, model: str | None = None
) -> list[dict[str, Any]]:
    """Generated digits, each with its answer and as a PNG file in base64; see `checked_digits`."""
    return [
        {"answer": checked.answer.as_dict(), "png": base64.b64encode(png).decode(), "digit": digit}
        for checked, png in checked_digits(engine, model, count, seed, digit)
    ]


def checked_digits(
    engine: Engine, model: str | None, count: object, seed: object, digit: object
) -> list[tuple[Checked, bytes]]:
    """Digits as PNG files, each with the answer for that very file, so that a saved one scores the same.

    Raises:
        RequestError: an argument is outside its range.
    """
    name = engine.default_generator if model is None else model
    how_many = _whole_number("count", count)
    start = _whole_number("seed", seed)
    which = None if digit is None else _whole_number("digit", digit)
    digits = engine.generate(name, how_many, start, which)
    names = [digit_file(name, which, start, index) for index in range(how_many)]
    checked = check_sources(engine, names, [digit[..., np.newaxis] for digit in digits])
    return list(zip(checked, map(encode_png, digits), strict=True))


def learned(engine: Engine, name: str, source: Path | bytes) -> dict[str, Any]:
    """A picture's scores while the tutorial pair learned, and the two losses at the same steps.

    Raises:
        PictureError: the picture cannot be judged.
        ModelError: the history is not published, or is not what was.
    """
    (checked,) = check_sources(engine, [name], [source])
    if checked.pixels is None:
        raise PictureError(str(checked.answer.error))
    history = engine.history(checked.pixels[np.newaxis])
    return {
        "steps": list(history.steps),
        "fake_probability": history.fake_probability[0].tolist(),
        **_recorded_losses(engine),
        "model": MLP_HISTORY,
        "version": engine.version,
    }


def _recorded_losses(engine: Engine) -> dict[str, list[float] | None]:
    """The two losses at the history's steps, each None where it was not published."""
    names = ("discriminator_loss", "generator_loss")
    if HISTORY_RECORD not in engine.manifest.files:
        return dict.fromkeys(names)
    published = json.loads(engine.manifest.read(HISTORY_RECORD))
    return {name: published.get(name) for name in names}


def _whole_number(name: str, value: object) -> int:
    """`value` as an int where it is one, also as the 3.0 of a slider; RequestError otherwise."""
    if isinstance(value, int | float) and not isinstance(value, bool) and float(value).is_integer():
        return int(value)
    raise RequestError(f"The {name} must be a whole number.")
