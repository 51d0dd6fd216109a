"""A discriminator in 8-bit integers on its way to publication: made, compared, described."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from demo.contract import DIGIT_PROBABILITIES, FAKE_PROBABILITY, IN_DOMAIN, LOGIT
from demo.inference.answer import Thresholds
from export.artifact import Artifact
from export.derived import derive
from export.quantize import quantized
from export.variant import Tolerance

TOLERANCE: Final = Tolerance(
    probability_mean=0.02, probability_percentile_99=0.1, verdicts=0.03, auroc=0.0005, auroc_worst=0.002
)
GOLDEN_TOLERANCE: Final = {
    LOGIT: {"absolute": 0.5, "share": 1.0},
    FAKE_PROBABILITY: {"absolute": 0.05, "share": 1.0},
    DIGIT_PROBABILITIES: {"absolute": 0.05, "share": 1.0},
    IN_DOMAIN: {"absolute": 0.05, "share": 1.0},
}
"""Between machines: where a sum falls on the edge of a level, the first layers' rounding decides."""
SUFFIX: Final = "_int8"


@dataclass(frozen=True, eq=False)
class Examined:
    """Pixels uint8 [n, height, width] that integers are made and held with.

    learnt: some that the network learnt from, to read the range of activations from. reals, fakes: name →
    some that it did not learn from, to hold the file against its reference.
    """

    learnt: NDArray[np.uint8]
    reals: Mapping[str, NDArray[np.uint8]]
    fakes: Mapping[str, NDArray[np.uint8]]


def make_integers(
    reference: Artifact,
    thresholds: Thresholds,
    examined: Examined,
    golden: NDArray[np.uint8],
    quantise: Callable[[bytes, NDArray[np.uint8]], bytes] = quantized,
) -> Artifact:
    """The reference's network in 8-bit integers, `NAME_int8.onnx`.

    golden: pixels uint8 [n, height, width] that every session replays at load.
    quantise: the reference's bytes, and pictures that it learnt from → the bytes in integers.

    Raises:
        ParityError: it is farther from the reference than `TOLERANCE`, or tells some fakes worse.
    """
    return derive(
        reference,
        SUFFIX,
        quantise(reference.content, examined.learnt),
        thresholds,
        examined.reals,
        examined.fakes,
        golden,
        TOLERANCE,
        GOLDEN_TOLERANCE,
    )
