"""A discriminator in float16 on its way to publication: made, compared, described.

For a GPU: on a CPU float16 is slower, so no command publishes it.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from demo.answer import Thresholds
from demo.contract import DIGIT_PROBABILITIES, FAKE_PROBABILITY, IN_DOMAIN, LOGIT
from export.artifact import Artifact
from export.derived import derive
from export.errors import ParityError
from export.half import halved
from export.variant import Tolerance

TOLERANCE: Final = Tolerance(
    probability_mean=0.001, probability_percentile_99=0.005, verdicts=0.005, auroc=0.0005, auroc_worst=0.0005
)
LOGIT_ABSOLUTE: Final = 0.05
"""How far any logit may be from the reference's."""
GOLDEN_TOLERANCE: Final = {
    LOGIT: {"absolute": LOGIT_ABSOLUTE, "share": 1.0},
    FAKE_PROBABILITY: {"absolute": 0.0125, "share": 1.0},
    DIGIT_PROBABILITIES: {"absolute": 0.0125, "share": 1.0},
    IN_DOMAIN: {"absolute": 0.0125, "share": 1.0},
}
"""Of the logit as above; a probability changes by at most a quarter of what its logit does."""
SUFFIX: Final = "_fp16"


def make_half(
    reference: Artifact,
    thresholds: Thresholds,
    reals: Mapping[str, NDArray[np.uint8]],
    fakes: Mapping[str, NDArray[np.uint8]],
    golden: NDArray[np.uint8],
) -> Artifact:
    """The reference's network in float16, `NAME_fp16.onnx`.

    reals, fakes: uint8 [n, 28, 28] by group, which it did not learn from, to hold it against the reference.
    golden: what every session replays at load.

    Raises:
        ParityError: it is farther from the reference than `TOLERANCE` or `LOGIT_ABSOLUTE`.
        ValueError: the network has fewer than two layers with weights.
    """
    artifact = derive(
        reference,
        SUFFIX,
        halved(reference.content),
        thresholds,
        reals,
        fakes,
        golden,
        TOLERANCE,
        GOLDEN_TOLERANCE,
    )
    farthest = max((row for row in artifact.report if row.output == LOGIT), key=lambda row: row.maximum)
    # Written so that NaN fails.
    if not farthest.maximum <= LOGIT_ABSOLUTE:
        raise ParityError(
            artifact.file.removesuffix(".onnx"),
            f"is too far from its reference: a logit differs by {farthest.maximum:.3g} ({farthest.inputs}); "
            f"{LOGIT_ABSOLUTE} is allowed. Nothing is published.",
            artifact.report,
        )
    return artifact
