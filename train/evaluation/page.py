"""The report as a page: Markdown tables, and the plots beside it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from train.evaluation.eval_set import MNIST, OTHER, PEN
from train.evaluation.tables import NO_DIGIT, ROUNDS

GONE: Final = "—"


def markdown(report: Mapping[str, Any]) -> str:
    """The page of a report of `evaluate_product`."""
    return "\n".join(
        [
            "# How far the number can be trusted\n",
            f"{report['test_digits']:,} MNIST test digits, {report['pen_digits']:,} pen digits of new "
            f"writers; intervals hold 95 % of {ROUNDS} resamplings.\n",
            "## Goals\n",
            goal_table(report),
            "## Generators\n",
            "Through the one door. *Kind unseen*: by a detector that learnt from no generator of the kind; "
            "*member unseen*: that learnt from others of the kind; *seen*: by the product.\n",
            generator_table(report),
            "![AUROC](evaluation-generators.png)\n",
            "![AUROC in the wild](evaluation-wild.png)\n",
            "## After corruptions\n",
            "AUROC of each kind by a detector that never saw it, and verdicts of the product. All but the "
            "widest canvas and the strongest noise happens to what is learnt from, too.\n",
            corruption_table(report),
            "## Verdicts of the product\n",
            verdict_table(report["verdicts"]),
            "## Verdicts on the never-seen\n",
            "Each by the detector that learnt from no generator of the kind, by thresholds of its own.\n",
            *(verdict_table(shares) for shares in report["verdicts_unseen"].values()),
            "![Scores](evaluation-scores.png)\n",
            "## Do the percentages hold?\n",
            f"ECE {with_range(report['ece'], '.4f')}, 15 bins of equal mass, as many fakes as reals.\n",
            "![Reliability](evaluation-reliability.png)\n",
            "## Digits and non-digits\n",
            small_table("Read right", report["digits_read"]),
            small_table("Caught", report["others_caught"]),
            "## Enlarged 2 to 20 times: verdicts changed\n",
            table(
                ("Filter", "Real", "Fake"),
                (
                    (name, format(each["real"], ".2%"), format(each["fake"], ".2%"))
                    for name, each in report["enlarged_changed"].items()
                ),
            ),
        ]
    )


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the first column is text, the others are numbers."""
    rules = ["---", *["--:"] * (len(headings) - 1)]
    return "".join(f"| {' | '.join(line)} |\n" for line in (headings, rules, *rows))


def small_table(heading: str, shares: Mapping[str, float]) -> str:
    return table(("Group", heading), ((name, format(share, ".2%")) for name, share in shares.items()))


def with_range(figure: Mapping[str, float], form: str) -> str:
    """A figure with its interval."""
    return f"{figure['value']:{form}} ({figure['low']:{form}} to {figure['high']:{form}})"


def goal_table(report: Mapping[str, Any]) -> str:
    rows = [
        (
            row["what"],
            f"{row['value']:.4f}",
            f"≥ {row['at_least']}" if "at_least" in row else f"≤ {row['at_most']}",
            f"{row['aim']}",
            row["reached"],
        )
        for row in report["goals"]
    ]
    return table(("What, through the one door", "Measured", "Limit", "Aim", "Reached"), rows)


def generator_table(report: Mapping[str, Any]) -> str:
    headings = (
        "Generator",
        "Fréchet",
        "Wanted digit",
        "Ruler",
        "Kind unseen",
        "TPR at 1 %",
        "as large",
        "raw pixels",
        "wild",
        "Member unseen",
        "wild",
        "Preprocessed",
        "wild",
        "Tutorial",
    )
    rows = []
    for row in report["generators"]:
        unseen, seen, member, tutorial = (
            row.get(who) for who in ("kind_unseen", "seen", "member_unseen", "tutorial")
        )
        alike = row["as_large"]["kind_unseen"]
        rows.append(
            (
                f"{row['name']} ({row['kind']})",
                f"{row['frechet']:.2f}",
                GONE if row["wanted_digit"] is None else f"{row['wanted_digit']:.1%}",
                f"{row['ruler']:.3f}",
                with_range(unseen["auroc"], ".4f"),
                f"{unseen['true_positive_rate']['value']:.3f}",
                GONE if alike is None else f"{alike:.4f}",
                f"{unseen['auroc_pixels']:.4f}",
                f"{unseen['auroc_wild']['value']:.4f}",
                GONE if member is None else f"{member['auroc']['value']:.4f}",
                GONE if member is None else f"{member['auroc_wild']['value']:.4f}",
                f"{seen['auroc']['value']:.4f}",
                f"{seen['auroc_wild']['value']:.4f}",
                GONE if tutorial is None else f"{tutorial['auroc']['value']:.4f}",
            )
        )
    return table(headings, rows)


def corruption_table(report: Mapping[str, Any]) -> str:
    kinds = list(report["corruptions"][0]["auroc"])
    verdicts = {
        "Test digits called fake": (MNIST, "fake"),
        "called no digit": (MNIST, NO_DIGIT),
        "Pen digits called fake": (PEN, "fake"),
        "Non-digits caught": (OTHER, NO_DIGIT),
    }
    there = report["corruptions"][0]["verdicts"]
    shown = {title: key for title, key in verdicts.items() if key[0] in there}
    rows = [
        (
            f"{row['corruption']} {row['range'][0]:g} to {row['range'][1]:g}",
            *(f"{row['auroc'][kind]:.4f}" for kind in kinds),
            *(f"{row['verdicts'][group][verdict]:.2%}" for group, verdict in shown.values()),
        )
        for row in report["corruptions"]
    ]
    return table(("Corruption", *kinds, *shown), rows)


def verdict_table(verdicts: Mapping[str, Mapping[str, float]]) -> str:
    names = list(next(iter(verdicts.values())))
    rows = [(group, *(format(shares[name], ".2%") for name in names)) for group, shares in verdicts.items()]
    return table(("Group", *names), rows)
