"""Train the digit classifier and every family, each in its own folder of the run, and report on them."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import torch

from train.checkpoint import write_atomically, write_json
from train.config import GeneratorsConfig
from train.data import mnist
from train.errors import ConfigError, RunError
from train.generators.base import Family, Generator
from train.generators.classifier import ClassifierLearner, DigitClassifier, features_and_digits
from train.generators.conditional_gan import ConditionalGan
from train.generators.decoders import DECODERS, decoder_count, train_decoder
from train.generators.flow import Flow
from train.generators.hinge_gan import HingeGan
from train.generators.mlp_gan import MlpGan
from train.generators.morphs import Morphs
from train.generators.pca_mixture import PcaMixture
from train.generators.pixel_cnn import PixelCnn
from train.generators.r3gan import R3Gan
from train.generators.report import markdown_table, measure_generators, save_grids
from train.generators.sharp_vae import SharpVae
from train.generators.vae import Vae
from train.generators.wgan_gp import WganGp
from train.loop import Schedule, run_loop
from train.processes import Workers
from train.run import Run

FAMILIES: Final[Mapping[str, type[Family]]] = {
    # The slowest first, so that parallel processes finish together.
    "conditional_gan": ConditionalGan,
    "flow": Flow,
    "pixel_cnn": PixelCnn,
    "r3gan": R3Gan,
    "wgan_gp": WganGp,
    "hinge_gan": HingeGan,
    "sharp_vae": SharpVae,
    "mlp_gan": MlpGan,
    "vae": Vae,
    "pca_mixture": PcaMixture,
    "morphs": Morphs,
}
CLASSIFIER: Final = "digit_classifier"
CLASSIFIER_STEPS: Final = 1600
CLASSIFIER_BATCH: Final = 250
PARTS: Final = (CLASSIFIER, *FAMILIES, DECODERS)
"""Parts of a run, in the order in which they are trained."""
REPORT: Final = "report.json"


def build_generators(config: GeneratorsConfig, run: Run, parts: Sequence[str] = PARTS) -> None:
    """Train the given parts where unfinished, several in parallel; write a report if all parts are given.

    Raises:
        DataError, RunError: the data set is missing, the folder cannot be written, or a part failed.
    """
    # An old report would look like one on the new parts.
    (run.folder / REPORT).unlink(missing_ok=True)
    with Workers(config.jobs) as workers:
        workers.starmap(build_part, [(config, run, part) for part in parts if part != DECODERS])
        if DECODERS in parts:
            workers.starmap(train_decoder, [(config, run, index) for index in range(decoder_count(config))])
    if set(parts) == set(PARTS):
        write_report(config, run)


def check_shape(config: GeneratorsConfig) -> None:
    """Raise ConfigError if the data set's pictures are not 28x28."""
    height, width = mnist.find_entry(config.dataset).shape
    if (height, width) != (28, 28):
        raise ConfigError(
            f"Generators and detector need 28x28 pictures; those of {config.dataset} are {height}x{width}."
        )


def build_part(config: GeneratorsConfig, run: Run, part: str) -> None:
    """Train the classifier or one family to the end."""
    torch.set_num_threads(config.threads)
    if part == CLASSIFIER:
        load_classifier(config, run)
    else:
        load_generators(config, run, [part])


def load_classifier(config: GeneratorsConfig, run: Run) -> DigitClassifier:
    """Return the run's digit classifier, trained first if unfinished."""
    device = torch.device(config.device)
    # More steps would not improve it; fewer are for smoke tests.
    steps = max(1, round(CLASSIFIER_STEPS * min(1.0, config.effort)))
    learner = ClassifierLearner(steps, config.seed, device, config.precision)
    schedule = Schedule(steps, CLASSIFIER_BATCH, [steps], config)
    digits, _ = mnist.hold_out(mnist.load(config.dataset, "train", device))
    run_loop(learner, digits, schedule, Run(run.folder / CLASSIFIER))
    return learner.classifier


def load_generators(
    config: GeneratorsConfig, run: Run, names: Sequence[str] = tuple(FAMILIES)
) -> list[Generator]:
    """Return the run's generators of the named families, trained first if unfinished.

    Raises:
        DataError, RunError: the data set is missing, or a folder cannot be read or written.
    """
    digits, _ = mnist.hold_out(mnist.load(config.dataset, "train", config.device))
    generators = []
    for name in names:
        family = FAMILIES[name](config)
        seconds = family.fit(digits, Run(run.folder / name))
        generators += family.generators(name, seconds)
    return generators


def write_report(config: GeneratorsConfig, run: Run) -> dict[str, Any]:
    """Measure all generators: `report.json`, `report.md` and `grids/NAME.png` in the run's folder."""
    torch.set_num_threads(config.threads * config.jobs)
    known, held_out = mnist.hold_out(mnist.load(config.dataset, "train"))
    classifier = load_classifier(config, run)
    generators = load_generators(config, run)
    tested = mnist.load(config.dataset, "test")
    report = measure_generators(
        generators,
        classifier,
        tested.images.numpy(),
        (held_out.images.numpy(), held_out.labels.numpy()),
        known.images.numpy(),
        config.count,
        config.seed,
    )
    report["options"] = dataclasses.asdict(config)
    _, digits = features_and_digits(classifier, tested.images.numpy())
    report["classifier_accuracy"] = float((digits == tested.labels.numpy()).mean())
    save_grids(run.folder / "grids", generators, config.seed)
    write_atomically(run.folder / "report.md", markdown_table(report).encode())
    # Last: once the report exists, everything that belongs to it does too.
    write_json(run.folder / REPORT, report)
    return report


def read_quality(run: Run) -> dict[str, Mapping[str, Any]]:
    """Return the figures of each generator in a run's report; raise RunError if there is no report."""
    try:
        return {row["name"]: row for row in json.loads((run.folder / REPORT).read_text())["rows"]}
    except (OSError, ValueError, KeyError) as error:
        raise RunError(
            f"{run.folder} has no complete report ({error}); finish it with "
            "`python -m train generators --resume` first."
        ) from error
