"""A published discriminator in other arithmetic or of another size: held against the reference it stands for.

Such a file may not give the reference's numbers; how far it may be from them is stated, measured, and refused
beyond.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from demo.contract import FAKE_PROBABILITY, IN_DOMAIN, LOGIT, PIXELS
from demo.inference.answer import Thresholds
from export.errors import ParityError
from train.evaluation.metrics import auroc

BATCH: Final = 256


@dataclass(frozen=True)
class Tolerance:
    """How far a variant may be from its reference.

    probability_mean, probability_percentile_99: of the absolute difference of `fake_probability`, over all
    pictures. verdicts: share of pictures whose verdict may differ. auroc: what may be lost of it, the mean
    over all groups of fakes against the real digits. auroc_worst: the same for any one of them.
    """

    probability_mean: float
    probability_percentile_99: float
    verdicts: float
    auroc: float
    auroc_worst: float


@dataclass(frozen=True)
class Distance:
    """How far a variant is from its reference, in the terms of `Tolerance`; worst: the group of that loss."""

    probability_mean: float
    probability_percentile_99: float
    verdicts: float
    auroc: float
    auroc_worst: float
    worst: str

    def refused(self, tolerance: Tolerance) -> list[str]:
        """Names of what is beyond a tolerance; NaN is beyond any."""
        return [name for name, most in asdict(tolerance).items() if not getattr(self, name) <= most]


def refuse_interface(name: str, session: Any, reference: Any) -> None:
    """Raises ParityError where a variant's inputs and outputs are not its reference's."""
    if described(session) != described(reference):
        raise ParityError(name, "has other inputs or outputs than its reference. Nothing is published.", [])


def refuse_distance(name: str, distance: Distance, tolerance: Tolerance) -> None:
    """Raises ParityError, which names what is beyond the tolerance."""
    if refused := distance.refused(tolerance):
        told = ", ".join(f"{each} {getattr(distance, each):.3g}" for each in refused)
        raise ParityError(
            name, f"is too far from its reference: {told} ({distance.worst}). Nothing is published.", []
        )


def described(session: Any) -> list[tuple[str, str, tuple[Any, ...]]]:
    """Names, types and shapes of a session's inputs and outputs; batch has many names and is left out."""
    return [
        (each.name, each.type, tuple(each.shape[1:]))
        for each in (*session.get_inputs(), *session.get_outputs())
    ]


Answers: TypeAlias = Mapping[str, Mapping[str, NDArray[np.float32]]]
"""Group → output → values [n, …]."""


def answers(session: Any, groups: Mapping[str, NDArray[np.uint8]]) -> Answers:
    """What a discriminator says of groups of pixels uint8 [n, 28, 28]."""
    return {group: run(session, pixels) for group, pixels in groups.items()}


def run(session: Any, pixels: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
    """Every output of a discriminator on pixels uint8 [n, 28, 28]."""
    outputs = [each.name for each in session.get_outputs()]
    parts = [
        session.run(outputs, {PIXELS: pixels[start : start + BATCH]})
        for start in range(0, len(pixels), BATCH)
    ]
    return {output: np.concatenate([part[index] for part in parts]) for index, output in enumerate(outputs)}


def distance_between(
    own: Answers, held: Answers, reals: Sequence[str], fakes: Sequence[str], thresholds: Thresholds
) -> Distance:
    """How far a variant's answers are from the reference's.

    reals, fakes: names of the groups. A group of fakes is told from the reals with the same word after the
    comma (`flow, wild` from `mnist, wild`), else from the first.
    """
    differences = np.concatenate(
        [np.abs(own[group][FAKE_PROBABILITY] - held[group][FAKE_PROBABILITY]) for group in held]
    )
    differing = [
        verdict != other
        for group in held
        for verdict, other in zip(
            verdicts(own[group], thresholds), verdicts(held[group], thresholds), strict=True
        )
    ]
    losses = {
        fake: auroc(held[real][LOGIT], held[fake][LOGIT]) - auroc(own[real][LOGIT], own[fake][LOGIT])
        for fake in fakes
        for real in [beside(fake, reals)]
    }
    worst = max(losses, key=lambda group: losses[group])
    return Distance(
        probability_mean=float(differences.mean()),
        probability_percentile_99=float(np.percentile(differences, 99)),
        verdicts=float(np.mean(differing)),
        auroc=float(np.mean(list(losses.values()))),
        auroc_worst=float(losses[worst]),
        worst=worst,
    )


def beside(fake: str, reals: Sequence[str]) -> str:
    """The reals that went through the same as a group of fakes: of the same word after the comma."""
    _, _, fate = fake.partition(", ")
    return next((real for real in reals if real.partition(", ")[2] == fate), reals[0])


def verdicts(outputs: Mapping[str, NDArray[np.float32]], thresholds: Thresholds) -> list[str]:
    """The verdict of each picture; the tutorial's network takes each for a digit."""
    probabilities = outputs[FAKE_PROBABILITY]
    in_domain = outputs.get(IN_DOMAIN, np.ones_like(probabilities))
    return [
        thresholds.verdict(float(probability), float(domain))
        for probability, domain in zip(probabilities, in_domain, strict=True)
    ]
