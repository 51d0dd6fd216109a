"""`python -m train evaluate` of a distilled run: the same examination as its teacher's, side by side."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from train.checkpoint import write_atomically
from train.config import DetectorConfig, DistilConfig
from train.detector.train import STAGE, load_detector, load_examples, read_calibration
from train.errors import RunError
from train.evaluation.eval_set import DOOR, MNIST, kept_exam
from train.evaluation.metrics import auroc
from train.evaluation.report import EVALUATION
from train.evaluation.tables import Candidate, Judgement, by_judge, judging, verdict_figures
from train.run import Run


def evaluate_distilled(run: Run) -> dict[str, Any]:
    """Examine a distilled detector and its teacher, and write the report into its run.

    Returns the report, as `evaluation.json` has it.

    Raises:
        RunError: a run is unfinished, the teacher was not evaluated, or something cannot be read or written.
    """
    config = run.config(DistilConfig)
    torch.set_num_threads(config.threads)
    teacher = Run(Path(config.teacher))
    product = teacher.config(DetectorConfig)
    path = teacher.folder / "exam.safetensors"
    if not path.exists():
        raise RunError(
            f"{teacher.folder} has no exam; make it with `python -m train evaluate {teacher.folder}` first."
        )
    exam = kept_exam(path, product, [], np.empty((0, 28, 28), np.uint8))
    kinds = load_examples("validation", product, teacher).kinds
    detector = load_detector(config, run)
    calibration, thresholds = read_calibration(run)
    judge = judging(detector, calibration, thresholds, exam)
    reference = judging(load_detector(product, teacher), *read_calibration(teacher), exam)
    report: dict[str, Any] = {
        "options": dataclasses.asdict(config),
        "steps": Run(run.folder / STAGE).last(),
        "parameters": sum(weights.numel() for weights in detector.parameters()),
        "calibration": dataclasses.asdict(calibration),
        "thresholds": dataclasses.asdict(thresholds),
        "generators": generators_beside(list(kinds), judge, reference),
        **verdict_figures(exam, kinds, judge),
    }
    write_atomically(run.folder / EVALUATION, (json.dumps(report, indent=1) + "\n").encode())
    return report


def generators_beside(
    names: list[str],
    judge: Callable[[str, str], Judgement],
    reference: Callable[[str, str], Judgement],
) -> list[dict[str, Any]]:
    """A row for each generator: AUROC through the door and in the wild, and the teacher's of the same."""
    small, large = by_judge(judge), by_judge(reference)
    return [{"name": name, **aurocs(small, name), "teacher": aurocs(large, name)} for name in names]


def aurocs(candidate: Candidate, name: str) -> dict[str, float]:
    """A generator's digits against the test digits, through the door and in the wild."""
    wild_reals, wild_fakes = candidate.at_all_strengths(MNIST), candidate.at_all_strengths(name)
    return {
        "auroc": auroc(candidate.logits(MNIST, DOOR), candidate.logits(name, DOOR)),
        "auroc_wild": auroc(wild_reals.ravel(), wild_fakes.ravel()),
    }
