"""Options: a frozen dataclass whose fields are the command-line flags, and the presets."""

import argparse
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, TypeVar

from train.errors import ConfigError

SMALLEST_BATCH: Final = 4
"""Half of a batch may be made with its own statistics, and BatchNorm needs two pictures for those."""


def option(default: Any, description: str) -> Any:
    """A field with its default and the text that `--help` shows."""
    return field(default=default, metadata={"help": description})


@dataclass(frozen=True)
class Config:
    """What every run's options have; a subclass adds its own and its presets.

    command: the one of `python -m train` that takes them.
    presets: name of a preset → the options that it sets.
    """

    command: ClassVar[str]
    presets: ClassVar[Mapping[str, Mapping[str, Any]]]

    preset: str = option("full", "options to start from: full, small or smoke")
    dataset: str = option("mnist", "name of the data set, an entry in train/data/datasets.py")
    save_every: int = option(1000, "steps between snapshots kept only to resume from")
    log_every: int = option(100, "steps that one line of metrics.jsonl averages over")
    seed: int = option(0, "seed of the weights, the order of the pictures and the noise")
    device: str = option("auto", "cpu, cuda, or auto: cuda where it works")
    threads: int = option(0, "CPU threads; 0 lets PyTorch choose, and the choice is saved")

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
    """Everything that determines a run of the tutorial pair; saved with it as `config.json`."""

    command = "tutorial"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        # The notebook's own numbers, all of them.
        "full": {},
        # Ten epochs at DCGAN's rate (https://arxiv.org/abs/1511.06434): quick, and not as good.
        "small": {"epochs": 10, "learning_rate": 2e-4, "beta1": 0.5},
        "smoke": {"epochs": 1, "learning_rate": 2e-4, "beta1": 0.5, "save_every": 100, "log_every": 20},
    }

    epochs: int = option(100, "passes over the training set")
    batch_size: int = option(128, "real pictures a step, and as many fakes")
    learning_rate: float = option(1e-5, "Adam's step size, of both networks")
    beta1: float = option(0.9, "Adam's decay rate of the first moment")
    beta2: float = option(0.999, "Adam's decay rate of the second moment")
    latent: int = option(64, "length of the noise vector")
    precision: str = option("float32", "float32, bfloat16, or auto: bfloat16 where that is faster")
    snapshots: int = option(8, "snapshots kept, spaced logarithmically from step 0")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.learning_rate < float("inf"):
            raise ConfigError(f"--learning-rate is {self.learning_rate}; give a number above 0.")
        for name in ("beta1", "beta2"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"--{name} is {getattr(self, name)}; give a number from 0 up to but not 1.")


@dataclass(frozen=True)
class GeneratorsConfig(Config):
    """Everything that determines a zoo: its generators and their judge; saved with it as `config.json`."""

    command = "zoo"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        # Eight times as long as on two CPU cores, for a GPU.
        "full": {"effort": 8.0},
        "small": {},
        "smoke": {"effort": 0.004, "save_every": 100, "log_every": 5, "count": 200},
    }

    preset: str = option("small", "options to start from: full, small or smoke")
    effort: float = option(1.0, "training steps, as a multiple of the small zoo's; mlp_gan goes by preset")
    precision: str = option("auto", "float32, bfloat16, or auto: bfloat16 where that is faster")
    threads: int = option(1, "CPU threads of each part that is trained")
    jobs: int = option(0, "parts trained side by side; 0: as many as the CPU has cores for, on a GPU one")
    count: int = option(10_000, "digits of each generator that the judge looks at")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.effort < float("inf"):
            raise ConfigError(f"--effort is {self.effort}; give a number above 0.")


@dataclass(frozen=True)
class DetectorConfig(Config):
    """Everything that determines a product; saved with it as `config.json`."""

    command = "product"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "full": {
            "samples": 5000,
            "copies": 2,
            "others": 20_000,
            "epochs": 6,
            "cycles": 2,
            "width": 32,
            "fold_steps": 4000,
        },
        "small": {"reals": 30_000, "samples": 2000, "others": 8000},
        "smoke": {
            "reals": 300,
            "samples": 60,
            "validation": 60,
            "pen_copies": 1,
            "epochs": 1,
            "others": 100,
            "width": 8,
            "fold_steps": 10,
            "exam": 60,
            "changed_fakes": 20,
            "changed_reals": 40,
        },
    }

    preset: str = option("small", "options to start from: full, small or smoke")
    zoo: str = option("runs/zoo-small", "folder of the trained zoo that fakes are drawn from")
    reals: int = option(50_000, "real digits of the data set, at most")
    samples: int = option(4000, "fakes of each generator")
    validation: int = option(1000, "those of each generator that calibration goes by")
    copies: int = option(1, "fates in the wild of each picture, beside it as it is")
    pen_copies: int = option(3, "brushes that each pen digit is drawn with")
    others: int = option(12_000, "pictures of what is no digit")
    epochs: int = option(4, "passes over all of them")
    cycles: int = option(1, "times that the learning rate falls")
    batch_size: int = option(128, "pictures a step")
    width: int = option(24, "channels of the detector's first layers")
    precision: str = option("auto", "float32, bfloat16, or auto: bfloat16 where that is faster")
    jobs: int = option(0, "processes that prepare pictures; 0: as many as the CPU has cores for")
    fold_steps: int = option(2000, "steps of each detector that the evaluation leaves generators out of")
    exam: int = option(2000, "fakes of each generator that the evaluation asks about")
    changed_fakes: int = option(300, "those of them that are corrupted in every way")
    changed_reals: int = option(1000, "real digits that are, and of what is printed or no digit")

    @property
    def widths(self) -> tuple[int, int, int]:
        """Channels of the detector at 28x28, 14x14 and 7x7."""
        return self.width, 2 * self.width, 3 * self.width


@dataclass(frozen=True)
class DistilConfig(Config):
    """Everything that determines a distilled detector; saved with it as `config.json`."""

    command = "distil"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "full": {},
        "small": {"epochs": 2},
        "smoke": {"epochs": 1, "fine": 4, "middle": 4, "coarse": 4},
    }

    teacher: str = option("runs/product-full", "folder of the finished product that is learnt from")
    fine: int = option(16, "channels at 28x28; 0: no layer there, four pixels are channels of one")
    middle: int = option(48, "channels at 14x14")
    coarse: int = option(96, "channels at 7x7")
    epochs: int = option(6, "passes over the product's examples")
    cycles: int = option(1, "times that the learning rate falls")
    batch_size: int = option(128, "pictures a step")
    precision: str = option("auto", "float32, bfloat16, or auto: bfloat16 where that is faster")

    @property
    def widths(self) -> tuple[int, int, int]:
        """Channels of the detector at 28x28, 14x14 and 7x7."""
        return self.fine, self.middle, self.coarse


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
    "exam": (10, 1_000_000),
    "changed_fakes": (2, 1_000_000),
    "changed_reals": (10, 10_000),
    "pen_copies": (1, 100),
    "others": (10, 10_000_000),
    "width": (4, 256),
    "fine": (0, 256),
    "middle": (4, 256),
    "coarse": (4, 256),
    "count": (100, 1_000_000),
}

FREE: Final = frozenset({"jobs", "count"})
"""Options that may differ each time a run is gone on with: they change nothing that is learnt."""

SomeConfig = TypeVar("SomeConfig", bound=Config)


def from_preset(kind: type[SomeConfig], given: Mapping[str, Any]) -> SomeConfig:
    """The preset that was given, or the default one, with what else was given in place of its values."""
    name = given.get("preset", kind.preset)
    if name not in kind.presets:
        raise ConfigError(f"--preset is {name!r}; give {' or '.join(kind.presets)}.")
    return kind(**{"preset": name, **kind.presets[name], **given})


def flag(name: str) -> str:
    """The command-line spelling of a field's name."""
    return name.replace("_", "-")


def add_flags(parser: argparse.ArgumentParser, config: type[Config]) -> None:
    """One flag per field; a flag that is not given leaves no trace, so that a preset can fill it."""
    for item in dataclasses.fields(config):
        parser.add_argument(
            f"--{flag(item.name)}",
            type=type(item.default),
            default=argparse.SUPPRESS,
            metavar=type(item.default).__name__.upper(),
            help=f"{item.metadata['help']} (default: {item.default})",
        )


def chosen(arguments: argparse.Namespace, config: type[Config]) -> dict[str, Any]:
    """The options that were given on the command line."""
    return {
        item.name: getattr(arguments, item.name)
        for item in dataclasses.fields(config)
        if hasattr(arguments, item.name)
    }


def conflicts(saved: Config, given: Mapping[str, Any]) -> Sequence[str]:
    """What was asked for that contradicts the run being resumed, as `--flag value (the run has value)`.

    `auto` and 0 leave the choice open, and the run has made it; options in `FREE` change no weights.
    """
    open_choice = {"device": "auto", "precision": "auto", "threads": 0}
    return [
        f"--{flag(name)} {value} (the run has {getattr(saved, name)})"
        for name, value in given.items()
        if name not in FREE and value not in (getattr(saved, name), open_choice.get(name))
    ]
