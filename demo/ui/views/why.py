"""*Why?*: what stands behind a score, computed on request."""

import math

import gradio as gr
import numpy as np

from demo.inference.answer import Answer
from demo.inference.check import Checked
from demo.insight.why import Distribution, check_changed, load_distributions, occlusion_map
from demo.ui.html import description_list, pixels_image, signed_image, tone, verdict_text
from demo.ui.page import Page, private_event
from demo.ui.texts import Texts


def add_why(page: Page) -> None:
    """Add an accordion that follows each new picture while it is open, and computes nothing while closed."""
    distributions = load_distributions(page.engine.manifest, page.engine.model)
    is_open = gr.State(False)
    with gr.Accordion(page.label("why.title"), open=False, elem_id="why") as accordion:
        panel = page.html(lambda text: _hint(text("why.nothing")), elem_id="reasons")

    def explain(checked: Checked | None, asked: bool, request: gr.Request) -> object:
        return reasons(page, distributions, checked, page.texts(request)) if asked else gr.skip()

    def unfold(checked: Checked | None, request: gr.Request) -> tuple[bool, object]:
        return True, explain(checked, True, request)

    accordion.expand(unfold, page.current, [is_open, panel], api_name="page_why_open", **private_event())
    accordion.collapse(lambda: False, None, is_open, api_name="page_why_close", **private_event())
    page.result.change(explain, [page.current, is_open], panel, api_name="page_why", **private_event())


def reasons(page: Page, distributions: dict[str, Distribution], checked: Checked | None, text: Texts) -> str:
    """Return what stands behind the score of a picture as HTML; a sentence if it has no score."""
    if checked is None or checked.pixels is None:
        return _hint(text("why.nothing"))
    probability, logit = checked.answer.fake_probability, checked.answer.logit
    if probability is None or logit is None:
        return _hint(text("why.no-number"))
    # Beside the digit, what each pixel contributes to "fake" or "real".
    heat = signed_image(occlusion_map(page.engine, checked.pixels), text("why.heat-alt"))
    sections = {
        "place": "".join(_place(name, distributions, probability, text) for name in ("real", "fake")),
        "cost": _cost(logit, text),
        "stability": _stability(checked.answer, check_changed(page.engine, checked.pixels), text),
        "heat": f'<p>{text("why.heat-text")}</p><div class="heat">{pixels_image(checked.pixels)}{heat}</div>',
    }
    parts = "".join(
        f"<section><h3>{text(f'why.{name}')}</h3>{content}</section>"
        for name, content in sections.items()
        if content
    )
    return f'<div class="reasons">{parts}</div>'


def _hint(text: str) -> str:
    return f'<p class="hint">{text}</p>'


def _place(name: str, distributions: dict[str, Distribution], probability: float, text: Texts) -> str:
    """Return a histogram of held-out digits' scores with a mark at the probability; empty if unpublished.

    One bar per bin. The square root keeps bins with a hundredth of the digits visible.
    """
    if name not in distributions:
        return ""
    distribution = distributions[name]
    width = 100 / len(distribution.bins)
    heights = [40 * math.sqrt(count / max(distribution.bins)) for count in distribution.bins]
    bars = "".join(
        f'<rect x="{index * width:.2f}" y="{40 - height:.2f}" '
        f'width="{width * 0.85:.2f}" height="{height:.2f}"/>'
        for index, height in enumerate(heights)
    )
    mark = f'<line x1="{100 * probability:.2f}" x2="{100 * probability:.2f}" y1="0" y2="40"/>'
    share = f"{distribution.share_below(probability):.0%}"
    caption = text(f"why.place-{name}", share=share, count=f"{distribution.count:,}")
    return (
        f'<figure class="histogram" data-tone="{name}">'
        f'<svg viewBox="0 0 100 40" preserveAspectRatio="none" aria-hidden="true">{bars}{mark}</svg>'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def _cost(logit: float, text: Texts) -> str:
    # -log(1 - sigmoid(l)) = log(1 + exp(l)), which does not overflow where the probability rounds to 1.
    costs = {"real": np.logaddexp(0, logit), "fake": np.logaddexp(0, -logit)}
    rows = ((text(f"why.cost-{name}"), f"{cost:.4f}") for name, cost in costs.items())
    return f"<p>{text('why.cost-text')}</p>{description_list(rows, 'costs')}"


def _stability(answer: Answer, changed: dict[str, Checked], text: Texts) -> str:
    answers = [answer, *(each.answer for each in changed.values())]
    steady = len({each.verdict for each in answers}) == 1
    numbers = [each.fake_probability for each in answers if each.fake_probability is not None]
    ends = text("why.stability-ends", least=f"{min(numbers):.4f}", largest=f"{max(numbers):.4f}")
    items = "".join(_changed(name, each, text) for name, each in changed.items())
    return (
        f'<p><strong class="steadiness" data-steady="{str(steady).lower()}">'
        f"{text('why.stable' if steady else 'why.unstable')}</strong> {ends}</p>"
        f'<ul class="strip">{items}</ul>'
    )


def _changed(name: str, checked: Checked, text: Texts) -> str:
    assert checked.pixels is not None
    probability = checked.answer.fake_probability
    number = verdict_text(checked.answer, text) if probability is None else f"{probability:.4f}"
    return (
        f'<li data-tone="{tone(checked.answer)}">{pixels_image(checked.pixels)}'
        f"<span>{text(f'why.changed-{name}')}</span><strong>{number}</strong></li>"
    )
