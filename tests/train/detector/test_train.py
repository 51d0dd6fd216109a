"""The product from its examples to its report: what is learnt from, what never is, and what is published."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from demo.inference.answer import Thresholds
from demo.inference.engine import MODELS_FOLDER, Engine
from export.__main__ import main as export_main
from export.detector import remeasure_detector
from export.variant import Tolerance
from tests.support.detectors import quick_gate
from tests.support.zoos import evaluated_product, product_command
from train.__main__ import main
from train.config import DetectorConfig, GeneratorsConfig
from train.data import mnist
from train.data.artifacts import FLAWS
from train.data.dataset import Examples, make_examples
from train.data.prepare import as_it_is, prepare
from train.detector.learner import DetectorLearner
from train.detector.model import scores_of
from train.detector.train import load_detector, load_examples, read_calibration
from train.evaluation.eval_set import DOOR, MNIST, OTHER, RAW, kept_exam
from train.evaluation.folds import FOLDS, KINDS, MEMBERS, left_out, train_fold
from train.evaluation.metrics import auroc
from train.evaluation.report import PLOTS
from train.generators.reconstructions import redrawers
from train.processes import Workers
from train.run import Run

ONLY_LEARNT_FROM = {"flow_redrawn", "sharp_vae_redrawn", *FLAWS}


@pytest.fixture(scope="module")
def run(
    narrow: None,  # noqa: ARG001
    few_digits: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Run]:
    """A product that hardly learnt anything, with its report, made by the two commands."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("train.evaluation.tables.ROUNDS", 10)
        yield Run(evaluated_product(tmp_path_factory, few_digits))


@pytest.fixture
def report(run: Run) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((run.folder / "evaluation.json").read_text())
    return report


def bytes_of(images: Any) -> set[bytes]:
    """Every picture that is not blank, which is what generators without training often make."""
    return {image.tobytes() for image in np.asarray(images) if image.any()}


def test_no_test_digit_is_learnt_from_or_tuned_on(run: Run, few_digits: str) -> None:
    config = run.config(DetectorConfig)
    tested = prepare(mnist.load(few_digits, "test").images.numpy(), 1, 0, Workers(1), as_it_is)[:, 0]
    for split in ("train", "validation"):
        examples = load_examples(split, config, run)
        assert examples.of(MNIST).shape[1:] == (28, 28)
        assert not bytes_of(examples.images) & bytes_of(tested)


def test_no_fake_of_the_exam_is_learnt_from(run: Run) -> None:
    config = run.config(DetectorConfig)
    learnt_from = load_examples("train", config, run)
    exam = kept_exam(run.folder / "exam.safetensors", config, [], learnt_from.images.numpy())
    for name in set(learnt_from.kinds) - ONLY_LEARNT_FROM:
        assert 0 < len(exam.pictures[name, DOOR]) <= config.exam
        assert not bytes_of(exam.pictures[name, DOOR]) & bytes_of(learnt_from.images)


@pytest.mark.parametrize("fold", FOLDS)
def test_no_sample_of_what_is_left_out_reaches_a_fold(
    run: Run, fold: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the learner is given, step by step, and what calibration is given, hold nothing of it."""
    config = run.config(DetectorConfig)
    learnt_from, validation = (load_examples(split, config, run) for split in ("train", "validation"))
    given: list[torch.Tensor] = []
    step = DetectorLearner.step

    def watched(learner: DetectorLearner, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        given.append(images)
        return step(learner, images, labels)

    monkeypatch.setattr(DetectorLearner, "step", watched)
    train_fold(fold, config, Run(tmp_path), learnt_from, validation)
    names = left_out(fold, learnt_from.kinds)
    assert names == (
        set(MEMBERS) if fold == "members" else {n for n, kind in learnt_from.kinds.items() if kind == fold}
    )
    seen = bytes_of(torch.cat(given))
    others = bytes_of(learnt_from.without(names).images)
    for name in names:
        for wild in (False, True):
            # A generator without training may make what another makes too.
            assert not seen & (bytes_of(learnt_from.of(name, wild)) - others)
    assert seen & bytes_of(learnt_from.of(MNIST))
    calibrated_by = json.loads((tmp_path / "calibration.json").read_text())["validation"]
    assert set(calibrated_by) == set(validation.kinds) - names


def test_every_kind_is_a_fold_and_members_leave_some_of_their_kind(run: Run) -> None:
    kinds = load_examples("train", run.config(DetectorConfig), run).kinds
    # Flaws made by hand are no generator's: there is nobody to leave out.
    assert {*KINDS, "flawed"} == set(kinds.values())
    rest = set(kinds) - left_out("members", kinds)
    assert {kinds[name] for name in MEMBERS} <= {kinds[name] for name in rest}


def test_reals_and_fakes_are_there_as_they_are_and_from_the_wild(run: Run) -> None:
    examples = load_examples("train", run.config(DetectorConfig), run)
    for name in [MNIST, *examples.kinds]:
        as_they_are, wild = examples.of(name), examples.of(name, wild=True)
        assert len(as_they_are) == len(wild) > 0
        assert not np.array_equal(as_they_are, wild)
    # What is no digit, too, or a codec's traces would mean that it is one.
    assert len(examples.of(OTHER)) == len(examples.of(OTHER, wild=True)) == run.config(DetectorConfig).others


def test_examples_are_a_function_of_the_options(run: Run, few_digits: str) -> None:
    config = run.config(DetectorConfig)
    known, _ = mnist.hold_out(mnist.load(few_digits, "train"))
    zoo = Run(Path(config.zoo))
    hard = redrawers(zoo.config(GeneratorsConfig), zoo, known)
    reals = mnist.Digits(known.images[:30], known.labels[:30])
    with Workers(1) as workers:
        one, again = (make_examples("train", reals, hard, config, workers) for _ in range(2))
    assert torch.equal(one.images, again.images)
    assert torch.equal(one.codes, again.codes)
    assert {each.name: each.kind for each in hard} == one.kinds
    left: Examples = one.without({"flow_redrawn"})
    assert len(left.images) == len(one.images) - 2 * config.samples
    assert set(left.kinds) == {"sharp_vae_redrawn"}


def test_the_report_has_every_generator_beside_the_judge(run: Run, report: dict[str, Any]) -> None:
    judged = {
        row["name"]: row
        for row in json.loads((run.folder.parent / "zoo-smoke" / "report.json").read_text())["rows"]
    }
    rows = {row["name"]: row for row in report["generators"]}
    assert set(rows) == set(judged) - {"held_out_reals"}
    for name, row in rows.items():
        assert row["frechet"] == judged[name]["frechet"]
        assert 0 <= row["ruler"] <= 1
        for who in ("seen", "kind_unseen"):
            for figure in ("auroc", "true_positive_rate", "auroc_wild"):
                assert 0 <= row[who][figure]["low"] <= row[who][figure]["high"] <= 1
        assert ("member_unseen" in row) == (name in MEMBERS)
    assert report["distributions"]["real"]["count"] == report["test_digits"]
    assert report["distributions"]["fake"]["count"] <= len(rows) * run.config(DetectorConfig).exam
    page = (run.folder / "evaluation.md").read_text()
    assert all(f"| {name} (" in page for name in rows)
    assert all((run.folder / f"evaluation-{name}.png").stat().st_size > 1000 for name in PLOTS)


def test_a_figure_of_the_report_is_the_networks_own(run: Run, report: dict[str, Any]) -> None:
    config = run.config(DetectorConfig)
    exam = kept_exam(run.folder / "exam.safetensors", config, [], np.zeros((0, 28, 28), np.uint8))
    detector = load_detector(config, run)
    row = next(each for each in report["generators"] if each["name"] == "morphs")
    for condition, value in ((DOOR, row["seen"]["auroc"]["value"]), (RAW, row["seen"]["auroc_pixels"])):
        logits = [scores_of(detector, exam.pictures[group, condition])[0] for group in (MNIST, "morphs")]
        assert auroc(*logits) == pytest.approx(value)
    _, thresholds = read_calibration(run)
    verdicts = report["verdicts"][MNIST]
    assert sum(verdicts.values()) == pytest.approx(1)
    for kind, groups in report["verdicts_unseen"].items():
        of_kind = {row["name"] for row in report["generators"] if row["kind"] == kind}
        assert set(groups) == {MNIST} | of_kind
        assert all(sum(shares.values()) == pytest.approx(1) for shares in groups.values())
    assert 0 < thresholds.real <= 0.5 <= thresholds.fake <= 1


def test_a_finished_product_is_only_reported_on(run: Run, report: dict[str, Any]) -> None:
    kept = {path: path.stat().st_mtime_ns for path in run.folder.rglob("*.safetensors")}
    assert len(kept) >= 3 + 1 + len(FOLDS)
    assert main(["evaluate", str(run.folder)]) == 0
    runs, dataset = run.folder.parent, run.config(DetectorConfig).dataset
    calibrated = (run.folder / "calibration.json").stat().st_mtime_ns
    assert main(product_command(runs, dataset, "--resume")) == 0
    assert (run.folder / "calibration.json").stat().st_mtime_ns == calibrated
    assert {path: path.stat().st_mtime_ns for path in run.folder.rglob("*.safetensors")} == kept
    assert json.loads((run.folder / "evaluation.json").read_text()) == report


def test_a_product_is_exported_with_its_report(
    run: Run,
    report: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    quick_gate(monkeypatch)
    # What a network that learnt nothing loses in fewer bits, on a dozen pictures, is chance.
    for bits in ("halves", "integers"):
        monkeypatch.setattr(f"export.{bits}.TOLERANCE", Tolerance(1, 1, 1, auroc=1, auroc_worst=1))
    models = Path(shutil.copytree(MODELS_FOLDER, tmp_path / "models"))
    assert export_main(["run", str(run.folder), "--models", str(models)]) == 0
    assert json.loads((models / "evaluation.json").read_text()) == report
    _, thresholds = read_calibration(run)
    engine = Engine.load(models, "cpu")
    assert engine.thresholds == Thresholds(thresholds.fake, thresholds.real, thresholds.in_domain)
    again = remeasure_detector(models)
    assert again["measured"] == pytest.approx(again["published"], abs=2e-3)
    # In float16, beside a copy of it.
    half = tmp_path / "half"
    capsys.readouterr()
    assert export_main(["half", str(run.folder), str(half), "--models", str(models)]) == 0
    distance = json.loads(capsys.readouterr().out.partition("\n}")[0] + "}")
    in_half = Engine.load(half, "cpu", "discriminator_fp16")
    assert in_half.thresholds == engine.thresholds
    assert in_half.entry("discriminator_fp16")["distance"] == distance
    assert not (models / "discriminator_fp16.onnx").exists()
    assert export_main(["half", str(run.folder), str(half), "--models", str(models)]) == 1
    assert "exists already" in capsys.readouterr().err
    other = tmp_path / "other"
    assert export_main(["half", str(run.folder), str(other), "--models", str(MODELS_FOLDER)]) == 1
    assert "was not made of" in capsys.readouterr().err
    assert not other.exists()


def test_without_a_report_nothing_is_exported(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = Path(shutil.copytree(run.folder, tmp_path / "run"))
    (copy / "evaluation.json").unlink()
    models = tmp_path / "models"
    assert export_main(["run", str(copy), "--models", str(models)]) == 1
    assert "python -m train evaluate" in capsys.readouterr().err
    assert not models.exists()


def test_a_zoo_that_is_not_finished_or_of_other_digits_is_refused(
    run: Run, few_digits: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    zoo = Path(shutil.copytree(run.folder.parent / "zoo-smoke", tmp_path / "zoo-smoke"))
    report = (zoo / "report.json").read_bytes()
    (zoo / "report.json").unlink()
    assert main(product_command(tmp_path, few_digits)) == 1
    assert "python -m train zoo --resume" in capsys.readouterr().err
    (zoo / "report.json").write_bytes(report)
    options = json.loads((zoo / "config.json").read_text())
    (zoo / "config.json").write_text(json.dumps({**options, "dataset": "mnist"}))
    assert main(product_command(tmp_path, few_digits)) == 1
    assert "give --dataset mnist or another --zoo" in capsys.readouterr().err
    # Nothing was begun that would have to be deleted first.
    assert [path.name for path in tmp_path.iterdir()] == ["zoo-smoke"]


def test_an_unfinished_product_is_not_evaluated(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = Path(shutil.copytree(run.folder, tmp_path / "run"))
    (copy / "calibration.json").unlink()
    assert main(["evaluate", str(copy)]) == 1
    assert "--resume" in capsys.readouterr().err
