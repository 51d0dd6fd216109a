"""The report as a Markdown page, and the goals that it is compared with."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from train.data.dataset import MNIST, PEN
from train.evaluation.tables import NOT_A_DIGIT, ROUNDS, VERDICTS

HARD: Final = ("flow", "autoregressive")
"""Kinds whose digits are the hardest to tell when they are well made."""


def goals(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return rows of `what`, `value`, `at_least` or `at_most`, `aim`, and whether each is `reached`.

    A figure on unseen generators is that of the worst one, not of its kind as a whole.
    """

    def worst(detector: str, figure: str, hard: bool | None = None) -> float:
        return min(
            float(row[detector][figure]["value"])
            for row in report["generators"]
            if detector in row and (hard is None or (row["kind"] in HARD) == hard)
        )

    verdicts, changed = report["verdicts"], report["enlarged_changed"].values()
    member = "AUROC, member of a seen kind never seen"
    easy = "AUROC, adversarial, variational or classical kind never seen"
    hard = "AUROC, flow or autoregressive kind never seen"
    told = "fakes told at 1 % false alarms, worst generator of a kind never seen"
    # Name, as in the published record; value; limit; aim. The aim is the better one of the two.
    measured = [
        (member, worst("member_unseen", "auroc"), 0.99, 0.999),
        (f"{member}, in the wild", worst("member_unseen", "auroc_wild"), 0.97, 0.995),
        (easy, worst("kind_unseen", "auroc", hard=False), 0.98, 0.995),
        (hard, worst("kind_unseen", "auroc", hard=True), 0.95, 0.99),
        (f"{hard}, in the wild", worst("kind_unseen", "auroc_wild", hard=True), 0.88, 0.96),
        (told, worst("kind_unseen", "true_positive_rate"), 0.65, 0.9),
        ("test digits with verdict fake", verdicts[MNIST]["fake"], 0.01, 0.003),
    ]
    if PEN in verdicts:
        measured.append(("pen digits of new writers with verdict fake", verdicts[PEN]["fake"], 0.01, 0.003))
    largest_change = max(share for by_class in changed for share in by_class.values())
    measured += [
        ("ECE on an even mix of reals and seen fakes", report["ece"]["value"], 0.015, 0.005),
        ("test digits read right", report["digits_read"][MNIST], 0.994, 0.997),
        ("non-digits caught", report["others_caught"]["all"], 0.95, 0.99),
        ("test digits refused as no digit", verdicts[MNIST][NOT_A_DIGIT], 0.01, 0.005),
        ("verdicts that enlarging changes, worst filter and class", largest_change, 0.01, 0.003),
    ]
    return [goal(*each) for each in measured]


def goal(what: str, value: float, limit: float, aim: float) -> dict[str, Any]:
    """Return one row of `goals`; more is better where the aim is above the limit."""
    sign = 1 if aim > limit else -1
    reached = "aim" if sign * value >= sign * aim else "yes" if sign * value >= sign * limit else "no"
    bound = "at_least" if aim > limit else "at_most"
    return {"what": what, "value": value, bound: limit, "aim": aim, "reached": reached}


def markdown(report: Mapping[str, Any]) -> str:
    """Return the page of a report by `evaluate_detector`: the main figures of `evaluation.json`."""
    verdicts = {**report["verdicts"]}
    verdicts |= {f"{name}, photographed": each for name, each in report["verdicts_photographed"].items()}
    for kind, groups in report["verdicts_unseen"].items():
        verdicts |= {f"{name}, without {kind}": shares for name, shares in groups.items()}
    return "\n".join(
        [
            "# Evaluation of the detector\n",
            f"{report['test_digits']:,} MNIST test digits and {report['pen_digits']:,} pen digits of new "
            f"writers; 95 % intervals from {ROUNDS} bootstrap rounds. `evaluation.json` has all figures.\n",
            "## Goals\n",
            goal_table(report["goals"]),
            "## Generators\n",
            "AUROC on normalized pictures. *Kind unseen*: by a detector trained without any generator of the "
            "kind; *same side*: on fakes whose longest side is a real digit's; *oracle*: by a small detector "
            "trained on that generator alone; *side alone*: by that side.\n",
            generator_table(report["generators"]),
            "![AUROC](evaluation-generators.png)\n",
            "![AUROC after the combined corruption](evaluation-wild.png)\n",
            "## Verdicts\n",
            "By the detector, and by those that were trained without a kind, with their own thresholds.\n",
            table(
                ("Group", *VERDICTS),
                [
                    (group, *(f"{shares[name]:.2%}" for name in VERDICTS))
                    for group, shares in verdicts.items()
                ],
            ),
            "![Scores](evaluation-scores.png)\n",
            "![Reliability](evaluation-reliability.png)\n",
        ]
    )


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; the first column is text, the others are numbers."""
    rules = ["---", *["--:"] * (len(headings) - 1)]
    return "".join(f"| {' | '.join(line)} |\n" for line in (headings, rules, *rows))


def goal_table(rows: Iterable[Mapping[str, Any]]) -> str:
    return table(
        ("Goal, on normalized pictures", "Measured", "Limit", "Aim", "Reached"),
        [
            (
                row["what"],
                f"{row['value']:.4f}",
                f"≥ {row['at_least']}" if "at_least" in row else f"≤ {row['at_most']}",
                f"{row['aim']}",
                row["reached"],
            )
            for row in rows
        ],
    )


def generator_table(rows: Iterable[Mapping[str, Any]]) -> str:
    return table(
        (
            "Generator",
            "Seen",
            "corrupted",
            "Kind unseen",
            "corrupted",
            "TPR at 1 %",
            "same side",
            "Oracle",
            "Side alone",
        ),
        [
            (
                f"{row['name']} ({row['kind']})",
                *(
                    f"{row[detector][figure]['value']:.4f}"
                    for detector, figure in (
                        ("seen", "auroc"),
                        ("seen", "auroc_wild"),
                        ("kind_unseen", "auroc"),
                        ("kind_unseen", "auroc_wild"),
                        ("kind_unseen", "true_positive_rate"),
                    )
                ),
                "—" if row["as_large"]["kind_unseen"] is None else f"{row['as_large']['kind_unseen']:.4f}",
                f"{row['oracle']:.4f}",
                f"{row['ruler']:.4f}",
            )
            for row in rows
        ],
    )
