"""What the page says the numbers mean, which depends on the model that gives them."""

from typing import Final

from demo.contract import DISCRIMINATOR, MLP_DISCRIMINATOR

_EXPLANATION: Final = """
<section class="explain">
  <h2>What the numbers mean</h2>
  <p>A classifier says which digit a picture shows. A discriminator answers another question: does the
  picture come from a collection of digits that people wrote, or did a generator make it up?</p>
  <p><span class="formula">P(fake | x)</span> is its answer for the picture x: the probability that a
  generator made it, from 0 to 1. <span class="formula">P(real | x)</span> is the rest,
  <span class="formula">1 &minus; P(fake | x)</span>. The marks on the bar are the thresholds at which the
  verdict turns to real or to fake.</p>
  {nature}
</section>
"""

_NATURE: Final = {
    MLP_DISCRIMINATOR: """
  <p>The model in use here is the tutorial's. It was trained against one generator only and its
  probabilities are not calibrated, so take them as a ranking, not as odds: it is often wrong about digits
  from other generators, and about some that people wrote.</p>
""",
    DISCRIMINATOR: """
  <p>The model in use here was trained against many generators. Its probabilities are calibrated on digits
  held out from the training, half of them generated: of 100 such digits with
  <span class="formula">P(fake | x)</span> near 0.8, about 80 are generated. The thresholds come from held-out
  digits too: by the upper one at most 1 in 200 that people wrote is called fake, by the lower one at most
  1 in 100 generated is called real. Digits from generators and pens that it never met may fare worse.</p>
  <p>The same model reads the digit, and says whether there is one handwritten digit at all: what does not
  look like one is called that, and gets no number.</p>
""",
}
"""Of a model by name: what its numbers are worth."""


def explanation(model: str) -> str:
    """HTML for the section "What the numbers mean". model: the discriminator's name.

    Of one that is neither the product nor the tutorial's it does not say what its numbers are worth.
    """
    return _EXPLANATION.format(nature=_NATURE.get(model, ""))
