"""`python -m demo check --out`: parts in order, resumed runs, and refusals."""

import dataclasses
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from demo.batch.find import NONE_INSIDE, find_pictures
from demo.cli import main
from demo.decoder.images import MISSING, encode_png
from demo.errors import DemoError, PictureError, UsageError
from demo.inference.check import check_stream
from demo.inference.engine import Engine

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

from demo.batch import run  # noqa: E402
from demo.batch.run import LISTING, check_part, list_pictures, part_file, read_sources  # noqa: E402


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


def sources(out: Path) -> list[list[tuple[str, Any]]]:
    """The names and sources in each part."""
    with pq.ParquetFile(out / LISTING) as listing:
        groups = [listing.read_row_group(number).to_pylist() for number in range(listing.num_row_groups)]
    return [list(read_sources(rows)) for rows in groups]


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
    next(iter(kept)).write_bytes(b"PAR1 and no more")
    assert check(pictures, "--out", out, "--part", "5") == 1
    assert "cannot be read as Parquet" in capsys.readouterr().err


def test_machine_errors_are_retried_and_never_recorded(
    engine: Engine, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    list_pictures([pictures, tmp_path / "gone.png"], out, 99, engine)
    pictures.rename(tmp_path / "elsewhere")
    with pytest.raises(DemoError, match=r"0\.png cannot be checked here: There is no such file"):
        check_part(engine, out, 0)
    assert len(waits) == run.TRIES
    assert not list(out.glob("*part-*"))
    (tmp_path / "elsewhere").rename(pictures)
    # It passes on the second try. The file that was missing when it was listed is recorded as missing.
    preprocess, calls = engine.preprocess, list[int]()

    def fails_once(*arguments: Any) -> Any:
        calls.append(1)
        return preprocess(*arguments) if len(calls) > 1 else 1 / 0

    monkeypatch.setattr(engine, "preprocess", fails_once)
    check_part(engine, out, 0)
    assert sum(row["error"] is not None for row in answers(out)) == 2


def test_a_table_that_changes_during_the_run_is_refused(engine: Engine, tmp_path: Path) -> None:
    table, out = tmp_path / "t.parquet", tmp_path / "out"
    pq.write_table(pa.table({"bytes": [b"1", b"2"]}), table)
    list_pictures([table], out, 2, engine)
    pq.write_table(pa.table({"bytes": [b"1"]}), table)
    with pytest.raises(DemoError, match="has changed"):
        check_part(engine, out, 0)
    assert not list(out.glob("part-*"))


def test_files_and_rows_of_tables_fill_parts_in_order(files: Path, tmp_path: Path, engine: Engine) -> None:
    list_pictures([files, files / "z.PARQUET"], tmp_path / "out", 4, engine)
    parts = sources(tmp_path / "out")
    assert [[Path(name).relative_to(files).as_posix() for name, _ in part] for part in parts] == [
        ["a/1.png", "a/2.png", "a/x.parquet#0", "a/x.parquet#1"],
        ["a/x.parquet#2", "b/c/3.png", "d.png", "z.PARQUET#0"],
        [*(f"z.PARQUET#{index}" for index in (1, 2, 3)), "z.PARQUET#0"],
        [f"z.PARQUET#{index}" for index in (1, 2, 3)],
    ]
    assert [source for part in parts[2:] for _, source in part] == [b"1", b"2", b"3", b"0", b"1", b"2", b"3"]


def test_missing_pictures_are_listed_with_the_reason(engine: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    (tmp_path / "empty").mkdir()
    folder.mkdir()
    (folder / "a.png").symlink_to("nowhere.png")
    (folder / "b.png").touch()
    paths = [folder, tmp_path / "gone.png", tmp_path / "empty"]
    list_pictures(paths, tmp_path / "out", 9, engine)
    (part,) = sources(tmp_path / "out")
    assert [name for name, _ in part] == [*map(str, [folder / "a.png", folder / "b.png", *paths[1:]])]
    reasons = [str(source) if isinstance(source, PictureError) else None for _, source in part]
    assert reasons == [MISSING, None, MISSING, NONE_INSIDE]


def test_tables_without_pictures_and_results_inside_are_left_out(
    engine: Engine, files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    list_pictures([files], tmp_path / "out", 3, engine)
    expected = sources(tmp_path / "out")
    other = files / "a" / "prices.parquet"
    pq.write_table(pa.table({"label": [1]}), other)
    out = files / "results"
    for _ in range(2):
        list_pictures([files], out, 3, engine)
        assert sources(out) == expected
        assert capsys.readouterr().err == f"{other} is left out: it has no column of pictures.\n"
        pq.write_table(pa.table({"bytes": [b"1"]}), part_file(out, 0))
    with pytest.raises(DemoError, match=r"prices\.parquet has no column of pictures"):
        list_pictures([other], tmp_path / "named", 3, engine)


def test_another_command_is_refused(
    engine: Engine, tutorial_engine: Engine, files: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    list_pictures([files], out, 3, engine)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    for size, used in ((4, engine), (3, tutorial_engine)):
        with pytest.raises(UsageError, match=r"holds the answers of another command .* name another folder"):
            list_pictures([files], out, size, used)
    (files / "g.png").touch()
    with pytest.raises(UsageError, match="another command"):
        list_pictures([files], out, 3, engine)
    (files / "g.png").unlink()
    pq.write_table(pa.table({"bytes": [b"9", b"8", b"7"]}), files / "a" / "x.parquet")
    with pytest.raises(UsageError, match="another command"):
        list_pictures([files], out, 3, engine)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_a_folder_that_cannot_hold_results_is_refused(engine: Engine, files: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a folder of results"):
        list_pictures([files], files, 3, engine)
    with pytest.raises(DemoError, match=r"cannot be written \(File name too long\)"):
        list_pictures([files], tmp_path / ("x" * 300), 3, engine)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--engine", "ray"], "name it with --out"),
        (["--part", "5"], "name it with --out"),
        (["--out", "results", "--json"], "leave --json and --csv out"),
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


def test_missing_libraries_are_named_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert main(["check", "a.png", "--out", str(tmp_path / "results")]) == 1
    assert 'pip install ".[parquet]"' in capsys.readouterr().err
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "ray", None)
    assert main(["check", "a.png", "--engine", "ray", "--out", str(tmp_path / "results")]) == 1
    assert 'pip install ".[ray]"' in capsys.readouterr().err
    assert not (tmp_path / "results").exists()
