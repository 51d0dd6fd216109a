"""The report as a Markdown page, and the goals that it is compared with."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from train.data.dataset import MNIST, NON_DIGIT, PEN
from train.evaluation.tables import NOT_A_DIGIT, ROUNDS

MISSING: Final = "—"
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
    # Name, as in the published record; value; limit; aim. The aim is the better one of the two.
    measured = [
        ("AUROC, member of a seen kind never seen", worst("member_unseen", "auroc"), 0.99, 0.999),
        (
            "AUROC, member of a seen kind never seen, in the wild",
            worst("member_unseen", "auroc_wild"),
            0.97,
            0.995,
        ),
        (
            "AUROC, adversarial, variational or classical kind never seen",
            worst("kind_unseen", "auroc", hard=False),
            0.98,
            0.995,
        ),
        (
            "AUROC, flow or autoregressive kind never seen",
            worst("kind_unseen", "auroc", hard=True),
            0.95,
            0.99,
        ),
        (
            "AUROC, flow or autoregressive kind never seen, in the wild",
            worst("kind_unseen", "auroc_wild", hard=True),
            0.88,
            0.96,
        ),
        (
            "fakes told at 1 % false alarms, worst generator of a kind never seen",
            worst("kind_unseen", "true_positive_rate"),
            0.65,
            0.9,
        ),
        ("test digits with verdict fake", verdicts[MNIST]["fake"], 0.01, 0.003),
    ]
    if PEN in verdicts:
        measured.append(("pen digits of new writers with verdict fake", verdicts[PEN]["fake"], 0.01, 0.003))
    measured += [
        ("ECE on an even mix of reals and seen fakes", report["ece"]["value"], 0.015, 0.005),
        ("test digits read right", report["digits_read"][MNIST], 0.994, 0.997),
        ("non-digits caught", report["others_caught"]["all"], 0.95, 0.99),
        ("test digits refused as no digit", verdicts[MNIST][NOT_A_DIGIT], 0.01, 0.005),
        (
            "verdicts that enlarging changes, worst filter and class",
            max(share for by_class in changed for share in by_class.values()),
            0.01,
            0.003,
        ),
    ]
    return [goal(*each) for each in measured]


def goal(what: str, value: float, limit: float, aim: float) -> dict[str, Any]:
    """Return one row of `goals`; more is better where the aim is above the limit."""
    sign = 1 if aim > limit else -1
    reached = "aim" if sign * value >= sign * aim else "yes" if sign * value >= sign * limit else "no"
    bound = "at_least" if aim > limit else "at_most"
    return {"what": what, "value": value, bound: limit, "aim": aim, "reached": reached}


def markdown(report: Mapping[str, Any]) -> str:
    """Return the page of a report by `evaluate_detector`."""
    return "\n".join(
        [
            "# Evaluation of the detector\n",
            f"{report['test_digits']:,} MNIST test digits and {report['pen_digits']:,} pen digits of new "
            f"writers; 95 % intervals from {ROUNDS} bootstrap rounds.\n",
            "## Goals\n",
            goal_table(report),
            "## Generators\n",
            "All pictures are normalized. *Kind unseen*: by a detector trained without any generator of "
            "the kind; *member unseen*: trained on other generators of the kind; *seen*: by the detector.\n",
            generator_table(report),
            "![AUROC](evaluation-generators.png)\n",
            "![AUROC after the combined corruption](evaluation-wild.png)\n",
            "## Corruptions\n",
            "AUROC of each kind by a detector that never saw it, and verdicts of the detector. Training "
            "covers all of these but the widest canvas and the strongest noise.\n",
            corruption_table(report),
            "## Verdicts of the detector\n",
            verdict_table(report["verdicts"]),
            "## Verdicts on unseen generators\n",
            "Each by the detector trained without any generator of the kind, with its own thresholds.\n",
            *(verdict_table(shares) for shares in report["verdicts_unseen"].values()),
            "![Scores](evaluation-scores.png)\n",
            "## Calibration\n",
            f"ECE {with_range(report['ece'], '.4f')}, 15 bins of equal mass, as many fakes as reals.\n",
            "![Reliability](evaluation-reliability.png)\n",
            "## Digits and non-digits\n",
            small_table("Read correctly", report["digits_read"]),
            small_table("Recognised as non-digits", report["others_caught"]),
            "## Verdicts changed by enlarging 2 to 20 times\n",
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
    """Return a Markdown table; the first column is text, the others are numbers."""
    rules = ["---", *["--:"] * (len(headings) - 1)]
    return "".join(f"| {' | '.join(line)} |\n" for line in (headings, rules, *rows))


def small_table(heading: str, shares: Mapping[str, float]) -> str:
    return table(("Group", heading), ((name, format(share, ".2%")) for name, share in shares.items()))


def with_range(figure: Mapping[str, float], form: str) -> str:
    """Format a figure with its interval."""
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
    return table(("Goal, on normalized pictures", "Measured", "Limit", "Aim", "Reached"), rows)


def generator_table(report: Mapping[str, Any]) -> str:
    headings = (
        "Generator",
        "Fréchet",
        "Wanted digit",
        "Side alone",
        "Kind unseen",
        "TPR at 1 %",
        "same side",
        "raw pixels",
        "corrupted",
        "Member unseen",
        "corrupted",
        "Seen",
        "corrupted",
        "Tutorial",
    )

    def value(figures: Mapping[str, Any] | None, name: str) -> str:
        return MISSING if figures is None else f"{figures[name]['value']:.4f}"

    rows = []
    for row in report["generators"]:
        unseen, member = row["kind_unseen"], row.get("member_unseen")
        same_side = row["as_large"]["kind_unseen"]
        rows.append(
            (
                f"{row['name']} ({row['kind']})",
                f"{row['frechet']:.2f}",
                MISSING if row["wanted_digit"] is None else f"{row['wanted_digit']:.1%}",
                f"{row['ruler']:.3f}",
                with_range(unseen["auroc"], ".4f"),
                f"{unseen['true_positive_rate']['value']:.3f}",
                MISSING if same_side is None else f"{same_side:.4f}",
                f"{unseen['auroc_pixels']:.4f}",
                value(unseen, "auroc_wild"),
                value(member, "auroc"),
                value(member, "auroc_wild"),
                value(row["seen"], "auroc"),
                value(row["seen"], "auroc_wild"),
                value(row.get("tutorial"), "auroc"),
            )
        )
    return table(headings, rows)


def corruption_table(report: Mapping[str, Any]) -> str:
    kinds = list(report["corruptions"][0]["auroc"])
    verdicts = {
        "Test digits called fake": (MNIST, "fake"),
        "called not a digit": (MNIST, NOT_A_DIGIT),
        "Pen digits called fake": (PEN, "fake"),
        "Non-digits recognised": (NON_DIGIT, NOT_A_DIGIT),
    }
    groups = report["corruptions"][0]["verdicts"]
    shown = {title: key for title, key in verdicts.items() if key[0] in groups}
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
