"""Train the detector in stages: pictures, network, folds, calibration. Each is kept and never repeated."""

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch.optim.swa_utils import AveragedModel

from train.checkpoint import unprefixed, write_json
from train.config import DetectorConfig
from train.data import mnist
from train.data.artifacts import artifact_generators
from train.data.dataset import (
    AUGMENTED,
    MNIST,
    NORMALIZED,
    PEN,
    PHOTOGRAPHED,
    STYLED,
    PictureSet,
    kept_set,
    make_examples,
)
from train.data.splits import Split
from train.detector.calibrate import Calibration, Thresholds, calibrate, choose_thresholds
from train.detector.feed import Pool, feed
from train.detector.folds import KINDS, folds_of, left_out
from train.detector.learner import ClassWeights, DetectorLearner
from train.detector.model import Detector, scores_of
from train.errors import RunError
from train.evaluation.metrics import auroc
from train.generators.decoders import DECODERS, decoder_generators
from train.generators.reconstructions import reconstruction_generators
from train.generators.trained import offered_generators, source_of_fakes, trained_families
from train.loop import Schedule, run_loop, run_steps
from train.processes import Workers
from train.run import Run

STAGE: Final = "detector"
CALIBRATION: Final = "calibration.json"
CYCLES: Final = 2
"""Of the learning rate: one on pictures as they are, one on augmented ones, too."""


def train_detector(config: DetectorConfig, run: Run) -> None:
    """Make the examples, train the network and those of the folds, calibrate; finished stages are skipped.

    Raises:
        DataError, RunError: the data set or the generators are missing, or the folder cannot be written.
    """
    torch.set_num_threads(config.threads)
    examples = load_examples("train", config, run)
    learner = fit(examples, config.steps, config, Run(run.folder / STAGE))
    folds = {
        fold: train_fold(fold, examples, config, fold_run(run, fold)) for fold in folds_of(examples.kinds)
    }
    if not (run.folder / CALIBRATION).exists():
        validation = load_examples("validation", config, run)
        write_json(run.folder / CALIBRATION, calibration_figures(learner.deployed, folds, validation))


def load_examples(split: Split, config: DetectorConfig, run: Run) -> PictureSet:
    """Return the training or validation examples, made first if they do not exist.

    Real validation digits are the held-out sixth of the training set.
    """

    def make() -> PictureSet:
        known, held_out = mnist.hold_out(mnist.load(config.dataset, "train"))
        families = trained_families(config, known)
        generators = offered_generators(families)
        if split == "train":
            generators += reconstruction_generators(families, known)
            generators += artifact_generators(known.first(config.reals))
            source = source_of_fakes(config)
            # Runs of earlier versions have none.
            if (source.folder / DECODERS).exists():
                generators += decoder_generators(source, known, split)
        reals = (known if split == "train" else held_out).first(config.reals)
        with Workers(config.jobs) as workers:
            return make_examples(split, reals, generators, config, workers)

    return kept_set(run.folder / f"examples-{split}.safetensors", make)


def fit(examples: PictureSet, steps: int, config: DetectorConfig, run: Run) -> DetectorLearner:
    """Train a detector on the examples for `steps` steps."""
    device = torch.device(config.device)
    pool = Pool.of(examples)
    weights = pool.class_weights
    learner = DetectorLearner(steps, config.seed, weights, device, config.widths, config.precision, CYCLES)
    schedule = Schedule(steps, config.batch_size, [steps], config)
    with Workers(config.jobs) as workers:

        def learn(start: int) -> Iterator[torch.Tensor]:
            for images, codes, pairs in feed(pool, schedule, workers, start):
                yield learner.step(images.to(device), codes.to(device), pairs)

        run_steps(learner, learn, schedule, run)
    return learner


def train_fold(fold: str, examples: PictureSet, config: DetectorConfig, run: Run) -> Detector:
    """Train a detector without a fold's generators for `config.fold_steps` steps; run: the fold's own."""
    known = examples.without(left_out(fold, examples.kinds))
    return fit(known, config.fold_steps, config, run).deployed


def train_oracle(name: str, examples: PictureSet, config: DetectorConfig, run: Run) -> Detector:
    """Train a detector to tell MNIST's digits from one generator's alone, as they are; run: its own."""
    digits = examples.without(examples.labels.keys() - {MNIST, name}).together()
    steps, device = config.oracle_steps, torch.device(config.device)
    learner = DetectorLearner(
        steps, config.seed, ClassWeights.of(digits.labels), device, config.widths, config.precision
    )
    run_loop(learner, digits, Schedule(steps, config.batch_size, [steps], config), run)
    return learner.deployed


def fold_run(run: Run, fold: str) -> Run:
    """Return the run of a fold's detector in a detector's run."""
    return Run(run.folder / f"without-{fold}")


def load_detector(config: DetectorConfig, run: Run) -> Detector:
    """Return a finished run's averaged detector, in float32 on the CPU.

    Raises:
        RunError: the run is unfinished or unreadable.
    """
    read_calibration(run)
    return load_network(config, Run(run.folder / STAGE))


def load_network(config: DetectorConfig, stage: Run) -> Detector:
    """Return the averaged detector of a stage or fold; raise RunError if it is unreadable."""
    tensors, _ = stage.load(stage.last())
    detector = AveragedModel(Detector(config.widths))
    detector.load_state_dict(unprefixed("average", tensors))
    assert isinstance(detector.module, Detector)
    return detector.module.eval()


def read_calibration(run: Run) -> tuple[Calibration, Thresholds]:
    """Return a finished run's calibration and thresholds.

    Raises:
        RunError: the run is unfinished.
    """
    try:
        found = json.loads((run.folder / CALIBRATION).read_text())
        return Calibration(**found["calibration"]), Thresholds(**found["thresholds"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(
            f"{run.folder} has no readable {CALIBRATION} ({error}); finish the run with "
            "`python -m train detector --resume` first."
        ) from error


def calibration_figures(
    detector: Detector, folds: Mapping[str, Detector], examples: PictureSet
) -> dict[str, Any]:
    """Return calibration, thresholds, and each generator's AUROC on a validation split.

    What is fake is judged by the folds' detectors, each on the kind that it never saw: a detector is surer of
    generators that it learnt from than it will be of others.
    """
    reals = [name for name in (MNIST, PEN, STYLED) if name in examples.labels]

    @cache
    def scores(network: Detector, group: str, condition: str) -> tuple[NDArray[np.float32], ...]:
        return scores_of(network, examples.images[group, condition])

    def logits(network: Detector, groups: Iterable[str], condition: str) -> NDArray[np.float32]:
        return np.concatenate([scores(network, group, condition)[0] for group in groups])

    conditions = {"auroc": NORMALIZED, "auroc_wild": AUGMENTED, "auroc_photographed": PHOTOGRAPHED}
    unseen = {
        fold: names for fold in KINDS if fold in folds and (names := sorted(left_out(fold, examples.kinds)))
    }
    pairs = [(fold, condition) for fold in unseen for condition in conditions.values()]
    real = [logits(folds[fold], reals, condition) for fold, condition in pairs]
    fake = [logits(folds[fold], unseen[fold], condition) for fold, condition in pairs]
    # The normalizer may isolate no photograph of bad generators.
    fake = [each for each in fake if len(each)]
    calibration = calibrate(real, fake)
    found = choose_thresholds(
        [
            calibration.probabilities(scores(detector, name, condition)[0])
            for name in reals
            for condition in conditions.values()
        ],
        [calibration.probabilities(each) for each in fake],
        [scores(detector, name, NORMALIZED)[2] for name in reals],
    )
    figures = {
        name: {
            figure: auroc(scores(detector, MNIST, condition)[0], scores(detector, name, condition)[0])
            for figure, condition in conditions.items()
            if len(examples.images[name, condition])
        }
        for name in examples.kinds
    }
    return {
        "calibration": dataclasses.asdict(calibration),
        "thresholds": dataclasses.asdict(found),
        "validation": figures,
    }
