"""The model card: what the evaluation measured, what falls short, and its plots."""

import html
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from PIL import Image

from demo.api.routes import MODELS_PATH
from demo.contract import (
    DISCRIMINATOR,
    EVALUATION_PLOT,
    EVALUATION_RECORD,
    GENERATORS_GRID,
    GENERATORS_RECORD,
    HISTORY_PICTURE,
)
from demo.inference.manifest import Manifest
from demo.ui.html import html_table
from demo.ui.texts import Words
from demo.ui.views.model_files import download_link

REAL: Final = "mnist"
"""The group of the evaluation's verdicts that people wrote: MNIST's test digits."""

Report = Mapping[str, Any]


def model_card(manifest: Manifest, words: Words) -> str:
    """HTML for the card; empty where no evaluation is published.

    Raises:
        ModelError: a file is missing or altered.
    """
    if EVALUATION_RECORD not in manifest.files:
        return ""
    report = json.loads(manifest.read(EVALUATION_RECORD))
    says = words(
        "elsewhere.card-says",
        file=f"{DISCRIMINATOR}.onnx",
        digits=f"{report['test_digits']:,}",
        generators=len(report["generators"]),
    )
    return (
        f"<p>{says} {words('elsewhere.card-record')} {download_link(EVALUATION_RECORD)}.</p>"
        f"{_figures(report, words)}{_kinds(report, words)}{_goals(report, words)}{_does_not(report, words)}"
        f"{_plots(manifest, report, words)}{_walls(manifest, words)}"
    )


def _figures(report: Report, words: Words) -> str:
    verdicts = report["verdicts"][REAL]
    figures = {
        "called-fake": f"{verdicts['fake']:.2%}",
        "called-unsure": f"{verdicts['unsure']:.2%}",
        "ece": f"{report['ece']['value']:.4f}",
        "read": f"{report['digits_read'][REAL]:.2%}",
        "caught": f"{report['others_caught']['all']:.2%}",
    }
    items = "".join(
        f"<div><dt>{words(f'elsewhere.figure-{name}')}</dt><dd>{value}</dd></div>"
        for name, value in figures.items()
    )
    return f'<dl class="figures">{items}</dl><p class="hint">{words("elsewhere.ece-says")}</p>'


def _kinds(report: Report, words: Words) -> str:
    """A row for each kind of generator, by a detector that learnt from none of that kind."""
    known = words.group("elsewhere.kind-")
    rows = [
        (
            known.get(kind, html.escape(kind)),
            _with_range(figures["auroc"], words),
            _with_range(figures["auroc_wild"], words),
            f"{figures['true_positive_rate']['value']:.2%}",
        )
        for kind, figures in report["kinds"].items()
    ]
    headings = [words(f"elsewhere.kinds-{name}") for name in ("kind", "auroc", "wild", "caught")]
    return (
        f"<h3>{words('elsewhere.kinds')}</h3><p>{words('elsewhere.kinds-says')}</p>"
        f"{_table(words('elsewhere.kinds'), headings, rows)}"
    )


def _with_range(figure: Mapping[str, float], words: Words) -> str:
    low, high = f"{figure['low']:.4f}", f"{figure['high']:.4f}"
    return f"{figure['value']:.4f} <small>{words('elsewhere.range', low=low, high=high)}</small>"


def _goals(report: Report, words: Words) -> str:
    """What the product set out to reach; what it missed stands first."""
    missed = [goal for goal in report["goals"] if goal["reached"] == "no"]
    met = [goal for goal in report["goals"] if goal["reached"] != "no"]
    known = words.group("elsewhere.goal-")
    rows = [
        (
            known.get(goal["what"], html.escape(goal["what"])),
            f"{goal['value']:.4f}",
            f"≥ {goal['at_least']}" if "at_least" in goal else f"≤ {goal['at_most']}",
            words("elsewhere.missed" if goal["reached"] == "no" else "elsewhere.met"),
        )
        for goal in (*missed, *met)
    ]
    headings = [words(f"elsewhere.goals-{name}") for name in ("what", "value", "limit", "reached")]
    says = words("elsewhere.short-says", missed=len(missed), goals=len(report["goals"]))
    return (
        f"<h3>{words('elsewhere.short')}</h3><p>{says}</p>{_table(words('elsewhere.short'), headings, rows)}"
    )


def _does_not(report: Report, words: Words) -> str:
    changed = max(share for each in report["enlarged_changed"].values() for share in each.values())
    lines = (
        words("elsewhere.not-other"),
        words("elsewhere.not-never-met"),
        words("elsewhere.not-enlarged", share=f"{changed:.1%}"),
        words("elsewhere.not-proof"),
    )
    items = "".join(f"<li>{line}</li>" for line in lines)
    return f"<h3>{words('elsewhere.not')}</h3><ul>{items}</ul>"


def _table(name: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table that scrolls by itself where the window is narrow; the first column names the row."""
    table = html_table(headings, rows, [""] * len(rows))
    return f'<div class="table" tabindex="0" role="group" aria-label="{name}">{table}</div>'


def _plots(manifest: Manifest, report: Report, words: Words) -> str:
    shown: dict[str, Mapping[str, object]] = {
        "generators": _extremes(report, "auroc"),
        "wild": _extremes(report, "auroc_wild"),
        "reliability": _farthest(report),
        "scores": {verdict: f"{report['verdicts'][REAL][verdict]:.1%}" for verdict in ("real", "fake")},
    }
    plots = "".join(
        _figure(
            manifest, file, words(f"elsewhere.plot-{name}"), words(f"elsewhere.plot-{name}-alt", **values)
        )
        for name, values in shown.items()
        if (file := EVALUATION_PLOT.format(name)) in manifest.files
    )
    return f'<h3>{words("elsewhere.plots")}</h3><div class="plots">{plots}</div>' if plots else ""


def _extremes(report: Report, figure: str) -> dict[str, object]:
    """Who is lowest and who highest of the generators, by detectors that never saw their kind."""
    values = {row["name"]: row["kind_unseen"][figure]["value"] for row in report["generators"]}
    worst, best = min(values, key=values.__getitem__), max(values, key=values.__getitem__)
    least, most = (f"{values[name]:.4f}" for name in (worst, best))
    return {"count": len(values), "worst": worst, "least": least, "best": best, "most": most}


def _farthest(report: Report) -> dict[str, object]:
    """Where the probabilities are farthest from the share of fakes."""
    points = zip(report["reliability"]["probability"], report["reliability"]["share"], strict=True)
    predicted, share = max(points, key=lambda point: abs(point[0] - point[1]))
    return {"predicted": f"{predicted:.2f}", "share": f"{share:.0%}"}


def _walls(manifest: Manifest, words: Words) -> str:
    """What each generator makes, behind a line to open: a closed part loads none of its pictures."""
    known = words.group("elsewhere.kind-")
    rows = json.loads(manifest.read(GENERATORS_RECORD))["rows"] if GENERATORS_RECORD in manifest.files else []
    walls = ""
    for row in rows:
        file = GENERATORS_GRID.format(row["name"])
        if file in manifest.files:
            kind = known.get(row["kind"], html.escape(row["kind"]))
            caption = f"<code>{html.escape(row['name'])}</code> {kind}"
            alternative = words("elsewhere.wall-alt", name=row["name"])
            walls += _figure(manifest, file, caption, alternative)
    history = ""
    if HISTORY_PICTURE in manifest.files:
        says = words("elsewhere.history-says")
        history = _figure(manifest, HISTORY_PICTURE, says, words("elsewhere.history-alt"), "tall")
    if not walls and not history:
        return ""
    return (
        f"<details class='made'><summary>{words('elsewhere.walls')}</summary>"
        f'<div class="walls">{walls}</div>{history}</details>'
    )


def _figure(manifest: Manifest, file: str, caption: str, alternative: str, kind: str = "plot") -> str:
    """A published picture, fetched when it comes into view. caption, alternative: HTML of the texts."""
    with Image.open(io.BytesIO(manifest.read(file))) as picture:
        width, height = picture.size
    image = (
        f'<img src="{MODELS_PATH}/{html.escape(file)}" alt="{alternative}" width="{width}" height="{height}" '
        'loading="lazy" decoding="async">'
    )
    if kind == "tall":
        image = f'<div class="tall" tabindex="0" role="group" aria-label="{caption}">{image}</div>'
    return f"<figure>{image}<figcaption>{caption}</figcaption></figure>"
