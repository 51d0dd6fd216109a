"""Every part of the benchmark runs once, quickly, and measures what the README shows."""

import math
from importlib import import_module

import pytest
import torch

from export.benchmark.command import PARTS
from export.benchmark.harness import Options, Report, load

OPTIONAL = ("OpenVINO", "bfloat16")
"""Contestants that need a library or a processor that not everybody has."""
NEEDS = {"browser": [pytest.mark.node, pytest.mark.browser]}


@pytest.mark.slow
@pytest.mark.parametrize("part", [pytest.param(part, marks=NEEDS.get(part, ())) for part in PARTS])
def test_every_part_measures_what_the_readme_shows(part: str, request: pytest.FixtureRequest) -> None:
    if part == "training" and request.getfixturevalue("dataset") != "mnist":
        pytest.skip("needs MNIST: set TOUCHSTONE_DATA")
    threads = torch.get_num_threads()
    measured = import_module(f"export.benchmark.{part}").measure(Options(rounds=1, quick=True))
    assert torch.get_num_threads() == threads
    assert measured["part"] == part
    assert contestants(measured) == contestants(load(part))
    for row in measured["rows"]:
        for spread in filter(None, (row["cost"], row["ratio"])):
            assert 0 < spread["low"] <= spread["median"] <= spread["high"] < math.inf


def contestants(measured: Report) -> set[tuple[str, str]]:
    """The rows that every machine with the same libraries measures, as task and contestant."""
    return {
        (row["task"], row["contestant"])
        for row in measured["rows"]
        if not any(name in row["contestant"] for name in OPTIONAL)
    }
