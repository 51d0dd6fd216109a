"""Evaluate a detector, also on generators that it never saw, and write one JSON and one page with plots."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

import torch

from train.checkpoint import write_atomically, write_json
from train.config import DetectorConfig
from train.data import mnist
from train.data.dataset import MNIST, NORMALIZED, PEN, PictureSet, kept_set
from train.detector.folds import folds_of
from train.detector.train import (
    STAGE,
    fold_run,
    load_detector,
    load_examples,
    load_network,
    read_calibration,
    train_oracle,
)
from train.evaluation.eval_set import make_eval_set
from train.evaluation.page import goals, markdown
from train.evaluation.plots import save_bars, save_histograms, save_reliability
from train.evaluation.tables import (
    Predictor,
    compared,
    corruption_figures,
    distribution_figures,
    generator_figures,
    predictor_of,
    scorer_of,
    tutorial_scorer,
    verdict_figures,
)
from train.generators.trained import offered_generators, trained_families
from train.normalize import VERSION as NORMALIZER_VERSION
from train.processes import Workers
from train.run import Run
from train.tutorial.gan import load_pair

EVALUATION: Final = "evaluation.json"
PAGE: Final = "evaluation.md"
PLOTS: Final = ("reliability", "scores", "generators", "wild")
EVAL_SET: Final = "eval_set.safetensors"


def evaluate_detector(run: Run, tutorial: Run | None) -> dict[str, Any]:
    """Train the missing oracles, evaluate them, a detector and its folds, and write the report.

    tutorial: a run of the tutorial to compare with.

    Returns the report, the content of `evaluation.json`; `evaluation.md` is the page, with PNGs beside it.

    Raises:
        DataError: a data set is missing. RunError: a run is unfinished, or cannot be read or written.
    """
    config = run.config(DetectorConfig)
    torch.set_num_threads(config.threads)
    calibration, thresholds = read_calibration(run)
    detector = load_detector(config, run)
    training = load_examples("train", config, run)
    folds = folds_of(training.kinds)

    def make() -> PictureSet:
        known, _ = mnist.hold_out(mnist.load(config.dataset, "train"))
        generators = offered_generators(trained_families(config, known))
        with Workers(config.jobs) as workers:
            return make_eval_set(config, generators, [training.together().images.numpy()], workers)

    eval_set = kept_set(run.folder / EVAL_SET, make)
    kinds = eval_set.kinds
    members = {
        kind: [name for name in kinds if kinds[name] == kind] for kind in dict.fromkeys(kinds.values())
    }

    stages = {STAGE: Run(run.folder / STAGE), **{fold: fold_run(run, fold) for fold in folds}}
    predictors = {
        name: predictor_of(load_network(config, stage), calibration, thresholds, eval_set)
        for name, stage in stages.items()
    }
    predict = predictors[STAGE]
    oracles = {
        name: train_oracle(name, training, config, Run(run.folder / "oracles" / name)) for name in kinds
    }
    scorers = {name: scorer_of(each) for name, each in predictors.items()}
    pair = None if tutorial is None else tutorial_scorer(load_pair(tutorial)[0].discriminator, eval_set)
    report: dict[str, Any] = {
        "options": dataclasses.asdict(config),
        "test_digits": len(eval_set.images[MNIST, NORMALIZED]),
        "pen_digits": len(eval_set.images.get((PEN, NORMALIZED), ())),
        "learnt_from": sum(map(len, training.labels.values())),
        "pens_learnt_from": len(training.images.get((PEN, NORMALIZED), ())),
        "steps": stages[STAGE].last(),
        "normalizer_version": NORMALIZER_VERSION,
        "parameters": sum(weights.numel() for weights in detector.parameters()),
        "calibration": dataclasses.asdict(calibration),
        "thresholds": dataclasses.asdict(thresholds),
        "generators": generator_figures(eval_set, kinds, scorers[STAGE], scorers, oracles, pair),
        # Figures of each kind's generators together, by the detector that was trained without the kind.
        "kinds": {kind: compared(scorers[kind], names) for kind, names in members.items()},
        "corruptions": corruption_figures(eval_set, members, scorers, predict),
        **verdict_figures(eval_set, kinds, predict),
        # Likewise.
        "verdicts_unseen": {
            kind: {name: predictors[kind](name, NORMALIZED).shares() for name in (MNIST, *names)}
            for kind, names in members.items()
        },
        "distributions": distribution_figures(eval_set, kinds, predict),
        "seconds": {name: each.load(each.last())[1]["seconds"] for name, each in stages.items()},
    }
    report["goals"] = goals(report)
    save_plots(run, report, eval_set, predict, [thresholds.real, thresholds.fake])
    write_atomically(run.folder / PAGE, markdown(report).encode())
    # Last: once the report exists, everything that belongs to it does too.
    write_json(run.folder / EVALUATION, report)
    return report


def save_plots(
    run: Run, report: Mapping[str, Any], eval_set: PictureSet, predict: Predictor, thresholds: list[float]
) -> None:
    """Save `PLOTS` as PNG beside the page."""
    reliability, scores, generators, combined = (run.folder / f"evaluation-{name}.png" for name in PLOTS)
    save_reliability(reliability, report["reliability"])
    groups = {"test digits": MNIST, "pen digits": PEN, "conditional GAN": "conditional_gan", "flow": "flow"}
    save_histograms(
        scores,
        {
            label: predict(name, NORMALIZED).probability
            for label, name in groups.items()
            if (name, NORMALIZED) in eval_set.images
        },
        thresholds,
    )
    rows = report["generators"]
    save_bars(generators, rows, "auroc", "AUROC by a detector that never saw the kind")
    save_bars(combined, rows, "auroc_wild", "the same, enlarged, on a canvas, JPEG 50 to 95")
