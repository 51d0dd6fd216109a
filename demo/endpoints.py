"""The app's named endpoints: `/check`, `/check_many`, `/generate`, `/history`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from gradio.events import api

from demo.check import Checked, check_sources
from demo.errors import DemoError, RequestError
from demo.images import encode_png
from demo.panels import base64_text
from demo.runtime import Engine


def add_endpoints(engine: Engine) -> None:
    """Add the endpoints to the app being built; hidden components carry their types."""

    # Gradio shows callers what stands above "Parameters:", and nothing below it.
    def check(picture: str | None) -> dict[str, Any]:
        """Judge one picture file: was the digit in it written by a person or made by a generator?

        The answer has file, verdict ("real", "fake", "unsure" or "not a digit"), fake_probability
        (P(fake | x), from 0 to 1), logit (its log-odds), digit, digit_probability, in_domain, model,
        version, provider and error. What the model does not output is null. For a file that cannot be
        judged all but file and error are null, and error says why in one sentence.

        Parameters:
            picture: a picture file.
        """
        return _check_paths(engine, [picture])[0].answer.as_dict()

    def check_many(pictures: list[str] | None) -> list[dict[str, Any]]:
        """Judge several picture files in one batch.

        The answers come in the order of the files, each as from /check. A file that cannot be judged
        does not stop the others.

        Parameters:
            pictures: picture files.
        """
        return [checked.answer.as_dict() for checked in _check_paths(engine, pictures or [])]

    def generate(
        digit: int | None = None, count: int = 1, seed: int = 0, model: str | None = None
    ) -> list[dict[str, Any]]:
        """Let a generator make digits, and judge each of them.

        digit, from 0 to 9, says which digit to make, null any; generator can be told, mlp_generator cannot.
        count says how many. The same seed, a whole number from 0, makes the same digits. model names the
        generator; null takes generator where it is installed, else the first. Each result has answer, as
        from /check, png, the picture as a base64 PNG file, whose score by /check is the same, and digit,
        the one asked for or null.

        Parameters:
            digit: 0 to 9, or None.
            count: how many digits, from 1.
            seed: a whole number from 0.
            model: the generator's name, or None.
        """
        return [
            {"answer": checked.answer.as_dict(), "png": base64_text(png), "digit": digit}
            for checked, png in generate_files(engine, model, count, seed, digit)
        ]

    def history(picture: str | None) -> dict[str, Any]:
        """Judge one picture file by the tutorial's discriminator at several moments of its training.

        The result has steps, the training steps at which a snapshot was taken, and fake_probability, the
        P(fake | x) of each snapshot.

        Parameters:
            picture: a picture file.
        """
        checked = _check_paths(engine, [picture])[0]
        if checked.pixels is None:
            raise gr.Error(str(checked.answer.error), print_exception=False)
        with _errors_shown():
            learned = engine.history(checked.pixels[np.newaxis])
        return {
            "steps": list(learned.steps),
            "fake_probability": learned.fake_probability[0].tolist(),
        }

    # `api` would hand over whatever path a caller names; the file component checks that it was uploaded.
    picture = gr.File(label="Picture", visible=False)
    pictures = gr.File(label="Pictures", file_count="multiple", visible=False)
    for function, files, result in (
        (check, picture, "Answer"),
        (check_many, pictures, "Answers"),
        (history, picture, "History"),
    ):
        gr.on([], function, files, gr.JSON(label=result, visible=False), api_name=function.__name__)
    api(generate, api_name="generate")


@contextmanager
def _errors_shown() -> Iterator[None]:
    """Turn our errors into ones that gradio shows as a sentence, without a traceback."""
    try:
        yield
    except DemoError as error:
        raise gr.Error(str(error), print_exception=False) from error


def _check_paths(engine: Engine, paths: Sequence[str | None]) -> list[Checked]:
    files = [Path(path) for path in paths if path]
    if not files:
        raise gr.Error("Send at least one picture file.", print_exception=False)
    with _errors_shown():
        return check_sources(engine, [file.name for file in files], files)


def generate_files(
    engine: Engine, model: str | None, count: object, seed: object, digit: object
) -> list[tuple[Checked, bytes]]:
    """Digits as PNG files, each with the answer for that very file, so that a saved one scores the same."""
    with _errors_shown():
        name = engine.default_generator if model is None else model
        how_many = _whole_number("count", count)
        start = _whole_number("seed", seed)
        which = None if digit is None else _whole_number("digit", digit)
        digits = engine.generate(name, how_many, start, which)
        made = name if which is None else f"{name}-digit-{which}"
        names = [f"{made}-{start}-{index}.png" for index in range(how_many)]
        checked = check_sources(engine, names, [digit[..., np.newaxis] for digit in digits])
        return list(zip(checked, map(encode_png, digits), strict=True))


def _whole_number(name: str, value: object) -> int:
    """`value` as an int where it is one, also as the 3.0 of a slider; RequestError otherwise."""
    if isinstance(value, int | float) and not isinstance(value, bool) and float(value).is_integer():
        return int(value)
    raise RequestError(f"The {name} must be a whole number.")
