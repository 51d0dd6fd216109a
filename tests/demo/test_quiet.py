"""Telemetry is off in all libraries, and temporary files have a folder."""

import os
import tempfile
from pathlib import Path

import pytest

from demo.cli import main
from demo.environment import SWITCHES, check_temporary_folder, disable_telemetry
from demo.errors import UsageError
from tests.support.processes import run_python

LIBRARIES = {"gradio", "huggingface_hub", "onnxruntime", "ray"}


def test_every_switch_is_set_before_a_command_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in SWITCHES:
        monkeypatch.setenv(name, "as a user has it")
    assert main(["check", "--models", str(tmp_path), "x.png"]) == 1
    assert {name: os.environ[name] for name in SWITCHES} == SWITCHES


def test_the_libraries_obey_the_switches(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SWITCHES:
        monkeypatch.delenv(name, raising=False)
    disable_telemetry()
    # Without the switch that covers all, to test each library's own.
    monkeypatch.delenv("DO_NOT_TRACK")
    program = """
from gradio.analytics import analytics_enabled
from huggingface_hub.constants import HF_HUB_DISABLE_TELEMETRY
print(analytics_enabled(), HF_HUB_DISABLE_TELEMETRY)
"""
    result = run_python("-c", program)
    assert result.stdout.split() == ["False", "True"], result.stderr


@pytest.mark.parametrize("package", ["demo.cli", "export.cli", "train.cli"])
def test_no_command_imports_such_a_library_before_it_is_switched_off(package: str) -> None:
    program = f"import sys, {package}; print(*{LIBRARIES!r}.intersection(sys.modules))"
    result = run_python("-c", program)
    assert (result.stdout.split(), result.stderr) == ([], "")


def test_a_missing_temporary_folder_is_a_usage_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    check_temporary_folder()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "missing"))
    with pytest.raises(UsageError, match=r"^TMPDIR \(.*missing\) cannot be written \(No such file"):
        check_temporary_folder()
    monkeypatch.delenv("TMPDIR")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(UsageError, match=r"^There is no temporary folder"):
        check_temporary_folder()
