"""Options of the commands: frozen dataclasses whose fields are the command-line flags, with presets."""

import argparse
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, TypeVar

from train.errors import ConfigError

SMALLEST_BATCH: Final = 4
"""Each half of a batch may pass through BatchNorm in training mode, which needs two pictures."""
MANY: Final = 1_000_000_000
# Description and names of options that several commands have with different defaults.
PRESET: Final = ("options to start from: full, small or smoke", "full", "small", "smoke")
PRECISION: Final = (
    "float32, bfloat16, or auto: bfloat16 if the hardware supports it",
    *("auto", "float32", "bfloat16"),
)
TRAINED: Final = "train/generators/trained"
"""The trimmed run of generators that belongs to the source; found wherever the command is started."""


def option(default: Any, description: str, *allowed: Any) -> Any:
    """A field with its default, its text in `--help`, and its least and largest number or all its names."""
    return field(default=default, metadata={"help": description, "allowed": allowed})


@dataclass(frozen=True)
class Config:
    """Options that all runs share; subclasses add their own and their presets.

    command: the command of `python -m train` that takes these options.
    presets: name of a preset → the options that it sets.
    """

    command: ClassVar[str]
    presets: ClassVar[Mapping[str, Mapping[str, Any]]]

    preset: str = option("full", *PRESET)
    dataset: str = option("mnist", "data set, an entry of DATASETS in train/data/mnist.py")
    save_every: int = option(1000, "steps between the snapshots that a killed run resumes from", 1, MANY)
    log_every: int = option(100, "steps that one line of metrics.jsonl averages", 1, MANY)
    seed: int = option(0, "seed of the weights, the order of the pictures and the noise", 0, 2**32 - 1)
    device: str = option("auto", "cpu, cuda, or auto: cuda if available", "auto", "cpu", "cuda")
    threads: int = option(0, "CPU threads; 0: chosen by PyTorch, and saved with the run", 0, 1024)
    precision: str = option("auto", *PRECISION)

    def __post_init__(self) -> None:
        for item in dataclasses.fields(self):
            value, allowed = getattr(self, item.name), item.metadata["allowed"]
            if isinstance(value, str):
                if allowed and value not in allowed:
                    raise ConfigError(f"--{flag(item.name)} is {value!r}; give {' or '.join(allowed)}.")
            elif not allowed[0] <= value <= allowed[1]:
                raise ConfigError(f"--{flag(item.name)} is {value}; give {allowed[0]} to {allowed[1]}.")


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

    epochs: int = option(100, "passes over the training set", 1, 1_000_000)
    batch_size: int = option(128, "real pictures per step, and as many fakes", SMALLEST_BATCH, 1_000_000)
    learning_rate: float = option(1e-5, "Adam's step size for both networks", 1e-12, 1e38)
    beta1: float = option(0.9, "Adam's decay rate of the first moment", 0, 0.999999)
    beta2: float = option(0.999, "Adam's decay rate of the second moment", 0, 0.999999)
    latent: int = option(64, "length of the noise vector", 1, 4096)
    precision: str = option("float32", *PRECISION)
    snapshots: int = option(8, "snapshots to keep, spaced logarithmically from step 0", 2, 64)


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

    preset: str = option("small", *PRESET)
    effort: float = option(
        1.0, "training steps, as a multiple of the small preset's (mlp_gan: by preset)", 1e-9, 1e6
    )
    threads: int = option(1, "CPU threads per process", 0, 1024)
    jobs: int = option(0, "parts trained in parallel; 0: one per CPU core, or 1 on a GPU", 0, 1024)
    count: int = option(10_000, "samples of each generator that are measured for the report", 100, 1_000_000)


@dataclass(frozen=True)
class DetectorConfig(Config):
    """Everything that determines a detector; saved with its run as `config.json`."""

    command = "detector"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "full": {
            "samples": 10_000,
            "styled": 6000,
            "non_digits": 20_000,
            "redrawn": 25_000,
            "steps": 24_000,
            "width": 32,
            "fold_steps": 4000,
        },
        "small": {"reals": 30_000, "non_digits": 8000},
        "smoke": {
            "reals": 300,
            "samples": 60,
            "validation": 60,
            "pen_copies": 1,
            "styled": 20,
            "redrawn": 60,
            "steps": 12,
            "non_digits": 100,
            "width": 8,
            "fold_steps": 10,
            "oracle_steps": 2,
            "evaluation": 60,
            "corrupted_fakes": 9,
            "corrupted_reals": 20,
        },
    }

    preset: str = option("small", *PRESET)
    generators: str = option(TRAINED, "run of `generators`, or a trimmed one, that fakes are sampled from")
    reals: int = option(50_000, "real digits of the data set, at most", 100, 1_000_000)
    samples: int = option(
        4000, "training fakes of each generator, and four times as many of the hardest", 10, 10_000_000
    )
    redrawn: int = option(
        10_000,
        "training fakes by the random decoders, and as many by those with an adversary",
        10,
        10_000_000,
    )
    validation: int = option(1000, "validation fakes of each generator, for calibration", 10, 10_000_000)
    pen_copies: int = option(3, "drawings of each pen digit, with different brushes", 1, 100)
    styled: int = option(3000, "training digits in styles that MNIST hardly has", 10, 10_000_000)
    non_digits: int = option(12_000, "training pictures that show no digit", 10, 10_000_000)
    steps: int = option(8000, "training steps", 1, 10_000_000)
    batch_size: int = option(128, "pictures per step", SMALLEST_BATCH, 1_000_000)
    width: int = option(24, "channels of the network's first layers", 4, 256)
    jobs: int = option(0, "processes that prepare pictures; 0: one per CPU core", 0, 1024)
    fold_steps: int = option(2000, "training steps of each detector that leaves generators out", 1, 1_000_000)
    oracle_steps: int = option(
        600, "training steps of each detector that sees a single generator, to compare with", 1, 1_000_000
    )
    evaluation: int = option(2000, "fakes of each generator in the evaluation set", 10, 1_000_000)
    corrupted_fakes: int = option(300, "of these, fakes that get every corruption", 2, 1_000_000)
    corrupted_reals: int = option(
        1000, "real digits that get every corruption; also printed ones, non-digits", 10, 10_000
    )

    @property
    def photographed_fakes(self) -> int:
        """Fakes of each generator that are photographed, which takes longest."""
        return -(-self.corrupted_fakes // 3)

    @property
    def widths(self) -> tuple[int, int, int]:
        """Channels at 28x28, 14x14 and 7x7."""
        return self.width, 2 * self.width, 3 * self.width


@dataclass(frozen=True)
class IsolationConfig(Config):
    """Everything that determines the networks of the normalizer; saved as `config.json`."""

    command = "isolation"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "full": {"photographs": 80_000, "steps": 50_000},
        "small": {},
        "smoke": {"photographs": 24, "steps": 4, "save_every": 2, "log_every": 2, "batch_size": 4},
    }

    preset: str = option("small", *PRESET)
    photographs: int = option(32_000, "synthetic photographs to learn from", 1, 10_000_000)
    steps: int = option(16_000, "training steps of each network", 1, 10_000_000)
    batch_size: int = option(32, "pictures per step", SMALLEST_BATCH, 1_000_000)
    jobs: int = option(0, "processes that make photographs; 0: one per CPU core", 0, 1024)


FREE: Final = frozenset({"jobs", "count"})
"""Options that a resumed run may change, because they do not affect what is learnt."""

SomeConfig = TypeVar("SomeConfig", bound=Config)


def from_preset(kind: type[SomeConfig], given: Mapping[str, Any]) -> SomeConfig:
    """Return the options of the given (or default) preset, overridden by the other given ones."""
    name = given.get("preset", kind.preset)
    return kind(**{"preset": name, **kind.presets.get(name, {}), **given})


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
