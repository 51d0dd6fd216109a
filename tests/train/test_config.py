"""Options, presets and flags."""

from pathlib import Path
from typing import Any

import pytest

from train.cli import main
from train.config import (
    Config,
    DetectorConfig,
    GeneratorsConfig,
    TutorialConfig,
    from_preset,
)
from train.data.mnist import hold_out, load
from train.errors import ConfigError
from train.generators.trained import offered_generators, trained_families

KINDS = [TutorialConfig, GeneratorsConfig, DetectorConfig]


def test_the_full_preset_is_the_notebooks() -> None:
    config = from_preset(TutorialConfig, {"preset": "full"})
    assert (config.batch_size, config.learning_rate, config.epochs, config.latent) == (128, 1e-5, 100, 64)


@pytest.mark.parametrize("kind", KINDS)
def test_every_preset_is_valid(kind: type[Config]) -> None:
    for preset in kind.presets:
        assert from_preset(kind, {"preset": preset}).preset == preset
    assert from_preset(kind, {}) == from_preset(kind, {"preset": kind.preset})


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (TutorialConfig, {"epochs": 0}),
        (TutorialConfig, {"learning_rate": float("nan")}),
        (TutorialConfig, {"device": "tpu"}),
        (GeneratorsConfig, {"precision": "half"}),
    ],
)
def test_an_option_out_of_range_is_named(kind: type[Config], options: dict[str, Any]) -> None:
    (name,) = options
    with pytest.raises(ConfigError, match=rf"--{name.replace('_', '-')} is .*give"):
        kind(**options)


def test_given_options_override_the_preset() -> None:
    config = from_preset(TutorialConfig, {"preset": "smoke", "epochs": 7})
    assert (config.preset, config.epochs, config.learning_rate) == ("smoke", 7, 2e-4)


def test_usage_errors_exit_with_2() -> None:
    with pytest.raises(SystemExit) as exit_status:
        main(["tutorial", "--epochs", "many"])
    assert exit_status.value.code == 2


def test_the_default_generators_are_found_from_any_folder(
    few_digits: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    known, _ = hold_out(load(few_digits, "train"))
    families = trained_families(DetectorConfig(), known)
    assert "conditional_gan" in families
    for generator in offered_generators(families):
        assert generator.sample(4, 0, None).max() > 200
