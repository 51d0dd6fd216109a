"""*Why?*: what stands behind a number, worked out when somebody asks."""

import math

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from demo.inference.check import Checked
from demo.insight.distributions import Distribution, load_distributions
from demo.insight.occlusion import evidence
from demo.insight.stability import handled
from demo.ui.html import VERDICTS, pixels_image, probability_to_show, verdict_words
from demo.ui.page import Page, private_event
from demo.ui.texts import Words


def add_why(page: Page) -> None:
    """Add the part that opens: while it is open it follows each new picture, closed it works nothing out."""
    distributions = load_distributions(page.engine.manifest, page.engine.model)
    is_open = gr.State(False)
    with gr.Accordion(page.say("why.title"), open=False, elem_id="why") as accordion:
        panel = gr.HTML(
            page.block(lambda words: _says(words("why.nothing"))), apply_default_css=False, elem_id="reasons"
        )

    def explain(checked: Checked | None, asked: bool, request: gr.Request) -> object:
        return reasons(page, distributions, checked, page.words(request)) if asked else gr.skip()

    def unfold(checked: Checked | None, request: gr.Request) -> tuple[bool, object]:
        return True, explain(checked, True, request)

    accordion.expand(unfold, page.current, [is_open, panel], api_name="page_why_open", **private_event())
    accordion.collapse(lambda: False, None, is_open, api_name="page_why_close", **private_event())
    page.result.change(explain, [page.current, is_open], panel, api_name="page_why", **private_event())


def reasons(page: Page, distributions: dict[str, Distribution], checked: Checked | None, words: Words) -> str:
    """HTML for what stands behind the number of a picture; a sentence where there is no number."""
    if checked is None or checked.pixels is None:
        return _says(words("why.nothing"))
    probability, logit = probability_to_show(checked.answer), checked.answer.logit
    if probability is None or logit is None:
        return _says(words("why.no-number"))
    parts = [
        _place(distributions, probability, words),
        _cost(logit, words),
        _stability(checked, handled(page.engine, checked.pixels), words),
        _heat(checked.pixels, evidence(page.engine, checked.pixels), words),
    ]
    return f'<div class="reasons">{"".join(parts)}</div>'


def _says(text: str) -> str:
    return f'<p class="hint">{text}</p>'


def _place(distributions: dict[str, Distribution], probability: float, words: Words) -> str:
    if not distributions:
        return ""
    rows = ""
    for name in ("real", "fake"):
        each = distributions[name]
        share = f"{each.share_below(probability):.0%}"
        caption = words(f"why.place-{name}", share=share, count=f"{each.count:,}")
        rows += (
            f'<figure class="histogram" data-tone="{name}">{_histogram(each, probability)}'
            f"<figcaption>{caption}</figcaption></figure>"
        )
    return f"<section><h3>{words('why.place')}</h3>{rows}</section>"


def _histogram(distribution: Distribution, probability: float) -> str:
    """An SVG of one bar a bin. The square root keeps a hundredth of the digits visible beside the rest."""
    width = 100 / len(distribution.bins)
    heights = [40 * math.sqrt(count / max(distribution.bins)) for count in distribution.bins]
    bars = "".join(
        f'<rect x="{index * width:.2f}" y="{40 - height:.2f}" '
        f'width="{width * 0.85:.2f}" height="{height:.2f}"/>'
        for index, height in enumerate(heights)
    )
    mark = f'<line x1="{100 * probability:.2f}" x2="{100 * probability:.2f}" y1="0" y2="40"/>'
    return f'<svg viewBox="0 0 100 40" preserveAspectRatio="none" aria-hidden="true">{bars}{mark}</svg>'


def _cost(logit: float, words: Words) -> str:
    # -log(1 - sigmoid(l)) = log(1 + exp(l)), which does not overflow where the probability rounds to 1.
    real, fake = (float(np.logaddexp(0, each)) for each in (logit, -logit))
    return (
        f"<section><h3>{words('why.cost')}</h3><p>{words('why.cost-says')}</p>"
        '<dl class="costs">'
        f"<div><dt>{words('why.cost-real')}</dt><dd>{real:.4f}</dd></div>"
        f"<div><dt>{words('why.cost-fake')}</dt><dd>{fake:.4f}</dd></div></dl></section>"
    )


def _stability(checked: Checked, strip: dict[str, Checked], words: Words) -> str:
    answers = [checked.answer, *(each.answer for each in strip.values())]
    steady = len({answer.verdict for answer in answers}) == 1
    numbers = [number for number in map(probability_to_show, answers) if number is not None]
    ends = words("why.stability-ends", least=f"{min(numbers):.4f}", largest=f"{max(numbers):.4f}")
    judged = words("why.stable" if steady else "why.unstable")
    items = "".join(_handled(name, each, words) for name, each in strip.items())
    return (
        f"<section><h3>{words('why.stability')}</h3>"
        f'<p><strong class="steadiness" data-steady="{str(steady).lower()}">{judged}</strong> {ends}</p>'
        f'<ul class="strip">{items}</ul></section>'
    )


def _handled(name: str, each: Checked, words: Words) -> str:
    assert each.pixels is not None
    probability = probability_to_show(each.answer)
    number = verdict_words(each.answer.verdict, words) if probability is None else f"{probability:.4f}"
    return (
        f'<li data-tone="{VERDICTS[each.answer.verdict or "not a digit"]}">{pixels_image(each.pixels, "")}'
        f"<span>{words(f'why.handled-{name}')}</span><strong>{number}</strong></li>"
    )


def _heat(pixels: NDArray[np.uint8], map_: NDArray[np.float32], words: Words) -> str:
    """The digit beside an SVG of what speaks for fake and for real, one square a pixel."""
    strongest = float(np.abs(map_).max()) or 1.0
    height, width = map_.shape
    squares = "".join(
        f'<rect x="{x}" y="{y}" width="1" height="1" class="{"for-fake" if value > 0 else "for-real"}" '
        f'opacity="{abs(value) / strongest:.2f}"/>'
        for (y, x), value in np.ndenumerate(map_)
        if abs(value) > strongest / 50
    )
    return (
        f"<section><h3>{words('why.heat')}</h3><p>{words('why.heat-says')}</p>"
        f'<div class="heat">{pixels_image(pixels, "")}'
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{words("why.heat-alt")}" '
        f'shape-rendering="crispEdges">{squares}</svg></div></section>'
    )
