"""Finding, downloading, verifying and reading data sets."""

import gzip
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import platformdirs
import pytest
import torch

from export.benchmark.servers import serving
from train.cli import main
from train.data import mnist
from train.data.mnist import DATASETS
from train.errors import DataError


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[str]:
    """The address of a server over `tmp_path / "data"`, where `small_dataset` puts its files."""
    with serving(tmp_path / "data" / "small-digits") as served:
        yield served.address


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda content: content[:-100], "truncated or damaged"),
        (lambda content: gzip.compress(gzip.decompress(content)[:-1] + b"\xff"), "SHA-256"),
        (lambda _: b"<html>not found</html>", "not the expected file"),
    ],
)
def test_a_wrong_file_is_answered_in_one_line(
    small_dataset: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    damage: Callable[[bytes], bytes],
    reason: str,
) -> None:
    path = tmp_path / "data" / small_dataset / "train-images.gz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match=reason):
        mnist.load(small_dataset, "train")
    assert main(["tutorial", "--dataset", small_dataset, "--runs", str(tmp_path / "runs")]) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert "put the original there, or unset TOUCHSTONE_DATA" in lines[0]


def test_a_missing_file_is_named(small_dataset: str, tmp_path: Path) -> None:
    (tmp_path / "data" / small_dataset / "test-labels.gz").unlink()
    with pytest.raises(DataError, match=r"lacks test-labels .* or unset TOUCHSTONE_DATA"):
        mnist.load(small_dataset, "train")


def test_downloads_from_the_second_mirror_into_the_cache(
    small_dataset: str, mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = use_cache(tmp_path, monkeypatch)
    use_mirrors(small_dataset, (f"{mirror}missing/", mirror), monkeypatch)
    assert len(mnist.load(small_dataset, "train").images) == 1437
    assert sorted(path.name for path in (cache / small_dataset).iterdir()) == [
        "test-images.gz",
        "test-labels.gz",
        "train-images.gz",
        "train-labels.gz",
    ]


def test_every_failed_mirror_is_named(
    small_dataset: str, mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = use_cache(tmp_path, monkeypatch)
    # The second one cannot be reached.
    use_mirrors(small_dataset, (mirror, "http://127.0.0.1:9/"), monkeypatch)
    served = tmp_path / "data" / small_dataset / "train-images.gz"
    served.write_bytes(served.read_bytes()[:-50])
    with pytest.raises(DataError, match=r"could not be downloaded: .*truncated.* or .*:9/.*TOUCHSTONE_DATA"):
        mnist.load(small_dataset, "train")
    assert not list((cache / small_dataset).glob("train-images*"))


def use_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    cache = tmp_path / "cache"
    monkeypatch.delenv(mnist.DATA_VARIABLE)
    monkeypatch.setattr(platformdirs, "user_cache_dir", lambda _: str(cache))
    return cache


def use_mirrors(name: str, mirrors: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DATASETS, name, replace(DATASETS[name], mirrors=mirrors))


def test_the_last_sixth_is_held_out(dataset: str) -> None:
    digits = mnist.load(dataset, "train")
    known, held_out = mnist.hold_out(digits)
    assert len(held_out.images) == len(held_out.labels) == len(digits.images) // 6
    assert torch.equal(torch.cat([known.images, held_out.images]), digits.images)
    assert torch.equal(torch.cat([known.labels, held_out.labels]), digits.labels)
