"""`python -m demo check`: lines, JSON, exit codes; and the answer they carry."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from demo.cli import build_parser, main
from demo.decoder.images import encode_png
from demo.inference.engine import Engine

ROOT = Path(__file__).parents[2]
CONTRACT = [
    "file",
    "verdict",
    "reason",
    "fake_probability",
    "logit",
    "digit",
    "digit_probability",
    "in_domain",
    "model",
    "version",
    "provider",
    "error",
]


@pytest.fixture
def digit(engine: Engine, tmp_path: Path) -> Path:
    path = tmp_path / "digit.png"
    path.write_bytes(encode_png(engine.generate("mlp_generator", 1, seed=3)[0]))
    return path


def test_json_is_the_contracts(engine: Engine, digit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--device", "cpu", "--json", str(digit)]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert list(answer) == CONTRACT
    verdict = engine.thresholds.verdict(answer["fake_probability"], answer["in_domain"])
    assert (answer["model"], answer["verdict"]) == ("discriminator", verdict)
    assert answer["provider"] == "CPUExecutionProvider"
    assert answer["digit"] in range(10)
    assert 0.1 <= answer["digit_probability"] <= 1
    assert answer["error"] is None


def test_json_of_the_tutorial_model_has_no_digit(digit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--device", "cpu", "--model", "mlp_discriminator", "--json"]
    assert main(["check", *options, str(digit)]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert list(answer) == CONTRACT
    assert (answer["model"], answer["digit"], answer["in_domain"]) == ("mlp_discriminator", None, 1)


def test_an_unreadable_file_affects_only_its_own_line(
    digit: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "notes.txt"
    bad.write_text("no picture")
    assert main(["check", "--device", "cpu", "--json", str(bad), str(digit)]) == 1
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert {name for name, value in first.items() if value is not None} == {"file", "error"}
    assert second["error"] is None
    assert main(["check", "--device", "cpu", str(bad)]) == 1
    assert "notes.txt: not judged: This is no picture" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["check"],
        ["nonsense"],
        ["check", "--device", "tpu", "x"],
        ["--port", "99999"],
        ["check", "x", "--part", "0"],
    ],
)
def test_usage_errors_exit_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as exit_status:
        main(arguments)
    assert exit_status.value.code == 2


def test_model_options_work_before_and_after_the_command(tmp_path: Path) -> None:
    parser = build_parser()
    for arguments in (["--models", str(tmp_path), "check", "x"], ["check", "--models", str(tmp_path), "x"]):
        parsed = parser.parse_args(arguments)
        assert parsed.models == tmp_path
        assert parsed.device == "auto"


def test_missing_models_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--models", str(tmp_path)]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_one_line_whatever_the_name_and_the_encoding(tmp_path: Path) -> None:
    names = [tmp_path / "two\nlines.png", tmp_path / os.fsdecode(b"not-utf-8-\xff.png"), tmp_path / "é→.png"]
    for options in ([], ["--json"]):
        result = subprocess.run(
            [sys.executable, "-m", "demo", "check", "--device", "cpu", *options, *names],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
            env=os.environ | {"PYTHONIOENCODING": "ascii"},
        )
        assert len(result.stdout.splitlines()) == len(names)
        assert result.stderr == ""


def test_a_closed_output_gives_no_traceback(digit: Path) -> None:
    command = f"{sys.executable} -m demo check --device cpu {digit} {digit} | head -c 0"
    result = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False, cwd=ROOT)
    assert "Traceback" not in result.stderr


def test_a_blank_picture_is_not_a_digit_and_gets_no_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blank = tmp_path / "blank.png"
    blank.write_bytes(encode_png(np.full((30, 40), 255, np.uint8)))
    assert main(["check", "--device", "cpu", str(blank)]) == 0
    assert capsys.readouterr().out == f"{blank}: not a digit (blank)\n"


def test_of_an_animation_the_first_frame_is_read_with_a_note(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = [Image.new("L", (30, 40), level) for level in (0, 100, 200)]
    frames[0].save(tmp_path / "moves.gif", save_all=True, append_images=frames[1:])
    assert main(["check", "--device", "cpu", str(tmp_path / "moves.gif")]) == 0
    assert "only the first was read" in capsys.readouterr().out
