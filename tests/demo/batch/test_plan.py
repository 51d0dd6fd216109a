"""What a folder of results belongs to: parts in order, and every other plan refused."""

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from demo.errors import NoColumnError, PictureError, ResultsError, UsageError
from demo.inference.manifest import MODELS_FOLDER, Manifest

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

from demo.batch.parquet import read_listed, read_pictures  # noqa: E402
from demo.batch.plan import Plan, make_plan  # noqa: E402
from demo.decoder.images import MISSING  # noqa: E402

MANIFEST = Manifest.load(MODELS_FOLDER)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Seven files, and two tables with three and four pictures in folders among them."""
    folder = tmp_path / "pictures"
    for name in ("a/1.png", "a/2.png", "b/3.png", "b/c/4.png", "d.png", "e.png", "f.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    for name, rows in (("a/x.parquet", 3), ("z.PARQUET", 4)):
        pq.write_table(pa.table({"bytes": [b"%d" % index for index in range(rows)]}), folder / name)
    return folder


def planned(paths: Sequence[Path], out: Path, size: int = 3, model: str = "discriminator") -> Plan:
    return make_plan(paths, out, size, MANIFEST, model)


def named(plan: Plan) -> list[list[str]]:
    """The names in each part."""
    return [
        [
            name
            for name, _ in (
                read_listed(Path(part.table), part.first, part.rows)
                if part.name is None
                else read_pictures(Path(part.table), part.name, part.first, part.rows)
            )
        ]
        for part in plan.parts
    ]


def test_tables_and_then_files_in_parts_that_follow_each_other(pictures: Path, tmp_path: Path) -> None:
    plan = planned([pictures], tmp_path / "out")
    files = ["a/1.png", "a/2.png", "b/3.png", "b/c/4.png", "d.png", "e.png", "f.png"]
    below = [[Path(name).relative_to(pictures).as_posix() for name in names] for names in named(plan)]
    assert below == [
        [f"a/x.parquet#{index}" for index in range(3)],
        [f"z.PARQUET#{index}" for index in range(3)],
        ["z.PARQUET#3"],
        files[:3],
        files[3:6],
        files[6:],
    ]
    assert [part.number for part in plan.parts] == list(range(6))
    assert plan.pictures == 14


def test_what_is_missing_is_in_its_place_too(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    plan = planned([tmp_path / "gone.png", tmp_path / "empty"], tmp_path / "out")
    assert named(plan) == [[str(tmp_path / "gone.png"), str(tmp_path / "empty")]]


def test_what_cannot_be_read_is_said_where_it_is_listed(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "a.png").symlink_to("nowhere.png")
    (folder / "b.png").touch()
    (part,) = planned([folder, tmp_path / "gone.png"], tmp_path / "out").parts
    sources = [source for _, source in read_listed(Path(part.table), 0, 3)]
    assert [isinstance(each, PictureError) for each in sources] == [True, False, True]
    assert str(sources[0]) == str(sources[2]) == MISSING


def test_a_table_without_pictures_in_a_folder_is_left_out(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = named(planned([pictures], tmp_path / "before"))
    other = pictures / "a" / "prices.parquet"
    pq.write_table(pa.table({"label": [1]}), other)
    assert named(planned([pictures], tmp_path / "out")) == expected
    assert capsys.readouterr().err == f"{other} is left out: it has no column of pictures.\n"
    with pytest.raises(NoColumnError, match=r"prices\.parquet has no column of pictures"):
        planned([other], tmp_path / "named")
    # Of a folder with nothing else it is said that it holds no picture.
    (tmp_path / "tables").mkdir()
    other.rename(tmp_path / "tables" / "prices.parquet")
    assert named(planned([tmp_path / "tables"], tmp_path / "none")) == [[str(tmp_path / "tables")]]


def test_other_results_are_no_pictures(pictures: Path, tmp_path: Path) -> None:
    expected = named(planned([pictures], tmp_path / "before"))
    planned([pictures / "b"], pictures / "b" / "results")
    # Not even where they could be judged.
    pq.write_table(pa.table({"bytes": [b"1"]}), pictures / "b" / "results" / "part-000000.parquet")
    assert named(planned([pictures], tmp_path / "out")) == expected


def test_what_killed_runs_left_is_removed_once_it_is_old(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    planned([pictures], out)
    number = "0123456789abcdef" * 2
    left = [f".{name}.{number}" for name in ("inputs.parquet", "plan.json", "part-000001.parquet")]
    kept = [f".inputs.parquet.{'a' * 32}", f".mine.{number}", ".plan.json.swp"]
    for name in (*left, *kept):
        (out / name).touch()
        if name != kept[0]:
            os.utime(out / name, (time.time() - 3700,) * 2)
    planned([pictures], out)
    assert sorted(path.name for path in out.glob(".*")) == sorted(kept)


def test_a_folder_of_results_that_cannot_be_read_is_one_sentence(pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match=r"cannot be written \(File name too long\)"):
        planned([pictures], tmp_path / ("x" * 300))


def test_of_a_folder_with_tables_alone_nothing_is_missing(pictures: Path, tmp_path: Path) -> None:
    for path in pictures.rglob("*.png"):
        path.unlink()
    assert planned([pictures], tmp_path / "out").pictures == 7


def test_the_same_plan_is_taken_again_and_left_alone(pictures: Path) -> None:
    out = pictures / "results"
    first = planned([pictures], out)
    status = (out / "plan.json").stat()
    # An earlier run's own tables are no pictures of this one.
    pq.write_table(pa.table({"bytes": [b"1"]}), out / "part-000000.parquet")
    assert planned([pictures], out) == first
    assert (out / "plan.json").stat().st_mtime_ns == status.st_mtime_ns
    assert sorted(path.name for path in out.iterdir()) == [
        "inputs.parquet",
        "part-000000.parquet",
        "plan.json",
    ]


def more_files(pictures: Path) -> dict[str, Any]:
    (pictures / "g.png").touch()
    return {}


def another_table(pictures: Path) -> dict[str, Any]:
    pq.write_table(pa.table({"bytes": [b"9", b"8", b"7"]}), pictures / "a" / "x.parquet")
    return {}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (more_files, "other picture files"),
        (another_table, "other tables"),
        (lambda _: {"size": 4}, "parts of another size"),
        (lambda _: {"model": "mlp_discriminator"}, "another model"),
    ],
)
def test_a_different_plan_is_refused(pictures: Path, tmp_path: Path, change: Any, told: str) -> None:
    planned([pictures], tmp_path / "out")
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    with pytest.raises(UsageError, match=f"holds results of {told}; name another folder"):
        planned([pictures], tmp_path / "out", **change(pictures))
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_another_model_under_the_same_name_is_refused(pictures: Path, tmp_path: Path) -> None:
    planned([pictures], tmp_path / "out")
    content = json.loads((MODELS_FOLDER / "manifest.json").read_text())
    content["files"]["discriminator.onnx"]["sha256"] = "0" * 64
    with pytest.raises(UsageError, match="another model"):
        make_plan([pictures], tmp_path / "out", 3, Manifest(MODELS_FOLDER, content), "discriminator")


def test_somebody_s_folder_is_refused(pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no folder of results"):
        planned([pictures], pictures)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "plan.json").write_text("[]")
    with pytest.raises(UsageError, match="no plan that can be read"):
        planned([pictures], tmp_path / "out")
