"""Train the detector in stages: pictures, network, calibration. Each stage is kept and never repeated."""

import dataclasses
import json
from collections.abc import Iterator, Sequence
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
    NON_DIGIT,
    NORMALIZED,
    PEN,
    RAW,
    PictureSet,
    kept_set,
    make_examples,
)
from train.data.splits import Split
from train.detector.calibrate import Calibration, Thresholds, calibrate, choose_thresholds
from train.detector.feed import Pool, feed, pictures_per_step
from train.detector.learner import ClassWeights, DetectorLearner
from train.detector.model import Detector, scores_of
from train.errors import RunError
from train.evaluation.metrics import auroc, true_positive_rate
from train.generators.decoders import DECODERS, decoder_generators
from train.generators.reconstructions import reconstruction_generators
from train.generators.trained import offered_generators, source_of_fakes, trained_families
from train.loop import Schedule, run_steps, steps_per_epoch
from train.processes import Workers
from train.run import Run

STAGE: Final = "detector"
CALIBRATION: Final = "calibration.json"


def train_detector(config: DetectorConfig, run: Run) -> None:
    """Make the examples, train the network, calibrate it; finished stages are skipped.

    Raises:
        DataError, RunError: the data set or the generators are missing, or the folder cannot be written.
    """
    torch.set_num_threads(config.threads)
    examples = load_examples("train", config, run)
    shown = pictures_per_step(config.batch_size)
    steps = config.epochs * steps_per_epoch(shown, sum(map(len, examples.labels.values())))
    learner = fit(examples, max(1, steps), config.cycles, config, Run(run.folder / STAGE))
    save_calibration(run, learner.deployed, load_examples("validation", config, run))


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


def fit(examples: PictureSet, steps: int, cycles: int, config: DetectorConfig, run: Run) -> DetectorLearner:
    """Train a detector on the examples for `steps` steps, in cycles of the learning rate."""
    device = torch.device(config.device)
    normalized = examples.together()
    pool = Pool(examples.together(RAW).images.numpy(), normalized.images.numpy(), normalized.labels)
    shares = ClassWeights.of(pool.codes)
    learner = DetectorLearner(steps, config.seed, shares, device, config.widths, config.precision, cycles)
    schedule = Schedule(steps, config.batch_size, [steps], config)
    with Workers(config.jobs) as workers:

        def learn(start: int) -> Iterator[torch.Tensor]:
            for images, codes, pairs in feed(pool, schedule, workers, start):
                yield learner.step(images.to(device), codes.to(device), pairs)

        run_steps(learner, learn, schedule, run)
    return learner


def load_detector(config: DetectorConfig, run: Run) -> Detector:
    """Return a finished run's averaged detector, in float32 on the CPU.

    Raises:
        RunError: the run is unfinished or unreadable.
    """
    stage = Run(run.folder / STAGE)
    read_calibration(run)
    tensors, _ = stage.load(stage.last())
    detector = AveragedModel(Detector(config.widths))
    detector.load_state_dict(unprefixed("average", tensors))
    assert isinstance(detector.module, Detector)
    return detector.module.eval()


def save_calibration(run: Run, detector: Detector, validation: PictureSet) -> None:
    """Calibrate a run's detector, unless that is done; raise RunError if the file cannot be written."""
    if not (run.folder / CALIBRATION).exists():
        calibration = calibration_figures(detector, validation)
        write_json(run.folder / CALIBRATION, calibration)


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


def calibration_figures(detector: Detector, examples: PictureSet) -> dict[str, Any]:
    """Return calibration, thresholds, and each generator's AUROC on a validation split."""
    groups, augmented = (
        {
            name: scores_of(detector, images)
            for (name, condition), images in examples.images.items()
            if condition == wanted and name != NON_DIGIT
        }
        for wanted in (NORMALIZED, AUGMENTED)
    )
    reals = [name for name in (MNIST, PEN) if name in groups]
    fakes = [name for name in groups if name in examples.kinds]

    def logits(names: Sequence[str]) -> NDArray[np.float32]:
        return np.concatenate([scores[name][0] for scores in (groups, augmented) for name in names])

    calibration = calibrate(logits(reals), logits(fakes))
    found = choose_thresholds(
        {
            f"{name}{suffix}": calibration.probabilities(scores[name][0])
            for name in reals
            for suffix, scores in (("", groups), (", augmented", augmented))
        },
        calibration.probabilities(logits(fakes)),
        {name: groups[name][2] for name in reals},
    )
    figures = {
        name: {
            "auroc": auroc(groups[MNIST][0], groups[name][0]),
            "auroc_wild": auroc(augmented[MNIST][0], augmented[name][0]),
            "true_positive_rate": true_positive_rate(groups[MNIST][0], groups[name][0]),
        }
        for name in fakes
    }
    return {
        "calibration": dataclasses.asdict(calibration),
        "thresholds": dataclasses.asdict(found),
        "validation": figures,
    }
