"""Options, presets and flags."""

import argparse
import dataclasses
from typing import Any

import pytest

from train.__main__ import main
from train.config import Config, GeneratorsConfig, TutorialConfig, add_flags, chosen, conflicts, from_preset
from train.errors import ConfigError


def test_full_is_the_notebooks() -> None:
    config = from_preset(TutorialConfig, {"preset": "full"})
    assert (config.batch_size, config.learning_rate, config.epochs, config.latent) == (128, 1e-5, 100, 64)


@pytest.mark.parametrize("kind", [TutorialConfig, GeneratorsConfig])
def test_every_preset_is_valid(kind: type[Config]) -> None:
    for preset in kind.presets:
        assert from_preset(kind, {"preset": preset}).preset == preset
    assert from_preset(kind, {}) == from_preset(kind, {"preset": kind.preset})


@pytest.mark.parametrize("kind", [TutorialConfig, GeneratorsConfig])
def test_every_field_is_a_flag(kind: type[Config]) -> None:
    parser = argparse.ArgumentParser()
    add_flags(parser, kind)
    given = [
        word
        for item in dataclasses.fields(kind)
        for word in (f"--{item.name.replace('_', '-')}", str(item.default))
    ]
    assert chosen(parser.parse_args(given), kind) == dataclasses.asdict(kind())
    assert chosen(parser.parse_args([]), kind) == {}


@pytest.mark.parametrize(
    "options",
    [
        {"epochs": 0},
        {"batch_size": 1},
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"beta1": 1.0},
        {"snapshots": 1},
        {"device": "tpu"},
        {"preset": "huge"},
        {"threads": -1},
        {"threads": 10**12},
        {"latent": 10**12},
        {"seed": -1},
        {"seed": 10**18},
    ],
)
def test_an_option_outside_its_range_is_named(options: dict[str, Any]) -> None:
    (name,) = options
    with pytest.raises(ConfigError, match=rf"--{name.replace('_', '-')} is .*give"):
        TutorialConfig(**options)


@pytest.mark.parametrize("options", [{"effort": 0.0}, {"precision": "half"}, {"count": 1}])
def test_an_option_of_the_zoo_outside_its_range_is_named(options: dict[str, Any]) -> None:
    (name,) = options
    with pytest.raises(ConfigError, match=rf"--{name} is .*give"):
        GeneratorsConfig(**options)


def test_conflicts_name_both_values() -> None:
    assert conflicts(TutorialConfig(), {"epochs": 3, "seed": 0}) == ["--epochs 3 (the run has 100)"]
    assert conflicts(TutorialConfig(), {"preset": "smoke"}) == ["--preset smoke (the run has full)"]


def test_a_choice_left_open_contradicts_nothing() -> None:
    saved = TutorialConfig(device="cpu", threads=2)
    assert not conflicts(saved, {"device": "auto", "threads": 0})
    assert conflicts(saved, {"device": "cuda", "threads": 1})


def test_a_preset_gives_way_to_what_is_given() -> None:
    config = from_preset(TutorialConfig, {"preset": "smoke", "epochs": 7})
    assert (config.preset, config.epochs, config.learning_rate) == ("smoke", 7, 2e-4)


def test_usage_errors_exit_with_2() -> None:
    with pytest.raises(SystemExit) as exit_status:
        main(["tutorial", "--epochs", "many"])
    assert exit_status.value.code == 2
