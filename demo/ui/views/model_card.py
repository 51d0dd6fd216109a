"""The model card: what the evaluation measured, known limitations, and plots."""

import html
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from PIL import Image

from demo import contract
from demo.api.routes import MODELS_PATH
from demo.inference.manifest import Manifest
from demo.ui.html import description_list, table
from demo.ui.texts import Texts
from demo.ui.views.model_files import download_link

REAL: Final = "mnist"
"""The evaluation's group of human-written digits: MNIST's test set."""

Report = Mapping[str, Any]


def model_card(manifest: Manifest, text: Texts) -> str:
    """Return the card as HTML, empty if no evaluation is published; raise ModelError if a file is altered."""
    if contract.EVALUATION_RECORD not in manifest.files:
        return ""
    report = json.loads(manifest.read(contract.EVALUATION_RECORD))
    scope = text(
        "elsewhere.card-text",
        file=f"{contract.DISCRIMINATOR}.onnx",
        digits=f"{report['test_digits']:,}",
        generators=len(report["generators"]),
    )
    return (
        f"<p>{scope} {text('elsewhere.card-record')} {download_link(contract.EVALUATION_RECORD)}.</p>"
        f"{_figures(report, text)}{_kinds(report, text)}{_goals(report, text)}{_limitations(report, text)}"
        f"{_plots(manifest, report, text)}{_grids(manifest, text)}"
    )


def _figures(report: Report, text: Texts) -> str:
    verdicts = report["verdicts"][REAL]
    figures = {
        "called-fake": f"{verdicts['fake']:.2%}",
        "called-unsure": f"{verdicts['unsure']:.2%}",
        "ece": f"{report['ece']['value']:.4f}",
        "read": f"{report['digits_read'][REAL]:.2%}",
        "caught": f"{report['others_caught']['all']:.2%}",
    }
    rows = ((text(f"elsewhere.figure-{name}"), value) for name, value in figures.items())
    return f'{description_list(rows, "figures")}<p class="hint">{text("elsewhere.ece-text")}</p>'


def _kinds(report: Report, text: Texts) -> str:
    """Return a row per kind of generator, scored by a detector trained without that kind."""
    rows = [
        (
            _kind(kind, text),
            _with_interval(figures["auroc"], text),
            _with_interval(figures["auroc_wild"], text),
            f"{figures['true_positive_rate']['value']:.2%}",
        )
        for kind, figures in report["kinds"].items()
    ]
    return _table("kinds", ("kind", "auroc", "wild", "caught"), rows, text("elsewhere.kinds-text"), text)


def _kind(name: str, text: Texts) -> str:
    return text.group("elsewhere.kind-").get(name, html.escape(name))


def _with_interval(figure: Mapping[str, float], text: Texts) -> str:
    low, high = f"{figure['low']:.4f}", f"{figure['high']:.4f}"
    return f"{figure['value']:.4f} <small>{text('elsewhere.range', low=low, high=high)}</small>"


def _goals(report: Report, text: Texts) -> str:
    """Return a row per goal of the training, missed ones first."""
    goals = sorted(report["goals"], key=lambda goal: goal["reached"] != "no")
    known = text.group("elsewhere.goal-")
    rows = [
        (
            known.get(goal["what"], html.escape(goal["what"])),
            f"{goal['value']:.4f}",
            f"≥ {goal['at_least']}" if "at_least" in goal else f"≤ {goal['at_most']}",
            text("elsewhere.missed" if goal["reached"] == "no" else "elsewhere.met"),
        )
        for goal in goals
    ]
    missed = sum(goal["reached"] == "no" for goal in goals)
    summary = text("elsewhere.goals-text", missed=missed, goals=len(goals))
    return _table("goals", ("what", "value", "limit", "reached"), rows, summary, text)


def _table(
    name: str, columns: Sequence[str], rows: Sequence[Sequence[str]], introduction: str, text: Texts
) -> str:
    """Return a titled table that scrolls by itself in a narrow window."""
    title = text(f"elsewhere.{name}")
    headings = [text(f"elsewhere.{name}-{column}") for column in columns]
    return (
        f"<h3>{title}</h3><p>{introduction}</p>"
        f'<div class="table" tabindex="0" role="group" aria-label="{title}">'
        f"{table(headings, rows, [''] * len(rows))}</div>"
    )


def _limitations(report: Report, text: Texts) -> str:
    changed = max(share for each in report["enlarged_changed"].values() for share in each.values())
    keys = ("not-other", "not-never-met", "not-enlarged", "not-proof")
    items = "".join(f"<li>{text(f'elsewhere.{key}', share=f'{changed:.1%}')}</li>" for key in keys)
    return f"<h3>{text('elsewhere.not')}</h3><ul>{items}</ul>"


def _plots(manifest: Manifest, report: Report, text: Texts) -> str:
    values: dict[str, Mapping[str, object]] = {
        "generators": _extremes(report, "auroc"),
        "wild": _extremes(report, "auroc_wild"),
        "reliability": _worst_calibrated(report),
        "scores": {verdict: f"{report['verdicts'][REAL][verdict]:.1%}" for verdict in ("real", "fake")},
    }
    plots = "".join(
        _figure(manifest, file, text(f"elsewhere.plot-{name}"), text(f"elsewhere.plot-{name}-alt", **each))
        for name, each in values.items()
        if (file := contract.EVALUATION_PLOT.format(name)) in manifest.files
    )
    return f'<h3>{text("elsewhere.plots")}</h3><div class="plots">{plots}</div>' if plots else ""


def _extremes(report: Report, figure: str) -> dict[str, object]:
    """Return the lowest and highest generator, by detectors that never saw their kind."""
    values = {row["name"]: row["kind_unseen"][figure]["value"] for row in report["generators"]}
    worst, best = min(values, key=values.__getitem__), max(values, key=values.__getitem__)
    least, most = (f"{values[name]:.4f}" for name in (worst, best))
    return {"count": len(values), "worst": worst, "least": least, "best": best, "most": most}


def _worst_calibrated(report: Report) -> dict[str, object]:
    """Return the predicted probability that is farthest from the share of fakes, and that share."""
    points = zip(report["reliability"]["probability"], report["reliability"]["share"], strict=True)
    predicted, share = max(points, key=lambda point: abs(point[0] - point[1]))
    return {"predicted": f"{predicted:.2f}", "share": f"{share:.0%}"}


def _grids(manifest: Manifest, text: Texts) -> str:
    """Return what each generator makes, in a part that opens: while closed, it loads no pictures."""
    rows = (
        json.loads(manifest.read(contract.GENERATORS_RECORD))["rows"]
        if contract.GENERATORS_RECORD in manifest.files
        else []
    )
    grids = "".join(
        _figure(
            manifest,
            file,
            f"<code>{html.escape(row['name'])}</code> {_kind(row['kind'], text)}",
            text("elsewhere.grid-alt", name=row["name"]),
        )
        for row in rows
        if (file := contract.GENERATORS_GRID.format(row["name"])) in manifest.files
    )
    tall = "".join(
        _figure(manifest, file, text(f"elsewhere.{name}-text"), text(f"elsewhere.{name}-alt"), scrolls=True)
        for name, file in (("history", contract.HISTORY_PICTURE), ("digits", contract.DIGITS_PICTURE))
        if file in manifest.files
    )
    if not grids and not tall:
        return ""
    return (
        f"<details class='made'><summary>{text('elsewhere.grids')}</summary>"
        f'<div class="grids">{grids}</div>{tall}</details>'
    )


def _figure(manifest: Manifest, file: str, caption: str, alternative: str, *, scrolls: bool = False) -> str:
    """Return a published picture, loaded when it comes into view. caption, alternative: HTML."""
    with Image.open(io.BytesIO(manifest.read(file))) as picture:
        width, height = picture.size
    image = (
        f'<img src="{MODELS_PATH}/{html.escape(file)}" alt="{alternative}" width="{width}" height="{height}" '
        'loading="lazy" decoding="async">'
    )
    if scrolls:
        image = f'<div class="tall" tabindex="0" role="group" aria-label="{caption}">{image}</div>'
    return f"<figure>{image}<figcaption>{caption}</figcaption></figure>"
