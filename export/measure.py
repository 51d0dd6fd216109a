"""The tutorial pair's published figures, measured on the .onnx files themselves."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from demo.contract import LOGIT, NOISE, PIXELS
from train.evaluate import EVALUATION_SEED, both_ways


def measure_pair(discriminator: Any, generator: Any, reals: NDArray[np.uint8]) -> dict[str, Any]:
    """Score real digits and as many of the generator's, by the same seed as `python -m train evaluate`.

    discriminator, generator: onnxruntime sessions. reals: uint8 [n, height, width], test digits.
    """
    latent = generator.get_inputs()[0].shape[1]
    noise = np.random.default_rng(EVALUATION_SEED).standard_normal((len(reals), latent), np.float32)
    fakes = generator.run([PIXELS], {NOISE: noise})[0]
    return both_ways(lambda pixels: discriminator.run([LOGIT], {PIXELS: pixels})[0], reals, fakes)
