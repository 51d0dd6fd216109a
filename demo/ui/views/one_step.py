"""The HTML of *One step, slowly*: a recorded training step in seven stages, of which a script shows some."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from demo.insight.trace import Judged, RecordedStep, Recording
from demo.ui.html import html_table, pixels_image
from demo.ui.texts import Words

STAGES: Final = ("x", "y", "prediction", "cost", "gradient", "discriminator", "generator")
"""What happens in a step, in this order."""

_RAISES: Final = (251, 146, 60)
_LOWERS: Final = (74, 222, 128)


def one_step_panel(recording: Recording, words: Words) -> str:
    """All recorded steps with all stages; the one in the middle is chosen."""
    chosen = len(recording.steps) // 2
    options = "".join(
        f'<option value="{index}"{" selected" if index == chosen else ""}>'
        f"{words('step.option', number=f'{step.number:,}')}</option>"
        for index, step in enumerate(recording.steps)
    )
    recorded = "".join(
        f'<div data-recorded="{index}" hidden>{_explanations(recording, step, words)}'
        f"{_table(recording, step, words)}</div>"
        for index, step in enumerate(recording.steps)
    )
    return (
        f'<section class="learn-says"><h2>{words("step.title")}</h2><p>{words("step.says")}</p></section>'
        f'<section class="learn-card one-step"><div><div class="step-controls">'
        f'<label>{words("step.which")} <select class="step-which">{options}</select></label>'
        f'<button type="button" class="quiet-button step-back">{words("step.back")}</button>'
        f'<button type="button" class="strong-button step-next">{words("step.next")}</button></div>'
        f'<p class="step-now" role="status"></p></div><div>{recorded}</div></section>'
    )


def _explanations(recording: Recording, step: RecordedStep, words: Words) -> str:
    """What each stage is, hidden: the script puts one of them where it is also read out."""
    values: dict[str, dict[str, object]] = {
        "x": {"batch": recording.batch_size},
        "cost": {"loss": f"{step.discriminator_loss[0]:.4f}"},
        "gradient": {
            "count": f"{recording.discriminator_parameters:,}",
            "size": f"{step.discriminator_gradient:.4f}",
        },
        "discriminator": {
            "rate": np.format_float_positional(recording.learning_rate),
            "before": f"{step.discriminator_loss[0]:.4f}",
            "after": f"{step.discriminator_loss[1]:.4f}",
        },
        "generator": {
            "count": f"{recording.generator_parameters:,}",
            "size": f"{step.generator_gradient:.4f}",
            "before": f"{step.generator_loss[1]:.4f}",
            "after": f"{step.generator_loss[2]:.4f}",
        },
    }
    explained = ""
    for index, stage in enumerate(STAGES):
        place = words("step.stage", stage=index + 1, stages=len(STAGES))
        says = words(f"step.{stage}-says", **values.get(stage, {}))
        explained += (
            f'<p hidden data-explains="{index}"><strong>{place} &middot; {words(f"step.{stage}")}</strong>'
            f"<br>{says}</p>"
        )
    return explained


def _table(recording: Recording, step: RecordedStep, words: Words) -> str:
    """A row or two for each stage, the real digit beside the fake."""
    both = (step.real, step.fake)
    loss = f"{step.discriminator_loss[0]:.4f}"
    size = words(
        "step.size",
        size=f"{step.discriminator_gradient:.4f}",
        count=f"{recording.discriminator_parameters:,}",
    )
    cells: list[tuple[str, list[str]]] = [
        ("x", [pixels_image(each.pixels, words(f"step.x-{_name(each)}")) for each in both]),
        ("y", [str(each.label) for each in both]),
        ("prediction", [f"{each.fake_probability[0]:.4f}" for each in both]),
        ("cost", [f"{each.cost[0]:.4f}" for each in both]),
        ("cost", [words("step.loss", loss=loss)]),
        ("gradient", [_map(each, words) for each in both]),
        ("gradient", [size]),
        ("discriminator", [_moved(each.fake_probability[:2]) for each in both]),
        ("discriminator", [_change("discriminator", step.discriminator_loss[:2], words)]),
        ("generator", [_kept(step.real, words), _made_anew(step.fake, words)]),
        ("generator", [_change("generator", step.generator_loss[1:], words)]),
    ]
    heads = ("", words("step.row-real", digit=step.real.digit), words("step.row-fake"))
    # One cell is of the whole batch, two are of the two pictures.
    rows = [(words(f"step.{stage if len(row) > 1 else 'batch'}"), *row) for stage, row in cells]
    return html_table(heads, rows, [f'data-stage="{STAGES.index(stage)}"' for stage, _ in cells])


def _name(each: Judged) -> str:
    return "fake" if each.label else "real"


def _moved(numbers: Sequence[float]) -> str:
    """The second number, and by how much it differs from the first as shown."""
    before, after = (round(each, 4) for each in numbers)
    difference = f"{after - before:+.4f}".replace("-", "&minus;")
    return f'{after:.4f} <span class="step-moved">{difference}</span>'


def _change(network: str, losses: Sequence[float], words: Words) -> str:
    before, after = losses
    return words(f"step.{network}-loss", before=f"{before:.4f}", after=f"{after:.4f}")


def _kept(real: Judged, words: Words) -> str:
    return f'{real.fake_probability[2]:.4f} <span class="step-moved">{words("step.unchanged")}</span>'


def _made_anew(fake: Judged, words: Words) -> str:
    picture = pixels_image(fake.pixels_after, words("step.after-alt"))
    return f"{picture}{_moved(fake.fake_probability[1:])}"


def _map(each: Judged, words: Words) -> str:
    return pixels_image(gradient_colours(each.pixel_gradient), words("step.gradient-alt"))


def gradient_colours(gradient: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A signed map, float32 [height, width], as uint8 [height, width, 3]: black where it is 0."""
    strength = np.abs(gradient) / (np.abs(gradient).max() or 1)
    colours = np.where(gradient[..., np.newaxis] > 0, _RAISES, _LOWERS)
    return np.round(colours * strength[..., np.newaxis]).astype(np.uint8)
