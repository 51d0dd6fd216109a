"""`python -m demo check`: lines, JSON, exit codes; and the answer they carry."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from demo.cli import build_parser, main
from demo.decoder.client import SEVERAL_FRAMES
from demo.decoder.images import encode_png
from demo.inference.engine import Engine
from tests.demo.batch.test_archive import zip_bytes
from tests.support.processes import ROOT, run_python

SCORES = ["fake_probability", "logit", "digit", "digit_probability", "in_domain"]
CONTRACT = ["file", "verdict", "reason", *SCORES, "model", "version", "provider", "error"]


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
    ["check", "nonsense", "check --device tpu x", "--port 99999", "check x --part 0", "--api-only --mcp"],
)
def test_usage_errors_exit_with_2(arguments: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments.split())


def test_model_options_work_before_and_after_the_command(tmp_path: Path) -> None:
    for arguments in (["--models", str(tmp_path), "check", "x"], ["check", "--models", str(tmp_path), "x"]):
        parsed = build_parser().parse_args(arguments)
        assert (parsed.models, parsed.device) == (tmp_path, "auto")


def test_one_line_whatever_the_name_and_the_encoding(tmp_path: Path) -> None:
    names = [tmp_path / "two\nlines.png", tmp_path / os.fsdecode(b"not-utf-8-\xff.png"), tmp_path / "é→.png"]
    for options in ([], ["--json"]):
        command = ["-m", "demo", "check", "--device", "cpu", *options, *map(str, names)]
        result = run_python(*command, PYTHONIOENCODING="ascii")
        assert len(result.stdout.splitlines()) == len(names)
        assert result.stderr == ""


def test_zips_and_standard_input_are_checked_and_listed_as_csv(
    digit: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    packed = tmp_path / "all.zip"
    packed.write_bytes(zip_bytes({"1.png": digit.read_bytes(), "=2.png": b"no picture"}))
    assert main(["check", "--device", "cpu", "--csv", str(packed)]) == 1
    header, first, second = csv.reader(capfd.readouterr().out.splitlines())
    assert header == CONTRACT
    assert first[0] == f"{packed}/1.png"
    assert second[0] == f"{packed}/=2.png"
    command = [sys.executable, "-m", "demo", "check", "--device", "cpu", "--csv", "-"]
    result = subprocess.run(command, input=digit.read_bytes(), capture_output=True, check=True, cwd=ROOT)
    assert next(csv.reader([result.stdout.decode().splitlines()[1]]))[1:] == first[1:]


def test_tables_are_not_made_of_zips_and_standard_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packed = tmp_path / "all.zip"
    packed.write_bytes(zip_bytes({"1.png": b"x"}))
    for path in (str(packed), "-"):
        assert main(["check", "--device", "cpu", path, "--out", str(tmp_path / "results")]) == 2
        assert "unpack zips" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "package", "extra"),
    [
        ("train tutorial", "torch", "train"),
        ("export readme", "onnx", "train"),
        ("demo", "gradio", "demo"),
        ("demo check x.png", "onnxruntime", "api"),
        ("demo --api-only", "uvicorn", "api"),
    ],
)
def test_a_missing_package_is_named_with_the_extra_that_brings_it(
    command: str, package: str, extra: str
) -> None:
    name, *arguments = command.split()
    program = f"import runpy, sys; sys.modules[{package!r}] = None; sys.argv[1:] = {arguments}; "
    result = run_python("-c", f"{program}runpy.run_module({name!r}, run_name='__main__')")
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert f"{package} is not installed" in result.stderr
    assert f'pip install ".[{extra}]"' in result.stderr


def test_a_closed_output_gives_no_traceback(digit: Path) -> None:
    command = f"{sys.executable} -m demo check --device cpu {digit} {digit} | head -c 0"
    result = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False, cwd=ROOT)
    assert "Traceback" not in result.stderr


def test_a_picture_that_is_not_a_digit_gets_a_reason_and_a_note_instead_of_a_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = [Image.new("L", (30, 40), level) for level in (0, 100, 200)]
    path = tmp_path / "moves.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    assert main(["check", "--device", "cpu", str(path)]) == 0
    assert capsys.readouterr().out == f"{path}: not a digit (blank) ({SEVERAL_FRAMES})\n"
