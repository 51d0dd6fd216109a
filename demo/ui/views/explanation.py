"""What the page says the numbers mean, which depends on the model that gives them."""

from typing import Final

from demo.contract import DISCRIMINATOR, MLP_DISCRIMINATOR
from demo.ui.texts import Words

_WORTH: Final = {
    MLP_DISCRIMINATOR: ("meaning.tutorial",),
    DISCRIMINATOR: ("meaning.product", "meaning.product-digit"),
}
"""Of a model by name: the texts on what its numbers are worth."""

_TERMS: Final = ("classifier", "x", "theta", "y", "bar", "discriminator", "generator")


def explanation(model: str, words: Words) -> str:
    """HTML for the section "What the numbers mean". model: the discriminator's name.

    Of one that is neither the product nor the tutorial's it does not say what its numbers are worth.
    """
    paragraphs = "".join(
        f"<p>{words(key)}</p>" for key in ("meaning.question", "meaning.number", *_WORTH.get(model, ()))
    )
    terms = "".join(
        f"<div><dt>{words(f'term.{term}')}</dt><dd>{words(f'term.{term}-means')}</dd></div>"
        for term in _TERMS
    )
    return (
        f'<section class="explain"><h2>{words("meaning.title")}</h2>{paragraphs}'
        f'<dl class="terms">{terms}</dl></section>'
    )
