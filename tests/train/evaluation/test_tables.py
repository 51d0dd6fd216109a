"""The evaluation's arithmetic, on answers whose figures are known."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from demo.inference.engine import MODELS_FOLDER
from train.detector.calibrate import sigmoid
from train.evaluation.corruptions import CORRUPTIONS, STRENGTHS
from train.evaluation.distributions import BINS, distribution, distribution_figures
from train.evaluation.eval_set import DOOR, ENLARGEMENTS, MNIST, OTHER, PEN, RAW, SMALL, Exam, corrupted
from train.evaluation.goals import goals
from train.evaluation.metrics import auroc
from train.evaluation.page import generator_table, goal_table, table
from train.evaluation.tables import (
    NO_DIGIT,
    Candidate,
    Judgement,
    corruption_figures,
    enlarged_changed,
    even_fakes,
    kind_figures,
)

WILD = [corrupted("wild", strength) for strength in (1, 2, 3)]


def brightness(pictures: np.ndarray) -> np.ndarray:
    """A score that can be read off a picture."""
    means: np.ndarray = pictures.mean((1, 2), dtype=np.float32)
    return means


def by_brightness(exam: Exam) -> Candidate:
    return Candidate(lambda group, condition: brightness(exam.pictures[group, condition]))


def flat(*levels: int) -> np.ndarray:
    return np.stack([np.full((28, 28), level, np.uint8) for level in levels])


@pytest.fixture
def exam() -> Exam:
    pictures = {}
    for condition in (DOOR, RAW, *WILD):
        pictures[MNIST, condition] = flat(*range(0, 100))
        pictures["clear", condition] = flat(*range(100, 200))
    pictures["half", RAW] = flat(*range(0, 100))
    pictures["half", DOOR] = flat(*range(50, 150))
    for place, condition in enumerate(WILD):
        pictures["half", condition] = flat(*range(100 * (place == 0), 100 * (place == 0) + 100))
    return Exam(pictures, {}, [])


def test_each_condition_is_compared_with_its_own_reals(exam: Exam) -> None:
    compared = by_brightness(exam).compared("half")
    assert compared["auroc"]["value"] == auroc(np.arange(100.0), np.arange(50.0, 150))
    assert compared["auroc_pixels"] == 0.5
    # One strength of three is told, the others are not: three times the same reals against all.
    fakes = np.concatenate([np.arange(100.0, 200), *[np.arange(100.0)] * 2])
    reals = np.tile(np.arange(100.0), 3)
    assert compared["auroc_wild"]["value"] == auroc(reals, fakes)
    assert compared["auroc"]["low"] < compared["auroc"]["value"] < compared["auroc"]["high"]
    assert compared["true_positive_rate"]["value"] == 0.51


def test_a_picture_in_the_wild_stays_with_itself(exam: Exam) -> None:
    three = by_brightness(exam).at_all_strengths(["clear", "half"])
    assert three.shape == (200, 3)
    assert np.array_equal(three[0], [100, 100, 100])
    assert np.array_equal(three[150], [150, 50, 50])


def test_a_kind_is_all_its_generators_by_who_never_saw_it(exam: Exam) -> None:
    blind = Candidate(lambda *key: np.zeros(len(exam.pictures[key]), np.float32))
    kinds = {"clear": "flow", "half": "flow"}
    figures = kind_figures(kinds, {"flow": by_brightness(exam), "other": blind})
    both = np.concatenate([np.arange(100.0, 200), np.arange(50.0, 150)])
    assert figures["flow"]["auroc"]["value"] == auroc(np.arange(100.0), both)


def test_pictures_are_asked_about_once(exam: Exam) -> None:
    asked = []

    def answer(group: str, condition: str) -> np.ndarray:
        asked.append((group, condition))
        return brightness(exam.pictures[group, condition])

    candidate = Candidate(answer)
    assert np.array_equal(candidate.logits("clear", DOOR), candidate.logits("clear", DOOR))
    assert candidate.logits([MNIST, "clear"], [DOOR, RAW]).shape == (400,)
    assert asked == [("clear", DOOR), (MNIST, DOOR), (MNIST, RAW), ("clear", RAW)]


class Verdicts:
    """What a `Judgement` says, by brightness alone."""

    def __init__(self, pictures: np.ndarray) -> None:
        self.probability = sigmoid(brightness(pictures) - 100)
        self.verdict = (brightness(pictures) >= 100).astype(int)


def test_verdicts_that_enlarging_changes_are_counted_by_class() -> None:
    pictures = {}
    for group, levels in ((MNIST, (10, 20, 30, 40)), ("clear", (110, 120, 130, 140))):
        for condition in (SMALL, *ENLARGEMENTS):
            pictures[group, condition] = flat(*levels)
    pictures[MNIST, "enlarged-bicubic"] = flat(10, 20, 30, 140)

    def judge(group: str, condition: str) -> Any:
        return Verdicts(pictures[group, condition])

    changed = enlarged_changed([MNIST, "clear"], judge)
    assert changed["enlarged-bicubic"] == {"real": 0.25, "fake": 0.0}
    assert changed["enlarged-nearest"] == {"real": 0.0, "fake": 0.0}


def test_after_a_corruption_each_kind_is_asked_of_who_never_saw_it() -> None:
    pictures = {
        (group, corrupted(name, strength)): flat(*levels)
        for name in CORRUPTIONS
        for strength in STRENGTHS
        for group, levels in ((MNIST, (10, 20, 30, 140)), ("clear", (110, 120)), (OTHER, (1, 2)))
    }
    exam = Exam(pictures, {}, [])

    def judge(group: str, condition: str) -> Judgement:
        logits = brightness(pictures[group, condition])
        return Judgement(
            logits, sigmoid(logits), np.zeros((len(logits), 10), np.float32), (logits >= 100).astype(int)
        )

    rows = corruption_figures(exam, {"clear": "flow"}, {"flow": by_brightness(exam)}, judge)
    assert [(row["corruption"], row["strength"]) for row in rows] == [
        (name, strength) for name in CORRUPTIONS for strength in STRENGTHS
    ]
    for row in rows:
        assert row["auroc"] == {"flow": 0.75}
        assert set(row["verdicts"]) == {MNIST, OTHER}
        assert (row["verdicts"][MNIST]["fake"], row["verdicts"][OTHER][NO_DIGIT]) == (0.25, 1.0)


def test_an_even_mix_has_as_many_fakes_of_each() -> None:
    groups: Any = {
        name: Verdicts(flat(*levels)) for name, levels in (("a", range(9)), ("b", range(100, 109)))
    }
    mixed = even_fakes(groups, {"a": "flow", "b": "flow"}, 8)
    assert len(mixed) == 8
    assert (mixed > 0.4).sum() == 4


def test_a_distribution_is_counts_and_percentiles() -> None:
    spread = distribution(np.array([0, 0.01, 0.025, 0.5, 0.99, 1], np.float32))
    assert spread["count"] == sum(spread["bins"]) == 6
    assert (spread["bins"][0], spread["bins"][1], spread["bins"][20], spread["bins"][-1]) == (2, 1, 1, 2)
    percentiles = distribution(np.linspace(0, 1, 1001, dtype=np.float32))["percentiles"]
    assert percentiles == pytest.approx([share / 100 for share in range(101)], abs=1e-6)
    assert distribution(np.array([0.3], np.float32))["percentiles"] == pytest.approx([0.3] * 101)


def test_scores_lie_among_those_of_the_same_class(exam: Exam) -> None:
    def spread_of(exam: Exam) -> dict[str, dict[str, Any]]:
        def judge(group: str, condition: str) -> Any:
            return Verdicts(exam.pictures[group, condition])

        return distribution_figures(exam, {"clear": "flow", "half": "flow"}, judge)

    spread = spread_of(exam)
    assert {name: each["count"] for name, each in spread.items()} == {"real": 100, "fake": 200}
    assert all(len(each["bins"]) == BINS for each in spread.values())
    # Test digits are darker than 100, fakes brighter but for fifty of `half` through the door.
    assert sum(spread["real"]["bins"][BINS // 2 :]) == 0
    assert sum(spread["fake"]["bins"][: BINS // 2]) == 50
    assert spread_of(Exam({**exam.pictures, (PEN, DOOR): flat(10, 20)}, {}, []))["pen"]["count"] == 2


def test_the_published_distributions_are_of_the_published_figures() -> None:
    published = json.loads((MODELS_FOLDER / "evaluation.json").read_text())
    spread = published["distributions"]
    assert spread["real"]["count"] == published["test_digits"]
    assert spread["pen"]["count"] == published["pen_digits"]
    assert spread["fake"]["count"] == len(published["generators"]) * published["options"]["exam"]
    for each in spread.values():
        assert each["count"] == sum(each["bins"])
        assert len(each["bins"]) == BINS
        assert len(each["percentiles"]) == 101
        assert each["percentiles"] == sorted(each["percentiles"])
        assert 0 <= each["percentiles"][0] < each["percentiles"][-1] <= 1
    # Percentiles tell how many lie below a threshold, whatever the verdict; some of these are no digits.
    real = published["thresholds"]["real"]
    below = sum(value <= real for value in spread["real"]["percentiles"]) / 101
    verdicts = published["verdicts"][MNIST]
    assert verdicts["real"] <= below + 0.01
    assert below <= verdicts["real"] + verdicts["not a digit"] + 0.01


def report(auroc_unseen: float, fake: float) -> dict[str, Any]:
    unseen = {
        "auroc": {"value": auroc_unseen},
        "auroc_wild": {"value": auroc_unseen},
        "true_positive_rate": {"value": 0.7},
    }
    rows = [
        {"kind": "flow", "kind_unseen": unseen},
        {"kind": "adversarial", "kind_unseen": unseen, "member_unseen": unseen},
        {"kind": "classical", "kind_unseen": {**unseen, "auroc": {"value": 0.999}}},
    ]
    return {
        "generators": rows,
        "verdicts": {MNIST: {"fake": fake, "not a digit": 0.0}},
        "ece": {"value": 0.01},
        "digits_read": {MNIST: 0.995},
        "others_caught": {"all": 0.97},
        "enlarged_changed": {"enlarged-nearest": {"real": 0.0, "fake": 0.02}},
    }


def test_a_goal_is_the_worst_generators() -> None:
    rows = {row["what"]: row for row in goals(report(0.985, 0.002))}
    kinds = rows["AUROC, adversarial, variational or classical kind never seen"]
    assert (kinds["value"], kinds["reached"]) == (0.985, "yes")
    assert rows["AUROC, member of a seen kind never seen"]["reached"] == "no"
    assert rows["test digits with verdict fake"]["reached"] == "aim"
    assert goals(report(0.985, 0.02))[6]["reached"] == "no"
    assert rows["verdicts that enlarging changes, worst filter and class"]["reached"] == "no"
    assert not [what for what in rows if "pen" in what]
    assert len(rows) == len(goals(report(0.985, 0.002))), "two goals share a name"


def test_the_page_says_what_was_reached() -> None:
    found = report(0.985, 0.002)
    found["goals"] = goals(found)
    lines = goal_table(found).splitlines()
    assert len(lines) == 2 + len(found["goals"])
    assert "| test digits with verdict fake | 0.0020 | ≤ 0.01 | 0.003 | aim |" in lines
    assert table(("A", "B"), [("x", "1")]) == "| A | B |\n| --- | --: |\n| x | 1 |\n"


def test_the_readme_shows_the_published_report() -> None:
    published = json.loads((MODELS_FOLDER / "evaluation.json").read_text())
    readme = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
    assert published["goals"] == goals(published)
    assert goal_table(published) in readme
    assert generator_table(published) in readme
    verdicts, enlarged = published["verdicts"], published["enlarged_changed"].values()
    steps = (
        f"({published['options']['fold_steps']:,} steps of 128 pictures instead of {published['steps']:,})"
    )
    for figure in (
        f"{published['parameters']:,} parameters",
        steps,
        f"{max(each['real'] for each in enlarged):.1%} of real digits then get another verdict",
        f"{verdicts[MNIST]['fake']:.1%} of real test digits get it",
        f"{verdicts['flow']['real']:.1%} of the flow's digits get it",
        f"{verdicts[MNIST]['unsure']:.1%} of the test digits",
        f"{verdicts['printed']['unsure']:.1%} unsure",
        *(f"_threshold` ({published['thresholds'][name]:.3f})" for name in ("fake", "real")),
    ):
        assert figure.replace("%", " %", 1) in readme
