"""What detectors' answers to an exam come to. A score is a logit, the log-odds of fake."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from train.data.mnist import scaled
from train.detector.calibrate import Calibration, sigmoid
from train.detector.model import Detector, scores_of
from train.detector.thresholds import Thresholds
from train.evaluation.corruptions import CORRUPTIONS, STRENGTHS
from train.evaluation.eval_set import (
    DOOR,
    ENLARGEMENTS,
    MNIST,
    OTHER,
    PEN,
    PRINTED,
    RAW,
    SMALL,
    Exam,
    corrupted,
)
from train.evaluation.metrics import (
    auroc,
    bootstrap,
    expected_calibration_error,
    reliability,
    ruler,
    true_positive_rate,
)
from train.tutorial.models import MlpDiscriminator

ROUNDS: Final = 200
"""Resamplings of each interval."""
ENOUGH: Final = 50
"""Fakes that an AUROC is worked out from, at least."""
WILD: Final = "wild"
NO_DIGIT: Final = "not a digit"
VERDICTS: Final = (NO_DIGIT, "fake", "real", "unsure")

Logits = NDArray[np.float32]
Figure = dict[str, float]
"""value, and low and high, between which 95 % of resamplings lie."""


@dataclass
class Candidate:
    """Whoever is examined, and the answers so far: log-odds of fake for (group, condition).

    answer: group and condition → log-odds float32 [n] of its pictures.
    """

    answer: Callable[[str, str], Logits]
    answers: dict[tuple[str, str], Logits] = field(default_factory=dict)

    def logits(self, groups: str | Sequence[str], conditions: str | Sequence[str]) -> Logits:
        """Of all pictures of some groups under some conditions, one after the other."""
        parts = []
        for group in [groups] if isinstance(groups, str) else groups:
            for condition in [conditions] if isinstance(conditions, str) else conditions:
                key = group, condition
                if key not in self.answers:
                    self.answers[key] = self.answer(*key)
                parts.append(self.answers[key])
        return np.concatenate(parts)

    def compared(self, generators: str | Sequence[str]) -> dict[str, Any]:
        """Test digits against fakes: through the door, as raw pixels, and in the wild."""
        reals, fakes = self.logits(MNIST, DOOR), self.logits(generators, DOOR)
        wild_reals, wild_fakes = self.at_all_strengths(MNIST), self.at_all_strengths(generators)
        return {
            "auroc": with_interval(auroc, reals, fakes),
            "true_positive_rate": with_interval(true_positive_rate, reals, fakes),
            "auroc_pixels": auroc(self.logits(MNIST, RAW), self.logits(generators, RAW)),
            "auroc_wild": with_interval(
                lambda real, fake: auroc(real.ravel(), fake.ravel()), wild_reals, wild_fakes
            ),
        }

    def at_all_strengths(self, groups: str | Sequence[str]) -> Logits:
        """Of all pictures of some groups in the wild, float32 [n, 3], so that a picture's stay together."""
        return np.stack([self.logits(groups, corrupted(WILD, strength)) for strength in STRENGTHS], axis=1)


def with_interval(
    function: Callable[[NDArray[np.floating], NDArray[np.floating]], float], reals: Logits, fakes: Logits
) -> Figure:
    """A figure of logits [n, ...] and [m, ...] with its bootstrap interval."""
    low, high = bootstrap(function, reals, fakes, ROUNDS, seed=0)
    return {"value": function(reals, fakes), "low": low, "high": high}


def by_judge(judge: Callable[[str, str], "Judgement"]) -> Candidate:
    """A detector by its logits before calibration: their order is all that is asked."""
    return Candidate(lambda group, condition: judge(group, condition).logits)


def by_tutorial(discriminator: MlpDiscriminator, exam: Exam) -> Candidate:
    """The tutorial's discriminator."""

    def answer(group: str, condition: str) -> Logits:
        with torch.no_grad():
            pictures = scaled(torch.from_numpy(exam.pictures[group, condition]))
            logits: Logits = discriminator(pictures).numpy()
        return logits

    return Candidate(answer)


def generator_figures(
    exam: Exam,
    judged: Mapping[str, Mapping[str, Any]],
    kinds: Mapping[str, str],
    product: Candidate,
    folds: Mapping[str, Candidate],
    members: Sequence[str],
    tutorial: Candidate | None,
) -> list[dict[str, Any]]:
    """A row for each generator: the judge's figures, the ruler's, and those of whoever saw it or did not.

    as_large: the share of its digits whose longest side is that of a real one's, and the AUROC of these
    alone; None where they are too few.
    """
    pictures = exam.pictures
    rows = []
    for name, kind in kinds.items():
        row = {
            "name": name,
            "kind": kind,
            "frechet": judged[name]["frechet"],
            "wanted_digit": judged[name]["wanted_digit"],
            "ruler": auroc(ruler(pictures[MNIST, RAW]), ruler(pictures[name, RAW])),
            "seen": product.compared(name),
            "kind_unseen": folds[kind].compared(name),
        }
        # The normaliser resamples the others, and hardly any real digit: a trace that is not in these.
        alike = ruler(pictures[name, RAW]) == 0
        row["as_large"] = {
            "share": float(alike.mean()),
            **{
                who: auroc(candidate.logits(MNIST, DOOR), candidate.logits(name, DOOR)[alike])
                if alike.sum() >= ENOUGH
                else None
                for who, candidate in (("kind_unseen", folds[kind]), ("seen", product))
            },
        }
        if name in members:
            row["member_unseen"] = folds["members"].compared(name)
        if tutorial is not None:
            row["tutorial"] = tutorial.compared(name)
        rows.append(row)
    return rows


def kind_figures(kinds: Mapping[str, str], folds: Mapping[str, Candidate]) -> dict[str, Any]:
    """Each kind's generators together, by the detector that never saw the kind."""
    return {
        kind: folds[kind].compared([name for name, its in kinds.items() if its == kind])
        for kind in dict.fromkeys(kinds.values())
    }


def corruption_figures(
    exam: Exam,
    kinds: Mapping[str, str],
    folds: Mapping[str, Candidate],
    judge: Callable[[str, str], "Judgement"],
) -> list[dict[str, Any]]:
    """After each corruption at each strength: AUROC of each kind by who never saw it, and the shares of the
    product's verdicts on real digits and on what is none.
    """
    rows = []
    for name in CORRUPTIONS:
        for strength in STRENGTHS:
            condition = corrupted(name, strength)
            rows.append(
                {
                    "corruption": name,
                    "strength": strength,
                    "range": CORRUPTIONS[name].ranges[STRENGTHS.index(strength)],
                    "auroc": {
                        kind: auroc(
                            folds[kind].logits(MNIST, condition),
                            folds[kind].logits([each for each in kinds if kinds[each] == kind], condition),
                        )
                        for kind in dict.fromkeys(kinds.values())
                    },
                    "verdicts": {
                        group: judge(group, condition).shares()
                        for group in (MNIST, PEN, OTHER)
                        if (group, condition) in exam.pictures
                    },
                }
            )
    return rows


@dataclass(frozen=True)
class Judgement:
    """What a calibrated detector says of n pictures.

    logits: log-odds of fake, not calibrated, float32 [n]. probability: of fake, calibrated, [n].
    digits: float32 [n, 10]. verdict: int [n], indices into `VERDICTS`.
    """

    logits: Logits
    probability: NDArray[np.floating]
    digits: NDArray[np.float32]
    verdict: NDArray[np.integer]

    def shares(self) -> dict[str, float]:
        """Share of each of `VERDICTS`."""
        return {name: float(np.mean(self.verdict == place)) for place, name in enumerate(VERDICTS)}


def judging(
    detector: Detector, calibration: Calibration, thresholds: Thresholds, exam: Exam
) -> Callable[[str, str], Judgement]:
    """What a calibrated detector says of a group's pictures under a condition; worked out once."""

    @cache
    def judge(group: str, condition: str) -> Judgement:
        logits, digits, in_domain = scores_of(detector, exam.pictures[group, condition])
        probability = sigmoid(calibration.logits(logits))
        verdict = np.select(
            [
                in_domain < thresholds.in_domain,
                probability >= thresholds.fake,
                probability <= thresholds.real,
            ],
            [0, 1, 2],
            3,
        )
        return Judgement(logits, probability, digits, verdict)

    return judge


def verdict_figures(
    exam: Exam, kinds: Mapping[str, str], judge: Callable[[str, str], Judgement]
) -> dict[str, Any]:
    """Verdicts on each group, calibration, digits read, non-digits caught, verdicts changed by enlarging."""
    groups = {name: judge(name, DOOR) for name in groups_of(exam)}
    reals, fakes = groups[MNIST].probability, even_fakes(groups, kinds, len(groups[MNIST].probability))
    probability = np.concatenate([reals, fakes])
    label = np.repeat([0, 1], [len(reals), len(fakes)])
    points = reliability(probability, label)
    strange = groups[OTHER].verdict == 0
    return {
        "verdicts": {name: group.shares() for name, group in groups.items() if name != OTHER},
        "ece": with_interval(
            lambda real, fake: expected_calibration_error(
                np.concatenate([real, fake]), np.repeat([0, 1], [len(real), len(fake)])
            ),
            reals,
            fakes,
        ),
        "reliability": {name: value.tolist() for name, value in points._asdict().items()},
        "digits_read": {
            name: float(np.mean(groups[name].digits.argmax(1) == exam.labels[name]))
            for name in (MNIST, PEN, PRINTED)
            if name in groups
        },
        "others_caught": {
            "all": float(strange.mean()),
            **{
                name: float(strange[exam.labels[OTHER] == place].mean())
                for place, name in enumerate(exam.others)
            },
        },
        "enlarged_changed": enlarged_changed([MNIST, *kinds], judge),
    }


def unseen_verdicts(
    kinds: Mapping[str, str], judges: Mapping[str, Callable[[str, str], Judgement]]
) -> dict[str, dict[str, dict[str, float]]]:
    """Verdicts of each kind's detector that never saw it, by thresholds of its own: on test digits and on
    each generator of the kind.
    """
    return {
        kind: {
            name: judges[kind](name, DOOR).shares()
            for name in (MNIST, *(each for each in kinds if kinds[each] == kind))
        }
        for kind in dict.fromkeys(kinds.values())
    }


def groups_of(exam: Exam) -> list[str]:
    """The groups that are there to be asked through the door."""
    return [group for group, condition in exam.pictures if condition == DOOR]


def even_fakes(groups: Mapping[str, Judgement], kinds: Mapping[str, str], count: int) -> Logits:
    """Probabilities of as many fakes as there are reals, of each generator alike (or all, where too few)."""
    share = count // len(kinds)
    fakes: Logits = np.concatenate([groups[name].probability[:share] for name in kinds])
    return fakes


def enlarged_changed(
    groups: Sequence[str], judge: Callable[[str, str], Judgement]
) -> dict[str, dict[str, float]]:
    """Share of reals, and of fakes, whose verdict is another once enlarged, by filter."""
    before = {name: judge(name, SMALL).verdict for name in groups}
    result = {}
    for condition in ENLARGEMENTS:
        after = {name: judge(name, condition).verdict != verdict for name, verdict in before.items()}
        fakes = [flipped for name, flipped in after.items() if name != MNIST]
        result[condition] = {
            "real": float(after[MNIST].mean()),
            "fake": float(np.concatenate(fakes).mean()),
        }
    return result
