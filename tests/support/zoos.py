"""A zoo that hardly learnt anything, and the product that is trained from it: in seconds."""

import shutil
from pathlib import Path
from typing import Final

import pytest

from tests.support.shared import built_once
from train.__main__ import main

ZOO_OPTIONS: Final = (
    ["--preset", "smoke", "--effort", "1e-9", "--count", "100", "--jobs", "1", "--threads", "1"]
    # Side by side, other processes would not know a data set that a test has added.
)


FEW: Final = (
    "--reals 150 --samples 24 --validation 24 --others 30 --exam 12 --changed-fakes 2 --changed-reals 10 "
    "--jobs 1 --threads 1"
)


def zoo_command(runs: Path, dataset: str, *more: str) -> list[str]:
    return ["zoo", *ZOO_OPTIONS, "--dataset", dataset, "--runs", str(runs), *more]


def product_command(runs: Path, dataset: str, *more: str) -> list[str]:
    options = ["--preset", "smoke", "--zoo", str(runs / "zoo-smoke"), *FEW.split()]
    return ["product", *options, "--dataset", dataset, "--runs", str(runs), *more]


def built_zoo(factory: pytest.TempPathFactory, dataset: str) -> Path:
    """The folder of a zoo, built in two goes; everybody's."""

    def build(runs: Path) -> None:
        assert main(zoo_command(runs, dataset, "--only", "vae", "morphs")) == 0
        assert not (runs / "zoo-smoke" / "report.json").exists()
        assert main(zoo_command(runs, dataset, "--resume")) == 0

    return built_once(factory, "zoo", build) / "zoo-smoke"


def copied_zoo(factory: pytest.TempPathFactory, dataset: str) -> Path:
    """A copy of that folder in a folder of runs of its own."""
    return Path(shutil.copytree(built_zoo(factory, dataset), factory.mktemp("runs") / "zoo-smoke"))


def evaluated_product(factory: pytest.TempPathFactory, dataset: str) -> Path:
    """The folder of a product that hardly learnt anything, with its report; everybody's."""

    def build(runs: Path) -> None:
        shutil.copytree(built_zoo(factory, dataset), runs / "zoo-smoke")
        assert main(product_command(runs, dataset)) == 0
        assert main(["evaluate", str(runs / "product-smoke")]) == 0

    return built_once(factory, "evaluated", build) / "product-smoke"
