"""`python -m train evaluate` of a product: examine, and write one JSON and one page with plots."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch

from train.checkpoint import write_atomically
from train.config import DetectorConfig, GeneratorsConfig
from train.detector.train import STAGE, load_detector, load_examples, read_calibration
from train.evaluation.distributions import distribution_figures
from train.evaluation.eval_set import DOOR, MNIST, PEN, Exam, kept_exam
from train.evaluation.folds import FOLDS, MEMBERS, train_fold
from train.evaluation.goals import goals
from train.evaluation.metrics import Reliability
from train.evaluation.page import markdown
from train.evaluation.plots import Bar, save_bars, save_histograms, save_reliability
from train.evaluation.tables import (
    by_judge,
    by_tutorial,
    corruption_figures,
    generator_figures,
    judging,
    kind_figures,
    unseen_verdicts,
    verdict_figures,
)
from train.generators.build import judged_generators, load_generators
from train.run import Run
from train.tutorial.gan import load_pair

EVALUATION: Final = "evaluation.json"
PAGE: Final = "evaluation.md"
PLOTS: Final = ("reliability", "scores", "generators", "wild")


def evaluate_product(run: Run, tutorial: Run | None) -> dict[str, Any]:
    """Train what is missing of the folds, examine them and the product, and write the report into its run.

    tutorial: a run of the tutorial's pair, whose figures are to stand beside the product's.

    Returns the report, as `evaluation.json` has it; `evaluation.md` is the page, with PNGs beside it.

    Raises:
        DataError: the data cannot be had. RunError: a run is unfinished, or cannot be read or written.
    """
    config = run.config(DetectorConfig)
    torch.set_num_threads(config.threads)
    calibration, thresholds = read_calibration(run)
    detector = load_detector(config, run)
    zoo = Run(Path(config.zoo))
    judged = judged_generators(zoo)

    learnt_from = load_examples("train", config, run)
    validation = load_examples("validation", config, run)
    detectors = {
        fold: train_fold(fold, config, fold_run(run, fold), learnt_from, validation) for fold in FOLDS
    }
    generators = load_generators(zoo.config(GeneratorsConfig), zoo)
    torch.set_num_threads(config.threads)
    exam = kept_exam(run.folder / "exam.safetensors", config, generators, learnt_from.images.numpy())
    kinds = {generator.name: str(generator.kind) for generator in generators}

    judges = {
        fold: judging(each, *read_calibration(fold_run(run, fold)), exam) for fold, each in detectors.items()
    }
    judge = judging(detector, calibration, thresholds, exam)
    folds = {fold: by_judge(each) for fold, each in judges.items()}
    product = by_judge(judge)
    pair = None if tutorial is None else by_tutorial(load_pair(tutorial)[0].discriminator, exam)
    report: dict[str, Any] = {
        "options": dataclasses.asdict(config),
        "test_digits": len(exam.pictures[MNIST, DOOR]),
        "pen_digits": len(exam.pictures[PEN, DOOR]) if (PEN, DOOR) in exam.pictures else 0,
        "learnt_from": len(learnt_from.images),
        "pens_learnt_from": len(learnt_from.of(PEN)) if PEN in learnt_from.names else 0,
        "steps": Run(run.folder / STAGE).last(),
        "parameters": sum(weights.numel() for weights in detector.parameters()),
        "calibration": dataclasses.asdict(calibration),
        "thresholds": dataclasses.asdict(thresholds),
        "generators": generator_figures(exam, judged, kinds, product, folds, MEMBERS, pair),
        "kinds": kind_figures(kinds, folds),
        "corruptions": corruption_figures(exam, kinds, folds, judge),
        **verdict_figures(exam, kinds, judge),
        "verdicts_unseen": unseen_verdicts(kinds, judges),
        "distributions": distribution_figures(exam, kinds, judge),
        "seconds": seconds_of(run),
    }
    report["goals"] = goals(report)
    save_plots(run, report, exam, judge, [thresholds.real, thresholds.fake])
    write_atomically(run.folder / PAGE, markdown(report).encode())
    # Last: once it is there, all that belongs to it is.
    write_atomically(run.folder / EVALUATION, (json.dumps(report, indent=1) + "\n").encode())
    return report


def fold_run(run: Run, fold: str) -> Run:
    """The run of the detector that never saw a kind, or some members."""
    return Run(run.folder / f"without-{fold}")


def seconds_of(run: Run) -> dict[str, float]:
    """What each stage took, as its files say."""
    stages = {STAGE: Run(run.folder / STAGE), **{fold: fold_run(run, fold) for fold in FOLDS}}
    return {name: stage.load(stage.last())[1]["seconds"] for name, stage in stages.items()}


def save_plots(run: Run, report: Mapping[str, Any], exam: Exam, judge: Any, thresholds: list[float]) -> None:
    """`PLOTS` as PNG beside the page."""
    reliability, scores, generators, wild = (run.folder / f"evaluation-{name}.png" for name in PLOTS)
    save_reliability(reliability, {"product": Reliability(**report["reliability"])})
    shown = {"test digits": MNIST, "pen digits": PEN, "conditional GAN": "conditional_gan", "flow": "flow"}
    save_histograms(
        scores,
        {
            label: judge(name, DOOR).probability
            for label, name in shown.items()
            if (name, DOOR) in exam.pictures
        },
        thresholds,
    )
    for path, figure, label in (
        (generators, "auroc", "AUROC by a detector that never saw the kind"),
        (wild, "auroc_wild", "the same, enlarged, on a canvas, JPEG 50 to 95"),
    ):
        bars = [
            Bar(
                row["name"],
                row["kind"],
                *(row["kind_unseen"][figure][key] for key in ("value", "low", "high")),
            )
            for row in report["generators"]
        ]
        save_bars(path, bars, label)
