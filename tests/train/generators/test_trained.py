"""Trimmed runs: as good as the whole ones for a detector and for export, and much smaller."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from tests.support.runs import copied_generators, detector_command, generators_command
from train.bundle import load_bundle
from train.cli import main
from train.config import DetectorConfig, GeneratorsConfig
from train.data.mnist import CLASSES, Digits, hold_out, load
from train.generators.base import Generator
from train.generators.build import FAMILIES
from train.generators.reconstructions import reconstruction_generators
from train.generators.trained import offered_generators, trained_families, trimmed_families
from train.run import Run

COUNT = 20
LEVELS = 2
"""How far pixels of float16 weights may be from those of float32."""


@pytest.fixture(scope="module")
def folder(narrow: None, few_digits: str, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: ARG001
    return copied_generators(tmp_path_factory, few_digits)


@pytest.fixture(scope="module")
def trimmed(folder: Path, few_digits: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("trimmed") / "generators"
    assert main(generators_command(folder.parent, few_digits, "--trim", str(target))) == 0
    return target


@pytest.fixture(scope="module")
def known(few_digits: str) -> Digits:
    return hold_out(load(few_digits, "train"))[0]


def generators_of(folder: Path, known: Digits) -> dict[str, Generator]:
    """All generators of a run, and those that reconstruct digits with it, by name."""
    families = trained_families(dataclasses.replace(DetectorConfig(), generators=str(folder)), known)
    offered = [*offered_generators(families), *reconstruction_generators(families, known)]
    return {each.name: each for each in offered}


def test_a_trimmed_run_makes_the_same_pictures(folder: Path, trimmed: Path, known: Digits) -> None:
    whole, small = generators_of(folder, known), generators_of(trimmed, known)
    assert {"flow_redrawn", "sharp_vae_redrawn"} < set(small)
    assert set(whole) - set(small) == {"mlp_gan_early", "mlp_gan_middle", "mlp_gan_late"}
    for name, generator in small.items():
        digits = np.arange(COUNT) % CLASSES if generator.conditional else None
        one, other = (each.sample(COUNT, 3, digits).astype(int) for each in (whole[name], generator))
        apart = np.abs(one - other).max((1, 2)) > LEVELS
        # Where a draw falls between two levels' probabilities, all later pixels change with it.
        assert apart.mean() <= (0.5 if name == "pixel_cnn" else 0), name


def test_it_holds_what_sampling_needs_and_the_report(folder: Path, trimmed: Path) -> None:
    expected = {
        "config.json",
        "report.json",
        "report.md",
        "grids",
        "decoders",
        *(f"{name}.safetensors" for name in FAMILIES),
    }
    assert {path.name for path in trimmed.iterdir()} == expected
    sizes = [sum(path.stat().st_size for path in each.rglob("*.safetensors")) for each in (folder, trimmed)]
    assert sizes[1] < sizes[0] / 8


def test_it_is_exported_like_a_whole_run(folder: Path, trimmed: Path) -> None:
    whole, small = (load_bundle(Run(each)) for each in (folder, trimmed))
    assert small.files == whole.files
    assert {name: each.shape for name, each in small.weights.items()} == {
        name: each.shape for name, each in whole.weights.items()
    }
    for name, weights in small.weights.items():
        assert weights.dtype == whole.weights[name].dtype
        assert np.allclose(weights, whole.weights[name], rtol=1e-3, atol=1e-6)


def test_a_detector_learns_from_the_families_that_were_trimmed(
    folder: Path, few_digits: str, tmp_path: Path
) -> None:
    some = tmp_path / "some"
    for name in ("vae", "flow"):
        assert main(generators_command(folder.parent, few_digits, "--only", name, "--trim", str(some))) == 0
    assert trimmed_families(Run(some)) == ["flow", "vae"]
    assert main(detector_command(tmp_path, few_digits, "--generators", str(some))) == 0
    record = load_bundle(Run(tmp_path / "detector-smoke")).record
    assert record["generators"] == ["flow", "vae"]


def test_what_is_no_trained_run_is_refused(
    folder: Path, few_digits: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(arguments: list[str], *says: str) -> None:
        assert main(arguments) == 1
        message = capsys.readouterr().err
        assert all(each in message for each in says), message

    empty = tmp_path / "empty"
    empty.mkdir()
    refused(detector_command(tmp_path, few_digits, "--generators", str(empty)), "holds no complete run")
    refused(generators_command(empty, few_digits, "--trim", str(tmp_path / "new")), "holds no complete run")
    assert main(generators_command(tmp_path, few_digits, "--only", "morphs")) == 0
    unfinished = ["--only", "vae", "--trim", str(tmp_path / "new")]
    refused(generators_command(tmp_path, few_digits, *unfinished), "vae holds no snapshot", "--resume")
    unreported = detector_command(tmp_path, few_digits, "--generators", str(tmp_path / "generators-smoke"))
    refused(unreported, "has no complete report")
    other = generators_command(folder.parent, few_digits, "--only", "vae", "--trim", str(tmp_path / "mnist"))
    Run(tmp_path / "mnist").save_config(
        dataclasses.replace(Run(folder).config(GeneratorsConfig), dataset="mnist")
    )
    refused(other, "holds generators trained on mnist")
