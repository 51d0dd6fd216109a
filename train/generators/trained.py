"""Trained generators: those of a finished run, or of a trimmed one, which holds only what sampling needs.

A trimmed run is small enough to travel with the source: `config.json`, `NAME.safetensors` of each family that
it has, with weights in float16 as a rule, and the report if there is one. `train/generators/trained` is one,
so that a detector can be trained without training the generators first.
"""

import dataclasses
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import torch

from train.checkpoint import load_snapshot, save_snapshot
from train.config import TRAINED, DetectorConfig, GeneratorsConfig
from train.data.mnist import Digits
from train.errors import ConfigError
from train.generators.base import Family, Generator
from train.generators.build import FAMILIES, REPORT, read_quality
from train.generators.decoders import DECODERS
from train.run import Run

CHECKOUT: Final = Path(__file__).parents[2]


def trim(run: Run, names: Sequence[str], folder: Path) -> None:
    """Write what sampling needs of a run's parts to `folder`, which may hold parts of other runs.

    names: of families, and `DECODERS` for the decoders that the run has so far.

    Raises:
        ConfigError: those learnt from other digits. RunError: a family is not finished, or `folder` cannot be
            written.
    """
    config, trimmed = run.config(GeneratorsConfig), Run(folder)
    if trimmed.exists() and (other := trimmed.config(GeneratorsConfig).dataset) != config.dataset:
        raise ConfigError(f"{folder} holds generators trained on {other}; give --trim another folder.")
    for name in [each for each in FAMILIES if each in names]:
        family = FAMILIES[name](config)
        tensors = {
            key: tensor.half() if tensor.is_floating_point() else tensor
            for key, tensor in family.sampling_tensors(Run(run.folder / name)).items()
            if not key.startswith(family.untrimmed)
        }
        save_snapshot(trimmed_path(trimmed, name), tensors, {"options": dataclasses.asdict(config)})
    # Wherever they were trained, they sample anywhere.
    trimmed.save_config(dataclasses.replace(config, device="cpu", precision="float32"))
    if DECODERS in names and (run.folder / DECODERS).exists():
        shutil.copytree(run.folder / DECODERS, folder / DECODERS, dirs_exist_ok=True)
    if (run.folder / REPORT).exists():
        shutil.copytree(run.folder / "grids", folder / "grids", dirs_exist_ok=True)
        for name in ("report.md", REPORT):
            shutil.copy(run.folder / name, folder)


def trimmed_path(run: Run, name: str) -> Path:
    """Return the file of a family in a trimmed run."""
    return run.folder / f"{name}.safetensors"


def trimmed_families(run: Run) -> list[str]:
    """Return the families of a trimmed run; none if the run is not trimmed."""
    return [name for name in FAMILIES if trimmed_path(run, name).exists()]


def sampling_tensors(run: Run, name: str, family: Family) -> dict[str, torch.Tensor]:
    """Return what sampling needs of a family in a trimmed or finished run; raise RunError if missing."""
    path = trimmed_path(run, name)
    return load_snapshot(path)[0] if path.exists() else family.sampling_tensors(Run(run.folder / name))


def source_of_fakes(config: DetectorConfig) -> Run:
    """Return the run that a detector's fakes are sampled from, wherever this checkout is."""
    return Run(CHECKOUT / TRAINED if config.generators == TRAINED else Path(config.generators))


def check_generators(config: DetectorConfig) -> None:
    """Raise RunError if the generators are unfinished, ConfigError if they learnt from another data set."""
    run = source_of_fakes(config)
    dataset = run.config(GeneratorsConfig).dataset
    if dataset != config.dataset:
        raise ConfigError(
            f"{run.folder} was trained on {dataset}; give --dataset {dataset} or another --generators."
        )
    if not trimmed_families(run):
        read_quality(run)


def trained_families(config: DetectorConfig, digits: Digits) -> dict[str, Family]:
    """Return the families that a detector's fakes are sampled from, by name.

    digits: what they learnt from; some families sample by altering them.

    Raises:
        RunError: the generators are missing, unfinished or unreadable.
    """
    run = source_of_fakes(config)
    families = {}
    for name in trimmed_families(run) or FAMILIES:
        family = families[name] = FAMILIES[name](run.config(GeneratorsConfig))
        family.load(sampling_tensors(run, name, family), digits)
    return families


def offered_generators(families: Mapping[str, Family]) -> list[Generator]:
    """Return all generators of trained families, given by name."""
    # How long they were trained matters only to the report on them.
    return [each for name, family in families.items() for each in family.generators(name, 0.0)]
