"""The tutorial's command: what it learns, what it saves, and that a kill changes nothing."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from train.__main__ import main
from train.config import TutorialConfig
from train.data import mnist
from train.evaluation.tutorial import evaluate_tutorial
from train.run import Run
from train.tutorial.gan import TutorialPair, load_pair

# What a user writes to add a data set and train on it.
PROGRAM = """
import sys
from pathlib import Path
from tests.support.handwriting import small_digits, write_data_set
from train.data.mnist import DATASETS
from train.__main__ import main
folder = Path(sys.argv[1])
DATASETS["small-digits"] = write_data_set(folder / str(sys.argv[2]) / "small-digits", *small_digits())
import os
os.environ["TOUCHSTONE_DATA"] = str(folder / sys.argv[2])
sys.exit(main(sys.argv[3:]))
"""
OPTIONS = (
    "--preset",
    "smoke",
    "--dataset",
    "small-digits",
    "--epochs",
    "12",
    "--save-every",
    "20",
    "--threads",
    "1",
)


def test_one_network_is_updated_at_a_time() -> None:
    pair = TutorialPair(TutorialConfig(learning_rate=0.01), (28, 28), torch.device("cpu"))
    before = {name: value.clone() for name, value in pair.state().items()}
    seen: list[str] = []

    def watch(*_: object) -> None:
        for name, network in (("discriminator", pair.discriminator), ("generator", pair.generator)):
            same = all(
                torch.equal(value, before[f"{name}.{key}"]) for key, value in network.named_parameters()
            )
            seen.append(f"{name} {'as before' if same else 'changed'}")

    pair.generator_optimizer.register_step_pre_hook(watch)
    pair.step(torch.randint(0, 256, (8, 28, 28), dtype=torch.uint8), torch.zeros(8, dtype=torch.int64))
    assert seen == ["discriminator changed", "generator as before"]
    assert all(parameter.grad is not None for parameter in pair.generator.parameters())


def test_discriminator_fakes_are_eight_bit() -> None:
    pair = TutorialPair(TutorialConfig(), (28, 28), torch.device("cpu"))
    batch = pair.batch(torch.zeros(9, 28, 28, dtype=torch.uint8))
    assert batch.fakes.shape == batch.reals.shape == (9, 784)
    fakes = batch.fakes
    assert torch.equal(fakes, torch.round(fakes * 255) / 255)


def test_bfloat16_learns_the_same_up_to_rounding() -> None:
    images = torch.randint(0, 256, (32, 28, 28), dtype=torch.uint8)
    one, other = (
        TutorialPair(TutorialConfig(precision=precision), (28, 28), torch.device("cpu"))
        for precision in ("float32", "bfloat16")
    )
    for _ in range(3):
        expected, found = one.step(images, images), other.step(images, images)
    assert not torch.equal(expected, found)
    assert torch.allclose(expected[:2], found[:2], atol=0.01)
    assert {value.dtype for value in other.state().values()} == {
        value.dtype for value in one.state().values()
    }
    fakes = other.discriminator_fakes(other.batch(images).noise)
    assert torch.equal(fakes, torch.round(fakes * 255) / 255)
    assert len(fakes.mul(255).round().unique()) > 100


def test_a_run_holds_what_it_should(smoke_run: Path) -> None:
    run = Run(smoke_run)
    steps = run.steps()
    assert steps[0] == 0
    assert len(steps) >= 4
    saved = json.loads(run.config_path.read_text())
    assert saved["threads"] >= 1
    assert saved["device"] in ("cpu", "cuda")
    rows = run.metrics()
    assert [row["step"] for row in rows if row["kind"] == "snapshot"] == steps
    windows = [row["step"] for row in rows if row["kind"] == "window"]
    assert windows == sorted(set(windows))
    for name in ("losses.png", "accuracy.png", *(f"samples-{step:06d}.png" for step in steps)):
        with Image.open(smoke_run / name) as picture:
            picture.verify()


def test_untrained_probabilities_are_near_one_half(smoke_run: Path, few_digits: str) -> None:
    pair, _ = load_pair(Run(smoke_run), 0)
    with torch.no_grad():
        logits = pair.discriminator(mnist.to_float(mnist.load(few_digits, "test").images[:300]))
    assert torch.sigmoid(logits).sub(0.5).abs().max() < 0.05


def test_smoke_learns_to_recognise_its_own_fakes(smoke_run: Path) -> None:
    figures = evaluate_tutorial(Run(smoke_run))
    untrained = evaluate_tutorial(Run(smoke_run), step=0)
    least, most = 0.7, 0.8
    assert figures["raw"]["auroc_own_generator"] > least
    assert figures["raw"]["real_called_fake"] < most
    assert figures["normalized"]["auroc_own_generator"] > least - 0.1
    assert untrained["raw"] != figures["raw"]


def test_the_same_seed_gives_the_same_digits(smoke_run: Path) -> None:
    pair, _ = load_pair(Run(smoke_run))
    one, again, other = pair.sample(5, 1), pair.sample(5, 1), pair.sample(5, 2)
    assert one.dtype == np.uint8
    assert one.shape == (5, 28, 28)
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_a_run_is_not_overwritten(
    smoke_run: Path, few_digits: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [
        "tutorial",
        "--dataset",
        few_digits,
        "--runs",
        str(smoke_run.parent),
        "--name",
        smoke_run.name,
    ]
    assert main(arguments) == 1
    assert "holds a run; add --resume" in capsys.readouterr().err
    assert main([*arguments, "--resume", "--epochs", "7"]) == 1
    epochs = Run(smoke_run).config(TutorialConfig).epochs
    assert f"leave out --epochs 7 (the run has {epochs})" in capsys.readouterr().err


def test_killed_and_resumed_is_bit_identical(small_dataset: str, tmp_path: Path) -> None:
    assert small_dataset in OPTIONS
    assert main(training(tmp_path, "straight")) == 0
    # As a kill right after step 0 and one right after the last snapshot leave a run.
    shutil.copytree(tmp_path / "straight", tmp_path / "killed")
    begun = Run(tmp_path / "killed")
    begun.drop_except([0])
    for number in range(2):
        with start(tmp_path, "killed", number) as process:
            reached = begun.steps()[-1]
            while begun.steps()[-1] < reached + 20 and process.poll() is None:
                time.sleep(0.01)
            process.kill()
    assert Run(tmp_path / "killed").steps()[-1] < Run(tmp_path / "straight").steps()[-1]
    assert main(training(tmp_path, "killed", "--resume")) == 0

    one, other = Run(tmp_path / "straight"), Run(tmp_path / "killed")
    assert one.steps() == other.steps()
    for step in one.steps():
        expected, found = one.load(step)[0], other.load(step)[0]
        assert expected.keys() == found.keys()
        assert all(torch.equal(expected[name], found[name]) for name in expected), step
    assert [without_time(row) for row in one.metrics()] == [without_time(row) for row in other.metrics()]
    for step in one.steps():
        name = f"samples-{step:06d}.png"
        assert (one.folder / name).read_bytes() == (other.folder / name).read_bytes()


def test_a_resumed_finished_run_drops_what_a_kill_left(
    smoke_run: Path, few_digits: str, tmp_path: Path
) -> None:
    run = Run(Path(shutil.copytree(smoke_run, tmp_path / smoke_run.name)))
    steps = run.steps()
    shutil.copy(run.snapshot_path(steps[-2]), run.snapshot_path(steps[-2] + 1))
    assert (
        main(["tutorial", "--preset", "smoke", "--dataset", few_digits, "--runs", str(tmp_path), "--resume"])
        == 0
    )
    assert run.steps() == steps


def test_old_snapshots_are_not_continued_unasked(
    smoke_run: Path, few_digits: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run(Path(shutil.copytree(smoke_run, tmp_path / smoke_run.name)))
    run.config_path.unlink()
    arguments = ["tutorial", "--preset", "smoke", "--dataset", few_digits, "--runs", str(tmp_path)]
    assert main([*arguments, "--seed", "5"]) == 1
    assert "holds a run" in capsys.readouterr().err
    assert main([*arguments, "--resume"]) == 1
    assert "config.json is missing); name the folder" in capsys.readouterr().err


def without_time(row: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in row.items() if name != "seconds"}


def training(folder: Path, name: str, *flags: str) -> list[str]:
    return ["tutorial", *OPTIONS, "--runs", str(folder), "--name", name, *flags]


def program(source: str, folder: Path, data_folder: str, name: str, *flags: str) -> list[str]:
    return [sys.executable, "-c", source, str(folder), data_folder, *training(folder, name, *flags)]


def start(folder: Path, name: str, attempt: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        program(PROGRAM, folder, f"data-{name}-{attempt}", name, "--resume"),
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        cwd=Path(__file__).parents[3],
        env={name: value for name, value in os.environ.items() if name != mnist.DATA_VARIABLE},
    )


def test_a_full_disk_leaves_the_last_good_snapshot(tmp_path: Path) -> None:
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (9_000_000, 9_000_000))" + PROGRAM
    result = subprocess.run(
        program(limited, tmp_path, "data", "full"),
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[3],
    )
    assert result.returncode == 1
    line = result.stderr.strip().splitlines()[-1]
    assert line.startswith("train: ")
    assert "cannot be written (File too large)" in line
    assert Run(tmp_path / "full").steps() == [0]
    Run(tmp_path / "full").load(0)


def test_losses_that_are_not_finite_stop_the_run(
    small_dataset: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["tutorial", "--preset", "smoke", "--dataset", small_dataset, "--runs", str(tmp_path)]
    assert main([*arguments, "--learning-rate", "1e38"]) == 1
    assert "are not finite" in capsys.readouterr().err
