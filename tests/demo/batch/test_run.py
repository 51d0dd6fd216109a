"""`python -m demo check --out`: parts in order, resumed runs, and refusals."""

import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from demo.batch.find import find_pictures
from demo.cli import main
from demo.decoder.images import MISSING, encode_png
from demo.errors import NoColumnError, PictureError, ResultsError, UsageError
from demo.inference.check import check_stream
from demo.inference.engine import Engine
from demo.inference.manifest import MODELS_FOLDER, Manifest

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

from demo.batch import run  # noqa: E402
from demo.batch.parquet import read_pictures  # noqa: E402
from demo.batch.run import Plan, check_part, make_plan  # noqa: E402

MANIFEST = Manifest.load(MODELS_FOLDER)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Four empty files, and two tables with three and four rows in folders among them."""
    folder = tmp_path / "files"
    for name in ("a/1.png", "a/2.png", "b/c/3.png", "d.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    for name, rows in (("a/x.parquet", 3), ("z.PARQUET", 4)):
        pq.write_table(pa.table({"bytes": [b"%d" % index for index in range(rows)]}), folder / name)
    return folder


@pytest.fixture
def pictures(engine: Engine, tmp_path: Path) -> Path:
    """Ten digits, a blank picture and a file that is not a picture."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for index, digit in enumerate(engine.generate("mlp_generator", 10, seed=2)):
        (folder / f"{index}.png").write_bytes(encode_png(digit))
    (folder / "3-notes.png").write_text("no picture")
    (folder / "blank.png").write_bytes(encode_png(np.full((30, 40), 255, np.uint8)))
    return folder


def planned(paths: Sequence[Path], out: Path, size: int = 3, model: str = "discriminator") -> Plan:
    return make_plan(paths, out, size, MANIFEST, model)


def sources(plan: Plan) -> list[list[tuple[str, Any]]]:
    """The names and sources in each part."""
    return [list(read_pictures(Path(part.table), part.name, part.first, part.rows)) for part in plan.parts]


def answers(out: Path) -> list[dict[str, object]]:
    return [row for path in sorted(out.glob("part-*.parquet")) for row in pq.read_table(path).to_pylist()]


def check(*arguments: Path | str) -> int:
    return main(["check", "--device", "cpu", *map(str, arguments)])


def test_answers_are_those_of_the_plain_command(
    engine: Engine, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert check(pictures, "--out", out, "--part", "5") == 1
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", f"{out}: 12 pictures, 1 of them not judged\n")
    assert [path.name for path in sorted(out.glob("part-*"))] == [f"part-00000{n}.parquet" for n in range(3)]
    checked = [each.answer for batch in check_stream(engine, find_pictures([pictures])) for each in batch]
    for row, answer in zip(answers(out), checked, strict=True):
        # In other batches the last bits of a number may differ.
        assert row.pop("logit") == pytest.approx(answer.logit, abs=1e-4)
        expected = dataclasses.replace(answer, logit=None).as_dict()
        del expected["logit"]
        assert row == pytest.approx(expected, abs=1e-4)


def test_tables_are_checked_like_files(pictures: Path, tmp_path: Path) -> None:
    rows = [{"bytes": path.read_bytes(), "path": str(path)} for path in sorted(pictures.iterdir())]
    pq.write_table(pa.table({"image": rows}), tmp_path / "pictures.parquet")
    assert check(tmp_path / "pictures.parquet", "--out", tmp_path / "tables") == 1
    assert check(pictures, "--out", tmp_path / "files") == 1
    assert answers(tmp_path / "tables") == answers(tmp_path / "files")


def test_a_stopped_run_resumes_with_the_missing_parts(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert check(pictures, "--out", out, "--part", "5") == 1
    before = answers(out)
    # As though killed while writing.
    (out / "part-000001.parquet").rename(out / f".part-000001.parquet.{'a' * 32}")
    kept = {path: path.stat() for path in out.glob("part-*")}
    capsys.readouterr()
    assert check(pictures, "--out", out, "--part", "5") == 1
    assert "(2 of 3 parts were there before)" in capsys.readouterr().err
    assert answers(out) == before
    assert not list(out.glob(".*"))
    for path, status in kept.items():
        assert (path.stat().st_ino, path.stat().st_mtime_ns) == (status.st_ino, status.st_mtime_ns)
    (out / "part-000000.parquet").write_bytes((out / "part-000002.parquet").read_bytes())
    assert check(pictures, "--out", out, "--part", "5") == 1
    assert "part-000000.parquet holds 2 answers, not 5; remove it" in capsys.readouterr().err


def test_machine_errors_are_retried_and_never_recorded(
    engine: Engine, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    (part,) = make_plan([pictures, tmp_path / "gone.png"], out, 99, engine.manifest, engine.model).parts
    pictures.rename(tmp_path / "elsewhere")
    with pytest.raises(ResultsError, match=r"0\.png cannot be checked here: There is no such file"):
        check_part(engine, part, out)
    assert len(waits) == run.TRIES - 1
    assert not list(out.glob("*part-*"))
    (tmp_path / "elsewhere").rename(pictures)
    # It passes on the second try. The file that was missing when it was listed is recorded as missing.
    preprocess, calls = engine.preprocess, list[int]()

    def fails_once(*arguments: Any) -> Any:
        calls.append(1)
        return preprocess(*arguments) if len(calls) > 1 else 1 / 0

    monkeypatch.setattr(engine, "preprocess", fails_once)
    assert check_part(engine, part, out) == 2


def test_a_table_that_changes_during_the_run_is_refused(engine: Engine, tmp_path: Path) -> None:
    table, out = tmp_path / "t.parquet", tmp_path / "out"
    pq.write_table(pa.table({"bytes": [b"1", b"2"]}), table)
    plan = make_plan([table], out, 2, engine.manifest, engine.model)
    pq.write_table(pa.table({"bytes": [b"1"]}), table)
    with pytest.raises(ResultsError, match="has changed"):
        check_part(engine, plan.parts[0], out)
    assert not list(out.glob("part-*"))


def test_tables_come_first_then_files_in_consecutive_parts(files: Path, tmp_path: Path) -> None:
    parts = sources(planned([files], tmp_path / "out"))
    assert [[Path(name).relative_to(files).as_posix() for name, _ in part] for part in parts] == [
        [f"a/x.parquet#{index}" for index in range(3)],
        [f"z.PARQUET#{index}" for index in range(3)],
        ["z.PARQUET#3"],
        ["a/1.png", "a/2.png", "b/c/3.png"],
        ["d.png"],
    ]


def test_missing_and_unreadable_pictures_are_listed_with_the_reason(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    (tmp_path / "empty").mkdir()
    folder.mkdir()
    (folder / "a.png").symlink_to("nowhere.png")
    (folder / "b.png").touch()
    paths = [folder, tmp_path / "gone.png", tmp_path / "empty"]
    (part,) = sources(planned(paths, tmp_path / "out", size=9))
    assert [name for name, _ in part] == [*map(str, [folder / "a.png", folder / "b.png", *paths[1:]])]
    reasons = [str(source) if isinstance(source, PictureError) else None for _, source in part]
    assert reasons[:3] == [MISSING, None, MISSING]
    assert "No file in the folder" in str(reasons[3])


def test_tables_without_pictures_are_left_out(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = sources(planned([files], tmp_path / "before"))
    other = files / "a" / "prices.parquet"
    pq.write_table(pa.table({"label": [1]}), other)
    assert sources(planned([files], tmp_path / "out")) == expected
    assert capsys.readouterr().err == f"{other} is left out: it has no column of pictures.\n"
    with pytest.raises(NoColumnError, match=r"prices\.parquet has no column of pictures"):
        planned([other], tmp_path / "named")


def test_a_folder_of_results_inside_is_left_out(files: Path) -> None:
    out = files / "results"
    first = planned([files], out)
    pq.write_table(pa.table({"bytes": [b"1"]}), out / "part-000000.parquet")
    assert planned([files], out) == first
    assert {path.name for path in out.iterdir()} == {"inputs.parquet", "part-000000.parquet", "plan.json"}


def more_files(files: Path) -> dict[str, Any]:
    (files / "g.png").touch()
    return {}


def another_table(files: Path) -> dict[str, Any]:
    pq.write_table(pa.table({"bytes": [b"9", b"8", b"7"]}), files / "a" / "x.parquet")
    return {}


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        (more_files, "files"),
        (another_table, "tables"),
        (lambda _: {"size": 4}, "part size"),
        (lambda _: {"model": "mlp_discriminator"}, "models"),
    ],
)
def test_a_different_plan_is_refused(files: Path, tmp_path: Path, change: Any, difference: str) -> None:
    planned([files], tmp_path / "out")
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    with pytest.raises(UsageError, match=f"results of a run with other {difference}; name another folder"):
        planned([files], tmp_path / "out", **change(files))
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_another_model_under_the_same_name_is_refused(files: Path, tmp_path: Path) -> None:
    planned([files], tmp_path / "out")
    content = json.loads((MODELS_FOLDER / "manifest.json").read_text())
    content["files"]["discriminator.onnx"]["sha256"] = "0" * 64
    with pytest.raises(UsageError, match="other models"):
        make_plan([files], tmp_path / "out", 3, Manifest(MODELS_FOLDER, content), "discriminator")


def test_a_folder_that_is_not_ours_is_refused(files: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a folder of results"):
        planned([files], files)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "plan.json").write_text("[]")
    with pytest.raises(UsageError, match="not a plan that can be read"):
        planned([files], tmp_path / "out")
    with pytest.raises(ResultsError, match=r"cannot be written \(File name too long\)"):
        planned([files], tmp_path / ("x" * 300))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--engine", "ray"], "name it with --out"),
        (["--part", "5"], "name it with --out"),
        (["--out", "results", "--json"], "leave --json out"),
        (["--out", "results", "--workers", "2"], "for --engine ray"),
    ],
)
def test_conflicting_options_are_usage_errors(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "a.png", *arguments]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert (captured.out, captured.err.count("\n")) == ("", 1)


@pytest.mark.parametrize(("engine", "missing"), [("ray", "ray"), ("local", "pyarrow")])
def test_missing_libraries_are_named_with_what_to_install(
    engine: str,
    missing: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    assert main(["check", "a.png", "--engine", engine, "--out", str(tmp_path / "results")]) == 2
    assert 'pip install ".[ray]"' in capsys.readouterr().err
    assert not (tmp_path / "results").exists()
