"""`python -m demo check --out`: options that go together, and what they take."""

import sys
from pathlib import Path

import pytest

from demo.cli import main


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--engine", "ray"], "name it with --out"),
        (["--part", "5"], "name it with --out"),
        (["--out", "results", "--json"], "leave --json out"),
        (["--out", "results", "--workers", "2"], "for --engine ray"),
        (["--ray-address", "127.0.0.1:6379"], "for --engine ray"),
    ],
)
def test_options_that_do_not_go_together_are_usage_errors(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "a.png", *arguments]) == 2
    captured = capsys.readouterr()
    assert told in captured.err
    assert (captured.out, captured.err.count("\n")) == ("", 1)


@pytest.mark.parametrize("arguments", [["--part", "0"], ["--workers", "-1"], ["--engine", "spark"]])
def test_numbers_and_engines_that_are_none(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as exit_status:
        main(["check", "a.png", "--out", "results", *arguments])
    assert exit_status.value.code == 2


@pytest.mark.parametrize(("engine", "missing"), [("ray", "ray"), ("ray", "pyarrow"), ("local", "pyarrow")])
def test_without_the_libraries_it_says_what_to_install(
    engine: str,
    missing: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    assert main(["check", "a.png", "--engine", engine, "--out", str(tmp_path / "results")]) == 2
    told = capsys.readouterr().err
    assert 'pip install ".[ray]"' in told
    assert told.count("\n") == 1
    assert not (tmp_path / "results").exists()
