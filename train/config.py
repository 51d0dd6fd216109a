"""Options of the commands: frozen dataclasses whose fields are the command-line flags, with presets."""

import argparse
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, TypeVar

from train.errors import ConfigError

SMALLEST_BATCH: Final = 4
"""Each half of a batch may pass through BatchNorm in training mode, which needs two pictures."""


def option(default: Any, description: str) -> Any:
    """A field with its default and its text in `--help`."""
    return field(default=default, metadata={"help": description})


@dataclass(frozen=True)
class Config:
    """Options that all runs share; subclasses add their own and their presets.

    command: the command of `python -m train` that takes these options.
    presets: name of a preset → the options that it sets.
    """

    command: ClassVar[str]
    presets: ClassVar[Mapping[str, Mapping[str, Any]]]

    preset: str = option("full", "options to start from: full, small or smoke")
    dataset: str = option("mnist", "data set, an entry of DATASETS in train/data/mnist.py")
    save_every: int = option(1000, "steps between the snapshots that a killed run resumes from")
    log_every: int = option(100, "steps that one line of metrics.jsonl averages")
    seed: int = option(0, "seed of the weights, the order of the pictures and the noise")
    device: str = option("auto", "cpu, cuda, or auto: cuda if available")
    threads: int = option(0, "CPU threads; 0: chosen by PyTorch, and saved with the run")

    def __post_init__(self) -> None:
        names = [item.name for item in dataclasses.fields(self)]
        for name in RANGES.keys() & names:
            least, most = RANGES[name]
            value = getattr(self, name)
            if not least <= value <= most:
                raise ConfigError(f"--{flag(name)} is {value}; give {least} to {most}.")
        for name, known in {"preset": tuple(self.presets), **CHOICES}.items():
            if name in names and getattr(self, name) not in known:
                raise ConfigError(f"--{flag(name)} is {getattr(self, name)!r}; give {' or '.join(known)}.")


@dataclass(frozen=True)
class TutorialConfig(Config):
    """Everything that determines a run of the tutorial's GAN; saved with it as `config.json`."""

    command = "tutorial"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        # The notebook's hyperparameters.
        "full": {},
        # Ten epochs at DCGAN's learning rate (https://arxiv.org/abs/1511.06434): faster, but worse.
        "small": {"epochs": 10, "learning_rate": 2e-4, "beta1": 0.5},
        "smoke": {"epochs": 1, "learning_rate": 2e-4, "beta1": 0.5, "save_every": 100, "log_every": 20},
    }

    epochs: int = option(100, "passes over the training set")
    batch_size: int = option(128, "real pictures per step, and as many fakes")
    learning_rate: float = option(1e-5, "Adam's step size for both networks")
    beta1: float = option(0.9, "Adam's decay rate of the first moment")
    beta2: float = option(0.999, "Adam's decay rate of the second moment")
    latent: int = option(64, "length of the noise vector")
    precision: str = option("float32", "float32, bfloat16, or auto: bfloat16 if the hardware supports it")
    snapshots: int = option(8, "snapshots to keep, spaced logarithmically from step 0")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.learning_rate < float("inf"):
            raise ConfigError(f"--learning-rate is {self.learning_rate}; give a number above 0.")
        for name in ("beta1", "beta2"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"--{name} is {getattr(self, name)}; give a number from 0 to below 1.")


@dataclass(frozen=True)
class GeneratorsConfig(Config):
    """Everything that determines the generators and the digit classifier; saved as `config.json`."""

    command = "generators"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        # For a GPU: eight times the steps that suit two CPU cores.
        "full": {"effort": 8.0},
        "small": {},
        "smoke": {"effort": 0.004, "save_every": 100, "log_every": 5, "count": 200},
    }

    preset: str = option("small", "options to start from: full, small or smoke")
    effort: float = option(1.0, "training steps, as a multiple of the small preset's (mlp_gan: by preset)")
    precision: str = option("auto", "float32, bfloat16, or auto: bfloat16 if the hardware supports it")
    threads: int = option(1, "CPU threads per process")
    jobs: int = option(0, "parts trained in parallel; 0: one per CPU core, or 1 on a GPU")
    count: int = option(10_000, "samples of each generator that are measured for the report")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.effort < float("inf"):
            raise ConfigError(f"--effort is {self.effort}; give a number above 0.")


@dataclass(frozen=True)
class DetectorConfig(Config):
    """Everything that determines a detector; saved with its run as `config.json`."""

    command = "detector"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "full": {
            "samples": 5000,
            "copies": 2,
            "non_digits": 20_000,
            "epochs": 6,
            "cycles": 2,
            "width": 32,
            "fold_steps": 4000,
        },
        "small": {"reals": 30_000, "samples": 2000, "non_digits": 8000},
        "smoke": {
            "reals": 300,
            "samples": 60,
            "validation": 60,
            "pen_copies": 1,
            "epochs": 1,
            "non_digits": 100,
            "width": 8,
            "fold_steps": 10,
            "evaluation": 60,
            "corrupted_fakes": 20,
            "corrupted_reals": 40,
        },
    }

    preset: str = option("small", "options to start from: full, small or smoke")
    generators: str = option("runs/generators-small", "run of `generators` that fakes are sampled from")
    reals: int = option(50_000, "real digits of the data set, at most")
    samples: int = option(4000, "training fakes of each generator")
    validation: int = option(1000, "validation fakes of each generator, for calibration")
    copies: int = option(1, "augmented copies of each training picture, beside the original")
    pen_copies: int = option(3, "drawings of each pen digit, with different brushes")
    non_digits: int = option(12_000, "training pictures that show no digit")
    epochs: int = option(4, "passes over all training pictures")
    cycles: int = option(1, "cycles of the learning rate")
    batch_size: int = option(128, "pictures per step")
    width: int = option(24, "channels of the network's first layers")
    precision: str = option("auto", "float32, bfloat16, or auto: bfloat16 if the hardware supports it")
    jobs: int = option(0, "processes that prepare pictures; 0: one per CPU core")
    fold_steps: int = option(2000, "training steps of each detector that leaves generators out")
    evaluation: int = option(2000, "fakes of each generator in the evaluation set")
    corrupted_fakes: int = option(300, "of these, fakes that get every corruption")
    corrupted_reals: int = option(
        1000, "real digits that get every corruption; also printed ones, non-digits"
    )

    @property
    def widths(self) -> tuple[int, int, int]:
        """Channels at 28x28, 14x14 and 7x7."""
        return self.width, 2 * self.width, 3 * self.width


CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "device": ("auto", "cpu", "cuda"),
    "precision": ("auto", "float32", "bfloat16"),
}

RANGES: Final[Mapping[str, tuple[int, int]]] = {
    "epochs": (1, 1_000_000),
    "batch_size": (SMALLEST_BATCH, 1_000_000),
    "latent": (1, 4096),
    "snapshots": (2, 64),
    "save_every": (1, 1_000_000_000),
    "log_every": (1, 1_000_000_000),
    "seed": (0, 2**32 - 1),
    "threads": (0, 1024),
    "jobs": (0, 1024),
    "reals": (100, 1_000_000),
    "samples": (10, 10_000_000),
    "validation": (10, 10_000_000),
    "copies": (1, 100),
    "cycles": (1, 100),
    "fold_steps": (1, 1_000_000),
    "evaluation": (10, 1_000_000),
    "corrupted_fakes": (2, 1_000_000),
    "corrupted_reals": (10, 10_000),
    "pen_copies": (1, 100),
    "non_digits": (10, 10_000_000),
    "width": (4, 256),
    "count": (100, 1_000_000),
}

FREE: Final = frozenset({"jobs", "count"})
"""Options that a resumed run may change, because they do not affect what is learnt."""

SomeConfig = TypeVar("SomeConfig", bound=Config)


def from_preset(kind: type[SomeConfig], given: Mapping[str, Any]) -> SomeConfig:
    """Return the options of the given (or default) preset, overridden by the other given ones."""
    name = given.get("preset", kind.preset)
    if name not in kind.presets:
        raise ConfigError(f"--preset is {name!r}; give {' or '.join(kind.presets)}.")
    return kind(**{"preset": name, **kind.presets[name], **given})


def flag(name: str) -> str:
    """Return the command-line spelling of a field's name."""
    return name.replace("_", "-")


def add_flags(parser: argparse.ArgumentParser, config: type[Config]) -> None:
    """Add a flag per field. A flag that is not given sets no attribute, so that presets can fill it."""
    for item in dataclasses.fields(config):
        parser.add_argument(
            f"--{flag(item.name)}",
            type=type(item.default),
            default=argparse.SUPPRESS,
            metavar=type(item.default).__name__.upper(),
            help=f"{item.metadata['help']} (default: {item.default})",
        )


def given_options(arguments: argparse.Namespace, config: type[Config]) -> dict[str, Any]:
    """Return the options that were given on the command line."""
    return {
        item.name: getattr(arguments, item.name)
        for item in dataclasses.fields(config)
        if hasattr(arguments, item.name)
    }


def conflicts(saved: Config, given: Mapping[str, Any]) -> Sequence[str]:
    """Return the given options that contradict a saved run, as `--flag value (the run has value)`.

    `auto`, 0 and the options in `FREE` contradict nothing.
    """
    undecided = {"device": "auto", "precision": "auto", "threads": 0}
    return [
        f"--{flag(name)} {value} (the run has {getattr(saved, name)})"
        for name, value in given.items()
        if name not in FREE and value not in (getattr(saved, name), undecided.get(name))
    ]
