"""Search the latent space for a more convincing digit, using only the discriminator's score.

An evolution strategy with one parent and plus-selection, (1+λ)-ES (Beyer and Schwefel 2002,
https://doi.org/10.1023/A:1015059928466), because onnxruntime computes no gradients. A candidate is
sqrt(1 - s²) z + s e with fresh normal noise e, the proposal of Cotter et al. 2013
(https://arxiv.org/abs/1202.0709). It preserves the standard normal distribution, so the search stays
within the noise the generator was trained on. The stride s grows after a step that improved the digit
and shrinks after any other.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from demo.inference.check import Checked, check_sources
from demo.inference.engine import Engine, Latents
from demo.insight.grid import GenerateParams, digit_file

STEPS: Final = 32
CANDIDATES: Final = 12
"""Pictures generated and scored per step, in one batch."""

FIRST_STRIDE: Final = 0.25
LARGEST_STRIDE: Final = 0.7
GROW: Final = 1.5
SHRINK: Final = 0.8


@dataclass(frozen=True, eq=False)
class Found:
    """The best digit after a step of the search; step 0 is the original digit.

    picture: as generated, uint8 [height, width]; `checked` is the model's answer for it.
    probability: its P(fake | x); None while no picture reads as the digit.
    """

    picture: NDArray[np.uint8]
    checked: Checked
    probability: float | None


def search(engine: Engine, params: GenerateParams) -> Iterator[Found]:
    """Lower P(fake | x) of a generated digit step by step; yield `STEPS` + 1 times, deterministically.

    Only the noise changes. A candidate that is not a digit, or reads as another digit, never counts as
    better. The wanted digit is the one requested, or else what the model reads in the first picture.

    Raises:
        RequestError: a parameter is out of range.
    """
    drawn = engine.draw(params.generator, params.count, params.seed, params.digit)
    latent = _rows(drawn, slice(params.index, params.index + 1))
    file = digit_file(params.generator, params.digit, params.seed, params.index)
    (picture,), (checked,) = _generate(engine, params.generator, latent, file)
    wanted = checked.answer.digit if latent.digits is None else int(latent.digits[0])
    cost = cost_of(checked, wanted)
    yield _found(picture, checked, cost)
    random = np.random.default_rng([params.seed, params.index])
    stride = FIRST_STRIDE
    for step in range(1, STEPS + 1):
        candidates = _neighbours(latent, stride, random)
        name = f"{file.removesuffix('.png')}-step-{step}.png"
        pictures, answers = _generate(engine, params.generator, candidates, name)
        costs = [cost_of(each, wanted) for each in answers]
        best = int(np.argmin(costs))
        if costs[best] < cost:
            latent, picture = _rows(candidates, slice(best, best + 1)), pictures[best]
            checked, cost = answers[best], costs[best]
            stride = min(stride * GROW, LARGEST_STRIDE)
        elif math.isfinite(cost):
            stride *= SHRINK
        yield _found(picture, checked, cost)


def cost_of(checked: Checked, wanted: int | None) -> float:
    """Return the logit of fake, or infinity if the picture is not the wanted digit.

    The logit still separates pictures whose probability rounds to the same number. wanted: None accepts
    any digit, for a model that does not read digits.
    """
    answer = checked.answer
    other = wanted is not None and answer.digit != wanted
    if answer.logit is None or other:
        return math.inf
    return answer.logit


def _rows(latents: Latents, rows: slice) -> Latents:
    return Latents(latents.noise[rows], None if latents.digits is None else latents.digits[rows])


def _neighbours(latent: Latents, stride: float, random: np.random.Generator) -> Latents:
    fresh = random.standard_normal((CANDIDATES, latent.noise.shape[1]), np.float32)
    noise = np.float32(math.sqrt(1 - stride**2)) * latent.noise + np.float32(stride) * fresh
    return Latents(noise, None if latent.digits is None else np.repeat(latent.digits, CANDIDATES))


def _generate(
    engine: Engine, generator: str, latents: Latents, file: str
) -> tuple[NDArray[np.uint8], list[Checked]]:
    pictures = engine.make(generator, latents)
    return pictures, check_sources(engine, [file] * len(pictures), list(pictures[..., np.newaxis]))


def _found(picture: NDArray[np.uint8], checked: Checked, cost: float) -> Found:
    return Found(picture, checked, checked.answer.fake_probability if math.isfinite(cost) else None)
