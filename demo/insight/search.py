"""A more convincing digit by a search through the noise: the discriminator's number is all that it is told.

An evolution strategy with one parent and plus-selection, (1+λ)-ES (Beyer and Schwefel 2002,
https://doi.org/10.1023/A:1015059928466), since onnxruntime has no gradients. Each candidate is
sqrt(1 - s²) z + s e with fresh normal noise e, the proposal of Cotter et al. 2013
(https://arxiv.org/abs/1202.0709): it leaves the standard normal distribution as it is, so that the search
stays among the noise for which the generator was trained. s grows with every step that found something
better and shrinks with every other.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from demo.inference.check import Checked, check_sources
from demo.inference.engine import Engine, Latents
from demo.insight.grid import Recipe, digit_file

STEPS: Final = 32
CANDIDATES: Final = 12
"""Pictures made and judged in a step, in one batch."""

FIRST_STRIDE: Final = 0.25
LARGEST_STRIDE: Final = 0.7
GROW: Final = 1.5
SHRINK: Final = 0.8


@dataclass(frozen=True, eq=False)
class Found:
    """Where the search stands after a step.

    step: 0 is the digit as it was made.
    picture: the best so far as the generator made it, uint8 [height, width].
    checked: what the model says of that picture.
    probabilities: its P(fake | x) after each step from 0; None while no picture was read as the digit.
    """

    step: int
    picture: NDArray[np.uint8]
    checked: Checked
    probabilities: tuple[float | None, ...]


def search(engine: Engine, recipe: Recipe, steps: int = STEPS) -> Iterator[Found]:
    """Lower P(fake | x) of a generated digit step by step; yields steps + 1 times. The same arguments give
    the same steps.

    Only the noise moves. A candidate that the model does not take for a digit, or reads as another digit,
    never counts as better. The digit is the one that the generator was told, or else what the model reads
    in the first picture.

    Raises:
        RequestError: the recipe has an argument outside its range.
    """
    drawn = engine.draw(recipe.generator, recipe.count, recipe.seed, recipe.digit)
    latent = _rows(drawn, slice(recipe.index, recipe.index + 1))
    file = digit_file(recipe.generator, recipe.digit, recipe.seed, recipe.index)
    (picture,), (checked,) = _judged(engine, recipe.generator, latent, file)
    wanted = checked.answer.digit if latent.digits is None else int(latent.digits[0])
    cost = cost_of(checked, wanted)
    probabilities = [_probability(checked, cost)]
    yield Found(0, picture, checked, tuple(probabilities))
    random = np.random.default_rng([recipe.seed, recipe.index])
    stride = FIRST_STRIDE
    for step in range(1, steps + 1):
        candidates = _around(latent, stride, random)
        name = f"{file.removesuffix('.png')}-step-{step}.png"
        pictures, answers = _judged(engine, recipe.generator, candidates, name)
        costs = [cost_of(each, wanted) for each in answers]
        best = int(np.argmin(costs))
        if costs[best] < cost:
            latent, picture = _rows(candidates, slice(best, best + 1)), pictures[best]
            checked, cost = answers[best], costs[best]
            stride = min(stride * GROW, LARGEST_STRIDE)
        elif math.isfinite(cost):
            stride *= SHRINK
        probabilities.append(_probability(checked, cost))
        yield Found(step, picture, checked, tuple(probabilities))


def _rows(latents: Latents, rows: slice) -> Latents:
    return Latents(latents.noise[rows], None if latents.digits is None else latents.digits[rows])


def _around(latent: Latents, stride: float, random: np.random.Generator) -> Latents:
    """Candidates near a latent of one row."""
    fresh = random.standard_normal((CANDIDATES, latent.noise.shape[1]), np.float32)
    noise = np.float32(math.sqrt(1 - stride**2)) * latent.noise + np.float32(stride) * fresh
    return Latents(noise, None if latent.digits is None else np.repeat(latent.digits, CANDIDATES))


def _judged(
    engine: Engine, generator: str, latents: Latents, file: str
) -> tuple[NDArray[np.uint8], list[Checked]]:
    pictures = engine.make(generator, latents)
    return pictures, check_sources(engine, [file] * len(pictures), list(pictures[..., np.newaxis]))


def cost_of(checked: Checked, wanted: int | None) -> float:
    """The logit of fake, which still tells apart what rounds to the same probability; infinite for another
    digit or none. Of a model that does not read digits any is the wanted one.
    """
    answer = checked.answer
    other = wanted is not None and answer.digit != wanted
    if answer.logit is None or answer.verdict == "not a digit" or other:
        return math.inf
    return answer.logit


def _probability(checked: Checked, cost: float) -> float | None:
    return checked.answer.fake_probability if math.isfinite(cost) else None
