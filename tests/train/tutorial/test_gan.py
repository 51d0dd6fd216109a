"""The tutorial's command: what it learns, what it saves, and that stopping it changes nothing."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from train.cli import main
from train.config import TutorialConfig
from train.evaluation.tutorial import evaluate_tutorial
from train.run import Run
from train.tutorial.gan import TutorialPair

OPTIONS = "tutorial --preset smoke --dataset small-digits --epochs 4 --save-every 10 --threads 1"


def test_fakes_have_eight_bits_in_either_precision() -> None:
    images = torch.randint(0, 256, (33, 28, 28), dtype=torch.uint8)
    exact, rounded = (
        TutorialPair(TutorialConfig(precision=precision), (28, 28), torch.device("cpu"))
        for precision in ("float32", "bfloat16")
    )
    expected, found = exact.step(images, images), rounded.step(images, images)
    assert not torch.equal(expected, found)
    assert torch.allclose(expected[:2], found[:2], atol=0.01)
    for pair in (exact, rounded):
        batch = pair.batch(images)
        assert batch.fakes.shape == batch.reals.shape == (33, 784)
        assert torch.equal(batch.fakes, torch.round(batch.fakes * 255) / 255)
        assert len(batch.fakes.mul(255).round().unique()) > 100


def test_a_run_has_its_options_metrics_and_pictures(smoke_run: Path) -> None:
    run = Run(smoke_run)
    steps = run.steps()
    assert steps[0] == 0
    assert len(steps) >= 4
    assert run.config(TutorialConfig).threads >= 1
    rows = run.metrics()
    assert [row["step"] for row in rows if row["kind"] == "snapshot"] == steps
    windows = [row["step"] for row in rows if row["kind"] == "window"]
    assert windows == sorted(set(windows))
    for name in ("losses.png", "accuracy.png", *(f"samples-{step:06d}.png" for step in steps)):
        with Image.open(smoke_run / name) as picture:
            picture.verify()


def test_a_smoke_run_learns_to_recognise_its_own_fakes(smoke_run: Path) -> None:
    figures = evaluate_tutorial(Run(smoke_run))
    assert figures["raw"]["auroc_own_generator"] > 0.7
    assert figures["raw"]["real_called_fake"] < 0.8
    # The normalizer finds no digits in the noise of so early a generator, but leaves real ones unchanged.
    assert 0 <= figures["normalized"]["auroc_own_generator"] <= 1
    assert figures["normalized"]["real_called_fake"] == pytest.approx(
        figures["raw"]["real_called_fake"], abs=0.01
    )


def test_an_interrupted_and_resumed_run_is_bit_identical(
    small_dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert small_dataset in OPTIONS
    straight, stopped = ([*OPTIONS.split(), "--runs", str(tmp_path), "--name", name] for name in "ab")
    assert main(straight) == 0

    step = TutorialPair.step
    with monkeypatch.context() as patch:
        for flags, count in (([], 15), (["--resume"], 25)):
            countdown = iter(range(count))

            def interrupted(
                pair: TutorialPair, *arguments: Any, countdown: Iterator[int] = countdown
            ) -> torch.Tensor:
                if next(countdown, None) is None:
                    raise KeyboardInterrupt
                return step(pair, *arguments)

            patch.setattr(TutorialPair, "step", interrupted)
            assert main([*stopped, *flags]) == 130
            assert "--resume to go on" in capsys.readouterr().err
    assert 0 < Run(tmp_path / "b").last() < Run(tmp_path / "a").last()
    assert main([*stopped, "--resume"]) == 0

    one, other = Run(tmp_path / "a"), Run(tmp_path / "b")
    assert one.steps() == other.steps()
    for number in one.steps():
        expected, found = one.load(number)[0], other.load(number)[0]
        assert expected.keys() == found.keys()
        assert all(torch.equal(expected[name], found[name]) for name in expected), number
        name = f"samples-{number:06d}.png"
        assert (one.folder / name).read_bytes() == (other.folder / name).read_bytes()
    assert [without_time(row) for row in one.metrics()] == [without_time(row) for row in other.metrics()]


def without_time(row: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in row.items() if name != "seconds"}


def test_a_run_is_neither_overwritten_nor_changed(
    smoke_run: Path, few_digits: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run(Path(shutil.copytree(smoke_run, tmp_path / smoke_run.name)))
    command = ["tutorial", "--preset", "smoke", "--dataset", few_digits, "--runs", str(tmp_path)]
    assert main(command) == 1
    assert "holds a run; add --resume" in capsys.readouterr().err
    assert main([*command, "--resume", "--epochs", "7"]) == 1
    epochs = run.config(TutorialConfig).epochs
    assert f"leave out --epochs 7 (the run has {epochs})" in capsys.readouterr().err
    # Snapshots without their options are not overwritten either.
    run.config_path.unlink()
    assert main([*command, "--seed", "5"]) == 1
    assert "holds a run" in capsys.readouterr().err
    assert main([*command, "--resume"]) == 1
    assert "config.json is missing); name the folder" in capsys.readouterr().err


def test_losses_that_are_not_finite_stop_the_run(
    small_dataset: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["tutorial", "--preset", "smoke", "--dataset", small_dataset, "--runs", str(tmp_path)]
    assert main([*arguments, "--learning-rate", "1e38"]) == 1
    assert "are not finite" in capsys.readouterr().err
