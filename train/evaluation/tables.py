"""Figures of the report, from detectors' logits on the evaluation set. A logit is the log-odds of fake."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from train.data.dataset import MNIST, NON_DIGIT, NORMALIZED, PEN, PHOTOGRAPHED, RAW, STYLED, PictureSet
from train.data.mnist import to_float
from train.detector.calibrate import Calibration, Thresholds, sigmoid
from train.detector.folds import left_out
from train.detector.model import Detector, scores_of
from train.evaluation.eval_set import (
    COMBINED,
    CORRUPTIONS,
    ENLARGEMENTS,
    NUDGED,
    PRINTED,
    SMALL,
    STRENGTHS,
    corrupted,
)
from train.evaluation.metrics import (
    auroc,
    bootstrap,
    expected_calibration_error,
    reliability,
    side_distance,
    true_positive_rate,
)
from train.tutorial.models import MlpDiscriminator

ROUNDS: Final = 200
"""Bootstrap rounds of each interval."""
ENOUGH: Final = 50
"""Fewest fakes for an AUROC."""
BINS: Final = 40
"""Of a distribution, of equal width over [0, 1]."""
PERCENTILES: Final = 100
NOT_A_DIGIT: Final = "not a digit"
VERDICTS: Final = (NOT_A_DIGIT, "fake", "real", "unsure")

Logits = NDArray[np.float32]
Figure = dict[str, float]
"""value, and low and high of its 95 % bootstrap interval."""


@dataclass(frozen=True)
class Predictions:
    """A calibrated detector's output on n pictures.

    logits: raw log-odds of fake, float32 [n]. probability: calibrated P(fake | x), [n]. digits: float32
    [n, 10]. verdict: int [n], indices into `VERDICTS`.
    """

    logits: Logits
    probability: NDArray[np.floating]
    digits: NDArray[np.float32]
    verdict: NDArray[np.integer]

    def shares(self) -> dict[str, float]:
        """Return the share of each of `VERDICTS`."""
        return {name: float(np.mean(self.verdict == index)) for index, name in enumerate(VERDICTS)}


Predictor = Callable[[str, str], Predictions]
"""Returns a detector's predictions on a group's pictures under a condition."""


def predictor_of(
    detector: Detector, calibration: Calibration, thresholds: Thresholds, eval_set: PictureSet
) -> Predictor:
    """Return a predictor that computes each group and condition once."""

    @cache
    def predict(group: str, condition: str) -> Predictions:
        logits, digits, in_domain = scores_of(detector, eval_set.images[group, condition])
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
        return Predictions(logits, probability, digits, verdict)

    return predict


Scorer = Callable[[str, str], Logits]
"""Returns a detector's raw log-odds of fake, float32 [n], on a group's pictures under a condition."""


def scorer_of(predict: Predictor) -> Scorer:
    """Return a detector's raw logits; AUROC needs no calibration."""
    return lambda group, condition: predict(group, condition).logits


def tutorial_scorer(discriminator: MlpDiscriminator, eval_set: PictureSet) -> Scorer:
    """Return the logits of the tutorial's discriminator, computed once for each group and condition."""

    @cache
    @torch.no_grad()
    def score(group: str, condition: str) -> Logits:
        pictures = to_float(torch.from_numpy(eval_set.images[group, condition]))
        logits: Logits = discriminator(pictures).numpy()
        return logits

    return score


def compared(score: Scorer, generators: Sequence[str]) -> dict[str, Any]:
    """Compare test digits with fakes, normalized as they are and after the combined corruption."""
    reals, fakes = score(MNIST, NORMALIZED), concatenated(score, generators, NORMALIZED)
    return {
        "auroc": with_interval(auroc, reals, fakes),
        "true_positive_rate": with_interval(true_positive_rate, reals, fakes),
        "auroc_wild": with_interval(
            lambda real, fake: auroc(real.ravel(), fake.ravel()),
            at_all_strengths(score, [MNIST]),
            at_all_strengths(score, generators),
        ),
    }


def concatenated(score: Scorer, groups: Sequence[str], condition: str) -> Logits:
    """Return the logits of several groups under one condition."""
    return np.concatenate([score(group, condition) for group in groups])


def at_all_strengths(score: Scorer, groups: Sequence[str]) -> Logits:
    """Return the logits after the combined corruption, float32 [n, 3]: a row holds one picture's."""
    conditions = [corrupted(COMBINED, strength) for strength in STRENGTHS]
    return np.stack([concatenated(score, groups, condition) for condition in conditions], axis=1)


def with_interval(
    function: Callable[[NDArray[np.floating], NDArray[np.floating]], float], reals: Logits, fakes: Logits
) -> Figure:
    """Return a figure of logits [n, ...] and [m, ...] with its bootstrap interval."""
    low, high = bootstrap(function, reals, fakes, ROUNDS, seed=0)
    return {"value": function(reals, fakes), "low": low, "high": high}


def generator_figures(
    eval_set: PictureSet,
    kinds: Mapping[str, str],
    detector: Scorer,
    folds: Mapping[str, Scorer],
    oracles: Mapping[str, Detector],
    tutorial: Scorer | None,
) -> list[dict[str, Any]]:
    """Return a row for each generator: the figures of detectors that saw it or did not.

    `oracle` is the AUROC of a small detector that learnt from this generator alone, `ruler` that of
    `side_distance` on raw pixels. `as_large` has the share of its digits whose
    longest side is a real one's, and the AUROC of these alone; None if they are too few.
    """
    real_distances = side_distance(eval_set.images[MNIST, RAW])
    members = left_out("members", kinds)
    rows = []
    for name, kind in kinds.items():
        distances = side_distance(eval_set.images[name, RAW])
        # Unlike most of the other fakes, these are not resampled by the normalizer, so they lack its traces.
        as_large = distances == 0
        unseen = folds[kind]
        row = {
            "name": name,
            "kind": kind,
            "ruler": auroc(real_distances, distances),
            "oracle": auroc(
                *(scores_of(oracles[name], eval_set.images[each, NORMALIZED])[0] for each in (MNIST, name))
            ),
            "seen": compared(detector, [name]),
            "kind_unseen": compared(unseen, [name]),
            "as_large": {
                "share": float(as_large.mean()),
                "kind_unseen": auroc(unseen(MNIST, NORMALIZED), unseen(name, NORMALIZED)[as_large])
                if as_large.sum() >= ENOUGH
                else None,
            },
        }
        if name in members:
            row["member_unseen"] = compared(folds["members"], [name])
        if tutorial is not None:
            row["tutorial"] = compared(tutorial, [name])
        rows.append(row)
    return rows


def corruption_figures(
    eval_set: PictureSet,
    members: Mapping[str, Sequence[str]],
    folds: Mapping[str, Scorer],
    predict: Predictor,
) -> list[dict[str, Any]]:
    """Return a row for each corruption and strength; members: kind → its generators.

    It has the AUROC of each kind by the detector that never saw it, and the shares of the detector's
    verdicts on real digits and non-digits.
    """
    rows = []
    for name, (_, ranges) in CORRUPTIONS.items():
        for strength, bounds in zip(STRENGTHS, ranges, strict=True):
            condition = corrupted(name, strength)
            rows.append(
                {
                    "corruption": name,
                    "strength": strength,
                    "range": bounds,
                    "auroc": {
                        kind: auroc(
                            folds[kind](MNIST, condition), concatenated(folds[kind], names, condition)
                        )
                        for kind, names in members.items()
                    },
                    "verdicts": {
                        group: predict(group, condition).shares()
                        for group in (MNIST, PEN, NON_DIGIT)
                        if (group, condition) in eval_set.images
                    },
                }
            )
    return rows


def verdict_figures(eval_set: PictureSet, kinds: Mapping[str, str], predict: Predictor) -> dict[str, Any]:
    """Return verdicts by group, calibration, digits read, non-digits caught, and verdicts that change."""
    names = [group for group, condition in eval_set.images if condition == NORMALIZED]
    groups = {name: predict(name, NORMALIZED) for name in names}
    reals = groups[MNIST].probability
    # About as many fakes as reals, equally many of each generator.
    share = len(reals) // len(kinds)
    fakes = np.concatenate([groups[name].probability[:share] for name in kinds])
    points = reliability(*labelled(reals, fakes))
    return {
        "verdicts": {name: group.shares() for name, group in groups.items() if name != NON_DIGIT},
        "ece": with_interval(
            lambda real, fake: expected_calibration_error(*labelled(real, fake)), reals, fakes
        ),
        "reliability": {name: value.tolist() for name, value in points._asdict().items()},
        "digits_read": {
            name: float(np.mean(groups[name].digits.argmax(1) == eval_set.labels[name]))
            for name in (MNIST, PEN, STYLED, PRINTED)
            if name in groups
        },
        "others_caught": {"all": groups[NON_DIGIT].shares()[NOT_A_DIGIT]},
        "enlarged_changed": {
            condition: changed(condition, [MNIST, *kinds], predict) for condition in ENLARGEMENTS
        },
        "nudged_changed": changed(NUDGED, [MNIST, *kinds], predict),
        "verdicts_photographed": {
            name: predict(name, PHOTOGRAPHED).shares()
            for name, condition in eval_set.images
            if condition == PHOTOGRAPHED and len(eval_set.images[name, PHOTOGRAPHED])
        },
    }


def labelled(
    real: NDArray[np.floating], fake: NDArray[np.floating]
) -> tuple[NDArray[np.floating], NDArray[np.int64]]:
    """Return probabilities [n] and [m] as one array [n + m], and its labels: 0 real, 1 fake."""
    return np.concatenate([real, fake]), np.repeat([0, 1], [len(real), len(fake)])


def changed(condition: str, groups: Sequence[str], predict: Predictor) -> dict[str, float]:
    """Return the shares of reals and of fakes whose verdict is another under a condition than if `SMALL`."""
    shares = {
        name: np.mean(predict(name, condition).verdict != predict(name, SMALL).verdict) for name in groups
    }
    real = shares.pop(MNIST)
    return {"real": float(real), "fake": float(np.mean(list(shares.values())))}


def distribution_figures(
    eval_set: PictureSet, kinds: Mapping[str, str], predict: Predictor
) -> dict[str, dict[str, Any]]:
    """Return how P(fake | x) is distributed over test digits (`real`), pen digits (`pen`) and fakes (`fake`).

    All are normalized without corruption, whatever their verdict. Fakes are those of all generators, equally
    many of each. kinds: generator → its kind.
    """
    pen = [PEN] if (PEN, NORMALIZED) in eval_set.images else []
    groups = {"real": [MNIST], "pen": pen, "fake": list(kinds)}
    return {
        name: distribution(np.concatenate([predict(group, NORMALIZED).probability for group in members]))
        for name, members in groups.items()
        if members
    }


def distribution(probability: NDArray[np.floating]) -> dict[str, Any]:
    """Return the distribution of probabilities [n] in [0, 1], n at least 1.

    count: n. bins: counts in each of `BINS`, int [40]; an edge belongs to the bin above, but 1 to the last.
    percentiles: the 0th (minimum) to the 100th (maximum), float [101].
    """
    counts, _ = np.histogram(probability, BINS, (0, 1))
    shares = np.linspace(0, 1, PERCENTILES + 1)
    return {
        "count": len(probability),
        "bins": counts.tolist(),
        "percentiles": np.quantile(probability.astype(np.float64), shares).tolist(),
    }
