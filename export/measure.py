"""The tutorial pair's published figures, measured on the .onnx files themselves."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from demo.contract import LOGIT, NOISE, PIXELS
from demo.inference.engine import Engine
from train.evaluation.tutorial import EVALUATION_SEED, raw_and_normalized


def measure_pair(discriminator: Any, generator: Any, reals: NDArray[np.uint8]) -> dict[str, Any]:
    """Score real digits and as many of the generator's, by the same seed as `python -m train evaluate`.

    discriminator, generator: onnxruntime sessions. reals: uint8 [n, height, width], test digits.
    """
    latent = generator.get_inputs()[0].shape[1]
    noise = np.random.default_rng(EVALUATION_SEED).standard_normal((len(reals), latent), np.float32)
    fakes = generator.run([PIXELS], {NOISE: noise})[0]
    return raw_and_normalized(lambda pixels: discriminator.run([LOGIT], {PIXELS: pixels})[0], reals, fakes)


def measure_verdicts(engine: Engine, reals: NDArray[np.uint8], labels: NDArray[np.int64]) -> dict[str, Any]:
    """Shares of verdicts on real digits through the door, and of those whose digit is read right.

    reals: uint8 [n, height, width], ink bright on dark; labels: int64 [n], 0 to 9.
    """
    scores = engine.score(np.stack([engine.normalize(each[..., np.newaxis]) for each in reals]))
    verdicts = [
        engine.thresholds.verdict(float(probability), float(in_domain))
        for probability, in_domain in zip(scores.fake_probability, scores.in_domain, strict=True)
    ]
    shares: dict[str, Any] = {name: verdicts.count(name) / len(verdicts) for name in sorted(set(verdicts))}
    if scores.digit_probabilities is not None:
        shares["read right"] = float(np.mean(scores.digit_probabilities.argmax(1) == labels))
    return shares
