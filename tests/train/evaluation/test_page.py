"""The goals and the report's page, and the published report."""

import json
from typing import Any

from demo.inference.engine import MODELS_FOLDER
from train.data.dataset import MNIST
from train.evaluation.page import goals


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


def test_a_goal_is_measured_on_the_worst_generator() -> None:
    rows = {row["what"]: row for row in goals(report(0.985, 0.002))}
    kinds = rows["AUROC, adversarial, variational or classical kind never seen"]
    assert (kinds["value"], kinds["reached"]) == (0.985, "yes")
    assert rows["AUROC, member of a seen kind never seen"]["reached"] == "no"
    assert rows["test digits with verdict fake"]["reached"] == "aim"
    assert goals(report(0.985, 0.02))[6]["reached"] == "no"
    assert rows["verdicts that enlarging changes, worst filter and class"]["reached"] == "no"
    assert not [what for what in rows if "pen" in what]
    assert len(rows) == len(goals(report(0.985, 0.002))), "two goals share a name"


def test_the_published_report_is_consistent() -> None:
    published = json.loads((MODELS_FOLDER / "evaluation.json").read_text())
    assert published["goals"] == goals(published)
    spread = published["distributions"]
    assert spread["real"]["count"] == published["test_digits"]
    assert spread["pen"]["count"] == published["pen_digits"]
    assert all(each["count"] == sum(each["bins"]) for each in spread.values())
