"""What the product set out to reach, and whether it did, as its report says."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from train.evaluation.eval_set import MNIST, PEN

HARD: Final = ("flow", "autoregressive")
"""Kinds whose digits are the hardest to tell when they are well made."""


def goals(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows of `what`, `value`, `at_least` or `at_most`, `aim`, and whether each is `reached`.

    A figure on the never-seen is the worst generator's, not the kind's as a whole.
    """
    rows = []
    for what, value, limit, aim, better in wishes(report):
        met = value >= limit if better == "more" else value <= limit
        beyond = value >= aim if better == "more" else value <= aim
        rows.append(
            {
                "what": what,
                "value": value,
                "at_least" if better == "more" else "at_most": limit,
                "aim": aim,
                "reached": "aim" if beyond else "yes" if met else "no",
            }
        )
    return rows


def wishes(report: Mapping[str, Any]) -> Iterator[tuple[str, float, float, float, str]]:
    """What, its value, the limit, the aim, and which is better: more or less."""
    rows = report["generators"]

    def worst(who: str, figure: str, hard: bool | None = None) -> float:
        values = [
            row[who][figure]["value"]
            for row in rows
            if who in row and (hard is None or (row["kind"] in HARD) == hard)
        ]
        return float(min(values))

    yield "AUROC, member of a seen kind never seen", worst("member_unseen", "auroc"), 0.99, 0.999, "more"
    yield (
        "AUROC, member of a seen kind never seen, in the wild",
        worst("member_unseen", "auroc_wild"),
        0.97,
        0.995,
        "more",
    )
    yield (
        "AUROC, adversarial, variational or classical kind never seen",
        worst("kind_unseen", "auroc", hard=False),
        0.98,
        0.995,
        "more",
    )
    yield (
        "AUROC, flow or autoregressive kind never seen",
        worst("kind_unseen", "auroc", hard=True),
        0.95,
        0.99,
        "more",
    )
    yield (
        "AUROC, flow or autoregressive kind never seen, in the wild",
        worst("kind_unseen", "auroc_wild", hard=True),
        0.88,
        0.96,
        "more",
    )
    yield (
        "fakes told at 1 % false alarms, worst generator of a kind never seen",
        worst("kind_unseen", "true_positive_rate"),
        0.65,
        0.9,
        "more",
    )
    yield "test digits with verdict fake", report["verdicts"][MNIST]["fake"], 0.01, 0.003, "less"
    if PEN in report["verdicts"]:
        yield (
            "pen digits of new writers with verdict fake",
            report["verdicts"][PEN]["fake"],
            0.01,
            0.003,
            "less",
        )
    yield "ECE on an even mix of reals and seen fakes", report["ece"]["value"], 0.015, 0.005, "less"
    yield "test digits read right", report["digits_read"][MNIST], 0.994, 0.997, "more"
    yield "non-digits caught", report["others_caught"]["all"], 0.95, 0.99, "more"
    yield "test digits refused as no digit", report["verdicts"][MNIST]["not a digit"], 0.01, 0.005, "less"
    changed = [share for by_class in report["enlarged_changed"].values() for share in by_class.values()]
    yield "verdicts that enlarging changes, worst filter and class", max(changed), 0.01, 0.003, "less"
