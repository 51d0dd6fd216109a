"""The app's named endpoints: `/check`, `/check_many`, `/generate`, `/history`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from demo.api import schema
from demo.api.gradio_inside import ApiValue
from demo.api.results import answers, checked_digits, generated, learned
from demo.errors import DemoError, RequestError, public_message
from demo.inference.check import Checked
from demo.inference.engine import Engine


def add_endpoints(engine: Engine) -> None:
    """Add the endpoints to the app being built; components that never show carry their types."""

    def check(picture: str | None) -> dict[str, Any]:
        with errors_shown():
            return answers(engine, *_named([picture]))[0]

    def check_many(pictures: list[str] | None) -> list[dict[str, Any]]:
        with errors_shown():
            return answers(engine, *_named(pictures or []))

    def generate(
        digit: int | None = None, count: int = 1, seed: int = 0, model: str | None = None
    ) -> list[dict[str, Any]]:
        with errors_shown():
            return generated(engine, digit, count, seed, model)

    def history(picture: str | None) -> dict[str, Any]:
        with errors_shown():
            names, files = _named([picture])
            if not files:
                raise RequestError("Send a picture file.")
            return learned(engine, names[0], files[0])

    # `gr.api` would hand over whatever path a caller names; the file component checks that it was uploaded.
    picture = gr.File(label="Picture", visible=False)
    pictures = gr.File(label="Pictures", file_count="multiple", visible=False)
    arguments = [
        ApiValue(schema.GENERATE_DEFAULTS.get(name), kind, name.capitalize())
        for name, kind in schema.generate_arguments(engine.generators).items()
    ]
    endpoints: list[tuple[Callable[..., Any], Component | list[ApiValue], schema.Schema, str]] = [
        (check, picture, schema.ANSWER, "Answer"),
        (check_many, pictures, schema.ANSWERS, "Answers"),
        (generate, arguments, schema.GENERATED, "Digits"),
        (history, picture, schema.HISTORY, "History"),
    ]
    for function, inputs, result, label in endpoints:
        name = function.__name__
        gr.on(
            [],
            function,
            inputs,
            ApiValue(None, result, label),
            api_name=name,
            api_description=f"{schema.DESCRIPTIONS[name]} API version {schema.API_VERSION}.",
        )


@contextmanager
def errors_shown() -> Iterator[None]:
    """Turn our errors into ones that gradio shows as a sentence, without a traceback."""
    try:
        yield
    except DemoError as error:
        raise gr.Error(public_message(error), print_exception=False) from error


def _named(paths: list[str | None] | list[str]) -> tuple[list[str], list[Path]]:
    """The files' names, and the files themselves."""
    files = [Path(path) for path in paths if path]
    return [file.name for file in files], files


def generate_files(
    engine: Engine, model: str | None, count: object, seed: object, digit: object
) -> list[tuple[Checked, bytes]]:
    """`results.checked_digits`, with errors that the page shows as a sentence."""
    with errors_shown():
        return checked_digits(engine, model, count, seed, digit)
