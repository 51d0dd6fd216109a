"""A run's options, and those of older runs."""

import json
from pathlib import Path

import pytest

from train.config import DetectorConfig, GeneratorsConfig, TutorialConfig
from train.errors import RunError
from train.run import Run


def test_generators_of_the_former_command_are_read(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.save_config(GeneratorsConfig(effort=2.0))
    options = json.loads(run.config_path.read_text())
    run.config_path.write_text(json.dumps({**options, "command": "zoo"}))
    assert run.config(GeneratorsConfig).effort == 2.0


@pytest.mark.parametrize("content", ["", '{"command": "tutorial", "epochs": 0}'])
def test_a_damaged_config_is_named(tmp_path: Path, content: str) -> None:
    run = Run(tmp_path)
    run.config_path.write_text(content)
    with pytest.raises(RunError, match=r"config\.json cannot be read .*; delete .* again"):
        run.config(TutorialConfig)


def test_a_line_cut_short_by_a_kill_is_left_out(tmp_path: Path) -> None:
    run = Run(tmp_path)
    for step in range(3):
        run.log({"kind": "window", "step": step})
    with run.metrics_path.open("a") as stream:
        stream.write('{"kind": "win')
    assert [row["step"] for row in run.metrics()] == [0, 1, 2]
    run.rewind_metrics(1)
    assert [row["step"] for row in run.metrics()] == [0, 1]


def test_a_run_with_options_of_an_earlier_version_is_refused_clearly(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.save_config(DetectorConfig())
    options = json.loads(run.config_path.read_text())
    run.config_path.write_text(json.dumps({**options, "copies": 2}))
    with pytest.raises(RunError, match=r"earlier version, .* \(copies\), and can neither be resumed"):
        run.config(DetectorConfig)
