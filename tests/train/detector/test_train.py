"""A detector from its examples to its report: what it learns from, and what it never sees."""

import dataclasses
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from demo.inference.engine import Engine
from demo.inference.manifest import MODELS_FOLDER
from export.cli import main as export_main
from export.int8.gate import Tolerance
from tests.support.detectors import quick_gate
from tests.support.runs import detector_command, evaluated_detector
from train.bundle import load_bundle, save_bundle
from train.checkpoint import save_snapshot
from train.cli import main
from train.config import DetectorConfig
from train.data import mnist
from train.data.artifacts import ARTIFACTS
from train.data.augment import keep, prepare
from train.data.dataset import (
    AUGMENTED,
    MNIST,
    NON_DIGIT,
    NORMALIZED,
    PHOTOGRAPHED,
    RAW,
    STYLED,
    PictureSet,
    kept_set,
)
from train.data.targets import decode
from train.detector.folds import FOLDS, MEMBERS, left_out
from train.detector.learner import DetectorLearner
from train.detector.model import scores_of
from train.detector.train import load_detector, load_examples, read_calibration, train_fold
from train.errors import RunError
from train.evaluation.metrics import auroc
from train.evaluation.report import EVAL_SET, PLOTS
from train.generators.decoders import NAMES
from train.processes import Workers
from train.run import Run

TRAINING_ONLY = {"flow_redrawn", "sharp_vae_redrawn", *ARTIFACTS, *NAMES}


@pytest.fixture(scope="module")
def run(
    narrow: None,  # noqa: ARG001
    few_digits: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Run]:
    """A detector that learnt next to nothing, with its report, made by the two commands."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("train.evaluation.tables.ROUNDS", 10)
        yield Run(evaluated_detector(tmp_path_factory, few_digits))


@pytest.fixture(scope="module")
def config(run: Run) -> DetectorConfig:
    return run.config(DetectorConfig)


@pytest.fixture(scope="module")
def report(run: Run) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((run.folder / "evaluation.json").read_text())
    return report


@pytest.fixture(scope="module")
def eval_set(run: Run) -> PictureSet:
    return kept_set(run.folder / EVAL_SET, lambda: pytest.fail("there is none"))


def picture_bytes(images: Any) -> set[bytes]:
    """Every picture that is not blank; untrained generators often make blank ones."""
    return {image.tobytes() for image in np.asarray(images) if image.any()}


@pytest.fixture(scope="module")
def examples(run: Run, config: DetectorConfig) -> dict[str, PictureSet]:
    return {split: load_examples(split, config, run) for split in ("train", "validation")}


def test_every_group_has_its_codes_and_what_it_is_augmented_from(
    examples: dict[str, PictureSet], config: DetectorConfig
) -> None:
    found = examples["train"]
    assert {MNIST, STYLED, NON_DIGIT} | TRAINING_ONLY <= set(found.labels)
    for split, each in examples.items():
        for name, codes in each.labels.items():
            targets = decode(torch.from_numpy(codes))
            assert bool(targets.fake.all()) == (name in each.kinds)
            assert bool(targets.non_digit.all()) == (name == NON_DIGIT)
            assert len(each.images[name, NORMALIZED]) == len(codes) > 0
            if split != "train":
                assert len(each.images[name, AUGMENTED]) == len(codes)
                assert len(each.images[name, PHOTOGRAPHED]) <= len(codes)
    raw, normalized = found.together(RAW), found.together()
    assert torch.equal(raw.labels, normalized.labels)
    assert np.array_equal(prepare(raw.images.numpy(), 0, Workers(1), keep), normalized.images.numpy())
    counts = {name: len(found.labels[name]) for name in NAMES}
    assert set(counts.values()) == {config.redrawn}


def test_no_picture_is_in_two_splits(
    config: DetectorConfig, examples: dict[str, PictureSet], eval_set: PictureSet, few_digits: str
) -> None:
    tested = prepare(mnist.load(few_digits, "test").images.numpy(), 0, Workers(1), keep)
    for each in examples.values():
        assert not picture_bytes(each.together().images) & picture_bytes(tested)
    reals = [picture_bytes(each.images[MNIST, NORMALIZED]) for each in examples.values()]
    assert not reals[0] & reals[1]
    training = examples["train"]
    for name in set(training.kinds) - TRAINING_ONLY:
        pictures = eval_set.images[name, NORMALIZED]
        assert 0 < len(pictures) <= config.evaluation
        assert not picture_bytes(pictures) & picture_bytes(training.together().images)


def test_pictures_of_another_version_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "examples-train.safetensors"
    save_snapshot(path, {"images": torch.zeros(1, 28, 28)}, {"names": ["mnist"], "kinds": {}})
    with pytest.raises(RunError, match=r"examples-train\.safetensors is of another version; delete it"):
        kept_set(path, lambda: pytest.fail("they are there"))


@pytest.mark.parametrize("fold", ["members", "classical"])
def test_a_fold_never_sees_what_it_leaves_out(
    config: DetectorConfig,
    examples: dict[str, PictureSet],
    fold: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    training = examples["train"]
    given: list[torch.Tensor] = []

    def watched(
        learner: DetectorLearner, images: torch.Tensor, labels: torch.Tensor, pairs: int
    ) -> torch.Tensor:
        given.append(images)
        assert torch.equal(labels[:pairs], labels[len(labels) - pairs :])
        return torch.zeros(len(learner.watched))

    monkeypatch.setattr(DetectorLearner, "step", watched)
    train_fold(fold, training, dataclasses.replace(config, fold_steps=20), Run(tmp_path))
    names = left_out(fold, training.kinds)
    kinds = {name for name, kind in training.kinds.items() if kind == fold}
    assert names == (set(MEMBERS) if fold == "members" else kinds)
    seen = picture_bytes(torch.cat(given))
    # Untrained generators may make the same pictures as others.
    allowed = picture_bytes(training.without(names).together().images)
    for name in names:
        assert not seen & (picture_bytes(training.images[name, NORMALIZED]) - allowed)
    assert seen & picture_bytes(training.images[MNIST, NORMALIZED])


def test_the_report_has_every_generator_with_the_networks_own_figures(
    run: Run, config: DetectorConfig, report: dict[str, Any], eval_set: PictureSet
) -> None:
    measured = json.loads((run.folder.parent / "generators-smoke" / "report.json").read_text())
    rows = {row["name"]: row for row in report["generators"]}
    assert set(rows) == {row["name"] for row in measured["rows"]} - {"held_out_reals"}
    for name, row in rows.items():
        for figure in ("auroc", "true_positive_rate", "auroc_wild"):
            assert 0 <= row["kind_unseen"][figure]["low"] <= row["kind_unseen"][figure]["high"] <= 1
        assert ("member_unseen" in row) == (name in MEMBERS)
        assert 0 <= row["oracle"] <= 1
    detector = load_detector(config, run)
    logits = [scores_of(detector, eval_set.images[group, NORMALIZED])[0] for group in (MNIST, "morphs")]
    assert auroc(*logits) == pytest.approx(rows["morphs"]["seen"]["auroc"]["value"])
    assert sum(report["verdicts"][MNIST].values()) == pytest.approx(1)
    for kind, groups in report["verdicts_unseen"].items():
        assert set(groups) == {MNIST} | {name for name, row in rows.items() if row["kind"] == kind}
    assert {MNIST, STYLED} <= set(report["verdicts_photographed"])
    assert set(report["nudged_changed"]) == {"real", "fake"}
    page = (run.folder / "evaluation.md").read_text()
    assert all(f"| {name} (" in page for name in rows)
    assert all((run.folder / f"evaluation-{name}.png").stat().st_size > 1000 for name in PLOTS)


def test_a_finished_detector_is_only_reported_on(
    run: Run, config: DetectorConfig, report: dict[str, Any]
) -> None:
    def kept() -> dict[Path, int]:
        patterns = ("step-*.safetensors", "examples-*", "calibration.json")
        return {path: path.stat().st_mtime_ns for pattern in patterns for path in run.folder.rglob(pattern)}

    before = kept()
    assert len(before) >= 3 + 1 + len(FOLDS)
    assert main(["evaluate", str(run.folder)]) == 0
    assert main(detector_command(run.folder.parent, config.dataset, "--resume")) == 0
    assert kept() == before
    assert json.loads((run.folder / "evaluation.json").read_text()) == report


def test_an_evaluated_detector_is_exported_with_its_report(
    run: Run, report: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick_gate(monkeypatch)
    # What an untrained network loses in int8, on a dozen pictures, is chance.
    monkeypatch.setattr("export.int8.gate.TOLERANCE", Tolerance(1, 1, 1, auroc=1, auroc_worst=1))
    models = Path(shutil.copytree(MODELS_FOLDER, tmp_path / "models"))
    assert export_main(["run", str(run.folder), "--models", str(models)]) == 0
    assert json.loads((models / "evaluation.json").read_text()) == report
    _, thresholds = read_calibration(run)
    expected = thresholds.fake, thresholds.real, thresholds.in_domain
    found = Engine.load(models, "cpu").thresholds
    assert found is not None
    assert (found.fake, found.real, found.in_domain) == expected

    unevaluated = Path(shutil.copytree(run.folder, tmp_path / "run"))
    bundle = load_bundle(Run(unevaluated))
    save_bundle(Run(unevaluated), dataclasses.replace(bundle, files={}))
    assert export_main(["run", str(unevaluated), "--models", str(tmp_path / "none")]) == 1
    assert not (tmp_path / "none").exists()


def test_generators_that_are_unfinished_or_of_other_digits_are_refused(
    run: Run, few_digits: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = run.folder.parent / "generators-smoke"
    copied = Path(shutil.copytree(source, tmp_path / source.name))
    report = (copied / "report.json").read_bytes()
    (copied / "report.json").unlink()
    assert main(detector_command(tmp_path, few_digits)) == 1
    assert "python -m train generators --resume" in capsys.readouterr().err
    (copied / "report.json").write_bytes(report)
    options = json.loads((copied / "config.json").read_text())
    (copied / "config.json").write_text(json.dumps({**options, "dataset": "mnist"}))
    assert main(detector_command(tmp_path, few_digits)) == 1
    assert "give --dataset mnist or another --generators" in capsys.readouterr().err
    # No folder was created that would have to be deleted.
    assert [path.name for path in tmp_path.iterdir()] == [source.name]
