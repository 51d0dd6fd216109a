"""The app's named endpoints `/check`, `/check_many`, `/generate` and `/history`, and their results.

MCP's tools return the same.
"""

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from gradio.components.api_component import Api
from pydantic import TypeAdapter

from demo.api import schema
from demo.api.arguments import GENERATE_DEFAULTS, generate_types
from demo.batch.many import check_selection
from demo.contract import HISTORY_RECORD, MLP_HISTORY
from demo.decoder.images import encode_png
from demo.errors import DemoError, PictureError, RequestError, public_message
from demo.inference.check import Checked, check_sources, check_stream
from demo.inference.engine import Engine
from demo.insight.grid import digit_file


def add_endpoints(engine: Engine) -> None:
    """Add the endpoints to the app being built; hidden components carry their types."""

    def check(picture: str | None) -> dict[str, Any]:
        return check_many([picture] if picture else [])[0]

    def check_many(pictures: list[str] | None) -> list[dict[str, Any]]:
        files = [Path(path) for path in pictures or []]
        return answers(engine, [file.name for file in files], files)

    def generate(
        digit: int | None = None, count: int = 1, seed: int = 0, model: str | None = None
    ) -> list[dict[str, Any]]:
        return generated(engine, digit, count, seed, model)

    def history(picture: str | None) -> dict[str, Any]:
        if picture is None:
            raise RequestError("Send a picture file.")
        return learned(engine, Path(picture).name, Path(picture))

    # `gr.api` would pass on any path that a caller names; a file component takes only uploads.
    picture = gr.File(label="Picture", visible=False)
    pictures = gr.File(label="Pictures", file_count="multiple", visible=False)
    arguments = [
        Api(GENERATE_DEFAULTS[name], TypeAdapter(kind).json_schema(), name.capitalize())
        for name, kind in generate_types(engine.generators).items()
    ]
    endpoints: list[tuple[Callable[..., Any], Any, schema.Schema, str]] = [
        (check, picture, schema.ANSWER, "Answer"),
        (check_many, pictures, schema.ANSWERS, "Answers"),
        (generate, arguments, schema.GENERATED, "Digits"),
        (history, picture, schema.HISTORY, "History"),
    ]
    for function, inputs, result, label in endpoints:
        name = function.__name__
        description = f"{schema.DESCRIPTIONS[name]} API version {schema.API_VERSION}."
        output = Api(None, result, label)
        gr.on([], errors_shown()(function), inputs, output, api_name=name, api_description=description)


@contextmanager
def errors_shown() -> Iterator[None]:
    """Turn errors of the demo into ones that gradio shows as a sentence, without a traceback."""
    try:
        yield
    except DemoError as error:
        raise gr.Error(public_message(error), print_exception=False) from error


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
