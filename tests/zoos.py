"""A zoo that hardly learnt anything, and the product that is trained from it: in seconds."""

import shutil
from pathlib import Path
from typing import Final

import pytest

from train.__main__ import main

ZOO_OPTIONS: Final = (
    ["--preset", "smoke", "--effort", "1e-9", "--count", "100", "--jobs", "1", "--threads", "1"]
    # Side by side, other processes would not know a data set that a test has added.
)


FEW: Final = "--exam 20 --changed-fakes 2 --changed-reals 20 --others 50 --jobs 1 --threads 1"


def zoo_command(runs: Path, dataset: str, *more: str) -> list[str]:
    return ["zoo", *ZOO_OPTIONS, "--dataset", dataset, "--runs", str(runs), *more]


def product_command(runs: Path, dataset: str, *more: str) -> list[str]:
    options = ["--preset", "smoke", "--zoo", str(runs / "zoo-smoke"), *FEW.split()]
    return ["product", *options, "--dataset", dataset, "--runs", str(runs), *more]


def copied_zoo(factory: pytest.TempPathFactory, dataset: str) -> Path:
    """The folder of a zoo in a folder of runs of its own; built for whoever asks first, copied for all."""
    built = factory.getbasetemp() / "built-zoo"
    if not (built / "zoo-smoke" / "report.json").exists():
        build_zoo(built, dataset)
    return Path(shutil.copytree(built, factory.mktemp("runs") / "copied")) / "zoo-smoke"


def build_zoo(runs: Path, dataset: str) -> Path:
    """The folder of a zoo, built in two goes."""
    assert main(zoo_command(runs, dataset, "--only", "vae", "morphs")) == 0
    assert not (runs / "zoo-smoke" / "report.json").exists()
    assert main(zoo_command(runs, dataset, "--resume")) == 0
    return runs / "zoo-smoke"
