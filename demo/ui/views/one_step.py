"""The HTML of *One step, slowly*: a recorded training step in seven stages, revealed by a script."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from demo.insight.learning import RecordedPicture, RecordedStep, Recording
from demo.ui.html import pixels_image, table
from demo.ui.texts import Texts

STAGES: Final = ("x", "y", "prediction", "cost", "gradient", "discriminator", "generator")
"""What happens in a step, in order."""

_ORANGE: Final = (251, 146, 60)
_GREEN: Final = (74, 222, 128)


def one_step_panel(recording: Recording, text: Texts) -> str:
    """Return all recorded steps with all stages; the middle step is selected."""
    selected = len(recording.steps) // 2
    options = "".join(
        f'<option value="{index}"{" selected" if index == selected else ""}>'
        f"{text('step.option', number=f'{step.number:,}')}</option>"
        for index, step in enumerate(recording.steps)
    )
    recorded = "".join(
        f'<div data-recorded="{index}" hidden>{_explanations(recording, step, text)}'
        f"{_table(recording, step, text)}</div>"
        for index, step in enumerate(recording.steps)
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


def _explanations(recording: Recording, step: RecordedStep, text: Texts) -> str:
    """Return the explanation of each stage, hidden; the script copies one into the status line."""
    loss_before, loss_after = (f"{each:.4f}" for each in step.discriminator_loss[:2])
    values: dict[str, dict[str, object]] = {
        "x": {"batch": recording.batch_size},
        "cost": {"loss": loss_before},
        "gradient": {
            "count": f"{recording.discriminator_parameters:,}",
            "size": f"{step.discriminator_gradient:.4f}",
        },
        "discriminator": {
            "rate": np.format_float_positional(recording.learning_rate),
            "before": loss_before,
            "after": loss_after,
        },
        "generator": {
            "count": f"{recording.generator_parameters:,}",
            "size": f"{step.generator_gradient:.4f}",
            "before": f"{step.generator_loss[1]:.4f}",
            "after": f"{step.generator_loss[2]:.4f}",
        },
    }
    return "".join(
        f'<p hidden data-explains="{index}"><strong>'
        f"{text('step.stage', stage=index + 1, stages=len(STAGES))} &middot; {text(f'step.{stage}')}</strong>"
        f"<br>{text(f'step.{stage}-text', **values.get(stage, {}))}</p>"
        for index, stage in enumerate(STAGES)
    )


def _table(recording: Recording, step: RecordedStep, text: Texts) -> str:
    """Return one or two rows per stage, the real digit beside the fake."""
    both = (step.real, step.fake)
    real_alt, fake_alt, after_alt = (text(f"step.{name}") for name in ("x-real", "x-fake", "after-alt"))
    size = text(
        "step.size",
        size=f"{step.discriminator_gradient:.4f}",
        count=f"{recording.discriminator_parameters:,}",
    )
    unchanged = f'<span class="step-moved">{text("step.unchanged")}</span>'
    regenerated = pixels_image(step.fake.pixels_after, after_alt) + _moved(step.fake.fake_probability[1:])
    cells: list[tuple[str, list[str]]] = [
        ("x", [pixels_image(step.real.pixels, real_alt), pixels_image(step.fake.pixels, fake_alt)]),
        ("y", [str(each.label) for each in both]),
        ("prediction", [f"{each.fake_probability[0]:.4f}" for each in both]),
        ("cost", [f"{each.cost[0]:.4f}" for each in both]),
        ("cost", [text("step.loss", loss=f"{step.discriminator_loss[0]:.4f}")]),
        ("gradient", [_gradient_map(each, text) for each in both]),
        ("gradient", [size]),
        ("discriminator", [_moved(each.fake_probability[:2]) for each in both]),
        ("discriminator", [_change("discriminator", step.discriminator_loss[:2], text)]),
        ("generator", [f"{step.real.fake_probability[2]:.4f} {unchanged}", regenerated]),
        ("generator", [_change("generator", step.generator_loss[1:], text)]),
    ]
    heads = ("", text("step.row-real", digit=step.real.digit), text("step.row-fake"))
    # A row with one cell is about the whole batch.
    rows = [(text(f"step.{stage if len(row) > 1 else 'batch'}"), *row) for stage, row in cells]
    return table(heads, rows, [f'data-stage="{STAGES.index(stage)}"' for stage, _ in cells])


def _moved(numbers: Sequence[float]) -> str:
    """Return the second number, and its difference from the first as rounded."""
    before, after = (round(each, 4) for each in numbers)
    difference = f"{after - before:+.4f}".replace("-", "&minus;")
    return f'{after:.4f} <span class="step-moved">{difference}</span>'


def _change(network: str, losses: Sequence[float], text: Texts) -> str:
    before, after = losses
    return text(f"step.{network}-loss", before=f"{before:.4f}", after=f"{after:.4f}")


def _gradient_map(picture: RecordedPicture, text: Texts) -> str:
    return pixels_image(gradient_colours(picture.pixel_gradient), text("step.gradient-alt"))


def gradient_colours(gradient: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Colour a gradient, float32 [height, width]: orange above 0, green below, black at 0.

    Returns uint8 [height, width, 3].
    """
    strength = np.abs(gradient) / (np.abs(gradient).max() or 1)
    colours = np.where(gradient[..., np.newaxis] > 0, _ORANGE, _GREEN)
    return np.round(colours * strength[..., np.newaxis]).astype(np.uint8)
