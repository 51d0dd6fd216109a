"""The app's named endpoints `/check`, `/check_many`, `/generate` and `/history`, and their results.

MCP's tools return the same.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components.api_component import Api
from pydantic import TypeAdapter

from demo.api import schema
from demo.api.arguments import GENERATE_DEFAULTS, generate_types
from demo.api.results import answers, generated, learned
from demo.errors import DemoError, RequestError, public_message
from demo.inference.engine import Engine


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
