"""A collection judged part by part: the command's answers, what is kept, what is refused."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from demo.batch.find import find_pictures
from demo.cli import main
from demo.decoder import client as workers
from demo.decoder import images
from demo.decoder.client import Pool
from demo.decoder.images import encode_png
from demo.errors import ResultsError
from demo.inference.check import check_stream
from demo.inference.engine import Engine

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

from demo.batch.parts import judge_collection, judge_here, judge_part  # noqa: E402
from demo.batch.plan import make_plan  # noqa: E402


@pytest.fixture
def pictures(engine: Engine, tmp_path: Path) -> Path:
    """Ten digits, and what is none."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for index, digit in enumerate(engine.generate("mlp_generator", 10, seed=2)):
        (folder / f"{index}.png").write_bytes(encode_png(digit))
    (folder / "3-notes.png").write_text("no picture")
    (folder / "blank.png").write_bytes(encode_png(np.full((30, 40), 255, np.uint8)))
    return folder


def answers(out: Path) -> list[dict[str, object]]:
    return [row for path in sorted(out.glob("part-*.parquet")) for row in pq.read_table(path).to_pylist()]


def check(*arguments: Path | str) -> int:
    return main(["check", "--device", "cpu", *map(str, arguments)])


def test_answers_are_the_command_s(
    engine: Engine, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert check(pictures, "--out", out, "--part", "5") == 1
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", f"{out}: 12 pictures, 1 of them not judged\n")
    assert [path.name for path in sorted(out.glob("part-*"))] == [f"part-00000{n}.parquet" for n in range(3)]
    judged = [each.answer for batch in check_stream(engine, find_pictures([pictures])) for each in batch]
    found = answers(out)
    for row, answer in zip(found, judged, strict=True):
        # In other batches the last bits of a number may differ.
        assert row.pop("logit") == pytest.approx(answer.logit, abs=1e-4)
        expected = dataclasses.replace(answer, logit=None).as_dict()
        del expected["logit"]
        assert row == pytest.approx(expected, abs=1e-4)


def test_tables_are_judged_like_files(pictures: Path, tmp_path: Path) -> None:
    paths = sorted(pictures.iterdir())
    images = [{"bytes": path.read_bytes(), "path": str(path)} for path in paths]
    pq.write_table(pa.table({"image": images}), tmp_path / "pictures.parquet")
    assert check(tmp_path / "pictures.parquet", "--out", tmp_path / "tables") == 1
    assert check(pictures, "--out", tmp_path / "files") == 1
    assert answers(tmp_path / "tables") == answers(tmp_path / "files")


def test_what_is_there_is_kept_and_counted(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert check(pictures, "--out", out, "--part", "5") == 1
    before = answers(out)
    # Killed as it wrote: the rest lies aside.
    (out / "part-000001.parquet").rename(out / ".part-000001.parquet.0123")
    kept = {path: path.stat() for path in out.glob("part-*")}
    capsys.readouterr()
    assert check(pictures, "--out", out, "--part", "5") == 1
    assert "(2 of 3 parts were there before)" in capsys.readouterr().err
    assert answers(out) == before
    assert not list(out.glob(".*"))
    for path, status in kept.items():
        assert (path.stat().st_ino, path.stat().st_mtime_ns) == (status.st_ino, status.st_mtime_ns)


def test_a_part_that_is_another_s_is_refused(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    check(pictures, "--out", out, "--part", "5")
    (out / "part-000000.parquet").write_bytes((out / "part-000002.parquet").read_bytes())
    assert check(pictures, "--out", out, "--part", "5") == 1
    assert "part-000000.parquet holds 2 answers where there should be 5" in capsys.readouterr().err


def test_a_table_that_changes_under_way_is_refused(engine: Engine, tmp_path: Path) -> None:
    table, out = tmp_path / "t.parquet", tmp_path / "out"
    pq.write_table(pa.table({"bytes": [b"1", b"2"]}), table)
    plan = make_plan([table], out, 2, engine.manifest, engine.model)
    pq.write_table(pa.table({"bytes": [b"1"]}), table)
    with pytest.raises(ResultsError, match="has changed"):
        judge_part(engine, plan.parts[0], out)
    assert not list(out.glob("part-*"))


def test_a_fault_that_is_not_the_picture_s_is_no_answer(
    engine: Engine, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a share is not mounted, or no decoder starts: the part is left for a run afterwards."""
    out = tmp_path / "out"
    (part,) = make_plan([pictures, tmp_path / "gone.png"], out, 99, engine.manifest, engine.model).parts
    pictures.rename(tmp_path / "elsewhere")
    with pytest.raises(ResultsError, match=r"0\.png cannot be judged, .* \(There is no such file; check"):
        judge_part(engine, part, out)
    (tmp_path / "elsewhere").rename(pictures)
    with Pool() as pool, monkeypatch.context() as patch:
        patch.setattr(images, "shared_pool", lambda: pool)
        patch.setattr(workers, "PROGRAM", "raise SystemExit")
        with pytest.raises(ResultsError, match="decoder does not start"):
            judge_part(engine, part, out)
    with monkeypatch.context() as patch:
        patch.setattr(engine, "look", lambda _: 1 / 0)
        with pytest.raises(ResultsError, match="could not be prepared for the model"):
            judge_part(engine, part, out)
    assert not list(out.glob("*part-*"))
    # What was missing when it was listed is.
    assert judge_part(engine, part, out).unjudged == 2


def test_an_engine_that_leaves_parts_out_is_no_success(
    engine: Engine, pictures: Path, tmp_path: Path
) -> None:
    plan = make_plan([pictures], tmp_path / "out", 5, engine.manifest, engine.model)
    with pytest.raises(ResultsError, match="Of 3 parts 2 are judged"):
        judge_collection(
            plan, tmp_path / "out", lambda parts: judge_here(engine, tmp_path / "out", parts[1:])
        )


def test_nothing_in_a_table_is_nothing_to_judge(tmp_path: Path) -> None:
    pq.write_table(pa.table({"bytes": pa.array([], pa.binary())}), tmp_path / "empty.parquet")
    assert check(tmp_path / "empty.parquet", "--out", tmp_path / "out") == 0
