"""The product: the detector that is published, from a trained zoo to thresholds, stage by stage."""

import dataclasses
import json
from pathlib import Path
from typing import Any, Final

import torch
from torch.optim.swa_utils import AveragedModel

from train.checkpoint import unprefixed, write_atomically
from train.config import DetectorConfig, DistilConfig, GeneratorsConfig
from train.data import mnist
from train.data.artifacts import flaw_makers
from train.data.dataset import MNIST, OTHER, PEN, Examples, kept_examples, make_examples
from train.data.splits import Split
from train.detector.calibrate import Calibration, calibrate
from train.detector.learner import ClassWeights, DetectorLearner
from train.detector.model import Detector, scores_of
from train.detector.thresholds import Thresholds, thresholds
from train.errors import ConfigError, RunError
from train.evaluation.metrics import auroc, true_positive_rate
from train.generators.build import judged_generators, load_generators
from train.generators.reconstructions import redrawers
from train.loop import Schedule, run_loop, steps_per_epoch
from train.processes import Workers
from train.run import Run

STAGE: Final = "detector"
CALIBRATION: Final = "calibration.json"


def train_product(config: DetectorConfig, run: Run) -> None:
    """Make the examples, train, calibrate: each stage is kept, and none is done twice.

    Raises:
        DataError, RunError: the data or the zoo cannot be had, or the folder cannot be written.
    """
    torch.set_num_threads(config.threads)
    examples = load_examples("train", config, run)
    steps = round(config.epochs * steps_per_epoch(config.batch_size, len(examples.images)))
    learner = fit(examples, max(1, steps), config.cycles, config, Run(run.folder / STAGE))
    keep_calibration(run, learner.deployed, load_examples("validation", config, run))


def check_generators(config: DetectorConfig) -> None:
    """Raises RunError where the zoo is not finished, ConfigError where it learnt from other pictures."""
    zoo = Run(Path(config.zoo))
    learnt_from = zoo.config(GeneratorsConfig).dataset
    if learnt_from != config.dataset:
        raise ConfigError(
            f"{zoo.folder} learnt from {learnt_from}; give --dataset {learnt_from} or another --zoo."
        )
    judged_generators(zoo)


def keep_calibration(run: Run, detector: Detector, validation: Examples) -> None:
    """Calibrate a run's detector, unless it is; raises RunError where the result cannot be written."""
    if not (run.folder / CALIBRATION).exists():
        calibration = calibrated(detector, validation)
        write_atomically(run.folder / CALIBRATION, (json.dumps(calibration, indent=1) + "\n").encode())


def read_calibration(run: Run) -> tuple[Calibration, Thresholds]:
    """What a finished run's scores are calibrated with, and where its verdict turns.

    Raises:
        RunError: the run is not finished.
    """
    try:
        found = json.loads((run.folder / CALIBRATION).read_text())
        return Calibration(**found["calibration"]), Thresholds(**found["thresholds"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(
            f"{run.folder} has no {CALIBRATION} that can be read ({error}); finish the run with "
            "`python -m train product --resume` first."
        ) from error


def load_detector(config: DetectorConfig | DistilConfig, run: Run) -> Detector:
    """A finished run's detector, as it is deployed, in float32 on the CPU.

    Raises:
        RunError: the run is not finished, or cannot be read.
    """
    stage = Run(run.folder / STAGE)
    read_calibration(run)
    tensors, _ = stage.load(stage.last())
    detector = AveragedModel(Detector(config.widths))
    detector.load_state_dict(unprefixed("average", tensors))
    assert isinstance(detector.module, Detector)
    return detector.module.eval()


def fit(examples: Examples, steps: int, cycles: int, config: DetectorConfig, run: Run) -> DetectorLearner:
    """A detector, trained on these examples for so many steps, in cycles of the learning rate."""
    device = torch.device(config.device)
    balance = ClassWeights.of(examples.codes)
    learner = DetectorLearner(steps, config.seed, balance, device, config.widths, config.precision, cycles)
    schedule = Schedule(steps, config.batch_size, [steps], config.save_every, config.log_every, config.seed)
    digits = examples.digits()
    on_device = mnist.Digits(digits.images.to(device), digits.labels.to(device))
    run_loop(learner, on_device, schedule, run, lambda _: {})
    return learner


def load_examples(split: Split, config: DetectorConfig, run: Run) -> Examples:
    """A split's examples, made first where they are not there: training's, or half of the held-out digits."""

    def make() -> Examples:
        known, held_out = mnist.hold_out(mnist.load(config.dataset, "train"))
        zoo = Run(Path(config.zoo))
        options = zoo.config(GeneratorsConfig)
        generators = load_generators(options, zoo)
        if split == "train":
            generators += redrawers(options, zoo, known) + flaw_makers(first(known, config.reals))
        torch.set_num_threads(config.threads)
        reals = first(known if split == "train" else held_out, config.reals)
        with Workers(config.jobs) as workers:
            return make_examples(split, reals, generators, config, workers)

    return kept_examples(run.folder / f"examples-{split}.safetensors", make)


def first(digits: mnist.Digits, count: int) -> mnist.Digits:
    """So many of them, or all."""
    return mnist.Digits(digits.images[:count], digits.labels[:count])


def calibrated(detector: Detector, examples: Examples) -> dict[str, Any]:
    """Scale, bias and thresholds by a validation split, and how well it is told apart there."""
    groups = {name: scores_of(detector, examples.of(name)) for name in examples.names if name != OTHER}
    changed = {name: scores_of(detector, examples.of(name, wild=True)) for name in groups}
    reals = [name for name in (MNIST, PEN) if name in groups]
    fakes = [name for name in groups if name in examples.kinds]
    if not fakes:
        raise RunError("There are no fakes to calibrate by; train the zoo first.")

    def logits(names: list[str]) -> Any:
        scored = [scores[name][0] for scores in (groups, changed) for name in names]
        return torch.cat([torch.from_numpy(each) for each in scored]).numpy()

    calibration = calibrate(logits(reals), logits(fakes))
    found = thresholds(
        {
            f"{name}{kind}": calibration.probabilities(scores[name][0])
            for name in reals
            for kind, scores in (("", groups), (", wild", changed))
        },
        calibration.probabilities(logits(fakes)),
        {name: groups[name][2] for name in reals},
    )
    figures = {
        name: {
            "auroc": auroc(groups[MNIST][0], groups[name][0]),
            "auroc_wild": auroc(changed[MNIST][0], changed[name][0]),
            "true_positive_rate": true_positive_rate(groups[MNIST][0], groups[name][0]),
        }
        for name in fakes
    }
    return {
        "calibration": dataclasses.asdict(calibration),
        "thresholds": dataclasses.asdict(found),
        "validation": figures,
    }
