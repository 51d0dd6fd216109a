"""The HTML of *One step, slowly*: a recorded training step in seven stages, revealed by a script."""

import base64
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from demo.insight.learning import Record
from demo.ui.html import pixels_image, signed_image, table
from demo.ui.texts import Texts

STAGES: Final = ("x", "y", "prediction", "cost", "gradient", "discriminator", "generator")
"""What happens in a step, in order."""


def one_step_panel(recording: Record, text: Texts) -> str:
    """Return all recorded steps with all stages; the middle step is selected."""
    selected = len(recording["steps"]) // 2
    options = "".join(
        f'<option value="{index}"{" selected" if index == selected else ""}>'
        f"{text('step.option', number=format(step['step'], ','))}</option>"
        for index, step in enumerate(recording["steps"])
    )
    recorded = "".join(
        f'<div data-recorded="{index}" hidden>{_step(recording, step, text)}</div>'
        for index, step in enumerate(recording["steps"])
    )
    return (
        f'<section class="learn-text"><h2>{text("step.title")}</h2>'
        f"<p>{text('step.introduction')}</p></section>"
        f'<section class="learn-card one-step"><div><div class="step-controls">'
        f'<label>{text("step.which")} <select class="step-which">{options}</select></label>'
        f'<button type="button" class="quiet-button step-back">{text("step.back")}</button>'
        f'<button type="button" class="strong-button step-next">{text("step.next")}</button></div>'
        f'<p class="step-now" role="status"></p></div><div>{recorded}</div></section>'
    )


def _step(recording: Record, step: Record, text: Texts) -> str:
    """Return the explanations of the stages, which are hidden until the script shows one, and the table."""
    loss, generator_loss = (
        [f"{each:.4f}" for each in step[name]] for name in ("discriminator_loss", "generator_loss")
    )
    counts = {network: f"{count:,}" for network, count in recording["parameters"].items()}
    values: dict[str, dict[str, object]] = {
        "x": {"batch": recording["batch_size"]},
        "cost": {"loss": loss[0]},
        "gradient": {"count": counts["discriminator"], "size": f"{step['discriminator_gradient']:.4f}"},
        "discriminator": {
            "rate": np.format_float_positional(recording["learning_rate"]),
            "before": loss[0],
            "after": loss[1],
        },
        "generator": {
            "count": counts["generator"],
            "size": f"{step['generator_gradient']:.4f}",
            "before": generator_loss[1],
            "after": generator_loss[2],
        },
    }
    explanations = "".join(
        f'<p hidden data-explains="{index}"><strong>'
        f"{text('step.stage', stage=index + 1, stages=len(STAGES))} &middot; {text(f'step.{stage}')}</strong>"
        f"<br>{text(f'step.{stage}-text', **values.get(stage, {}))}</p>"
        for index, stage in enumerate(STAGES)
    )
    return explanations + _table(recording["shape"], step, values, text)


def _table(shape: Sequence[int], step: Record, values: dict[str, dict[str, object]], text: Texts) -> str:
    """Return one or two rows per stage, the real digit beside the fake. values: by stage, for its texts."""

    def image(encoded: str, key: str) -> str:
        return pixels_image(_unpacked(encoded, shape, np.uint8), text(f"step.{key}"))

    real, fake = both = (step["real"], step["fake"])
    gradients = [_unpacked(each["pixel_gradient"]["levels"], shape, np.int8) for each in both]
    unchanged = f'<span class="step-moved">{text("step.unchanged")}</span>'
    regenerated = image(fake["pixels_after"], "after-alt") + _moved(fake["fake_probability"][1:])
    # A row with one cell is about the whole batch.
    cells: list[tuple[str, list[str]]] = [
        ("x", [image(real["pixels"], "x-real"), image(fake["pixels"], "x-fake")]),
        ("y", [str(each["label"]) for each in both]),
        ("prediction", [f"{each['fake_probability'][0]:.4f}" for each in both]),
        ("cost", [f"{each['cost'][0]:.4f}" for each in both]),
        ("cost", [text("step.loss", **values["cost"])]),
        ("gradient", [signed_image(each, text("step.gradient-alt")) for each in gradients]),
        ("gradient", [text("step.size", **values["gradient"])]),
        ("discriminator", [_moved(each["fake_probability"][:2]) for each in both]),
        ("discriminator", [text("step.discriminator-loss", **values["discriminator"])]),
        ("generator", [f"{real['fake_probability'][2]:.4f} {unchanged}", regenerated]),
        ("generator", [text("step.generator-loss", **values["generator"])]),
    ]
    heads = ("", text("step.row-real", digit=real["digit"]), text("step.row-fake"))
    rows = [(text(f"step.{stage if len(row) > 1 else 'batch'}"), *row) for stage, row in cells]
    return table(heads, rows, [f'data-stage="{STAGES.index(stage)}"' for stage, _ in cells])


def _unpacked(encoded: str, shape: Sequence[int], kind: type[np.integer[Any]]) -> NDArray[Any]:
    return np.frombuffer(base64.b64decode(encoded), kind).reshape(shape)


def _moved(numbers: Sequence[float]) -> str:
    """Return the second number, and its difference from the first as rounded."""
    before, after = (round(each, 4) for each in numbers)
    difference = f"{after - before:+.4f}".replace("-", "&minus;")
    return f'{after:.4f} <span class="step-moved">{difference}</span>'
