"""The judge's report: real digits measure as real, noise does not, and copies are caught."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from demo.inference.engine import MODELS_FOLDER
from tests.support.judging import taught_judge
from train.data.mnist import Digits, hold_out, load
from train.generators.classifier import Judge
from train.generators.generator import Generator
from train.generators.reals import real_digits
from train.generators.report import COLUMNS, HELD_OUT, judge_generators, markdown_table, save_grids

COUNT = 200
KNOWN = 1000


def noise(count: int, seed: int, digits: NDArray[np.int64] | None) -> NDArray[np.uint8]:
    assert digits is None
    return np.random.default_rng(seed).integers(0, 256, (count, 28, 28), np.uint8)


NOISE = Generator("noise", "classical", False, 12.0, noise)


@pytest.fixture(scope="module")
def judge(dataset: str) -> Judge:
    return taught_judge(dataset)


@pytest.fixture(scope="module")
def halves(dataset: str) -> tuple[Digits, Digits]:
    known, held_out = hold_out(load(dataset, "train"))
    return Digits(known.images[:KNOWN], known.labels[:KNOWN]), held_out


@pytest.fixture(scope="module")
def copier(halves: tuple[Digits, Digits]) -> Generator:
    known, _ = halves
    dealer = real_digits("copier", known.images.numpy(), known.labels.numpy())
    return Generator("copier", "autoregressive", True, 3.0, dealer.sample)


def report(
    dataset: str, judge: Judge, halves: tuple[Digits, Digits], generators: list[Generator]
) -> dict[str, Any]:
    known, held_out = halves
    return judge_generators(
        generators,
        judge,
        load(dataset, "test").images.numpy(),
        (held_out.images.numpy(), held_out.labels.numpy()),
        known.images.numpy(),
        COUNT,
    )


def test_copies_look_real_and_are_caught_and_noise_does_not(
    dataset: str, judge: Judge, halves: tuple[Digits, Digits], copier: Generator
) -> None:
    result = report(dataset, judge, halves, [copier, NOISE])
    reals, copies, noises = result["rows"]
    assert result["count"] == COUNT
    assert [row["name"] for row in result["rows"]] == [HELD_OUT, "copier", "noise"]

    assert reals["frechet_ratio"] == 1
    assert reals["copies"] == pytest.approx(0.01)
    assert reals["seconds_per_1000"] is reals["training_seconds"] is None

    assert copies["frechet_ratio"] < 2
    assert copies["precision"] > reals["precision"] - 0.1
    assert copies["recall"] > reals["recall"] - 0.1
    assert copies["wanted_digit"] > 0.7
    assert copies["nearest_median"] == 0
    assert copies["copies"] == 1

    assert noises["frechet_ratio"] > 5
    assert noises["recall"] < 0.1
    assert noises["wanted_digit"] is None
    assert noises["copies"] == 0
    assert noises["training_seconds"] == 12

    again = report(dataset, judge, halves, [copier, NOISE])
    for row in result["rows"] + again["rows"]:
        del row["seconds_per_1000"]
    assert json.dumps(result) == json.dumps(again)


def test_the_table_has_a_line_for_each_row_and_a_cell_for_each_figure(
    dataset: str, judge: Judge, halves: tuple[Digits, Digits]
) -> None:
    lines = markdown_table(report(dataset, judge, halves, [NOISE])).splitlines()
    assert len(lines) == 4
    assert all(line.count("|") == len(COLUMNS) + 1 for line in lines)
    assert HELD_OUT in lines[2]
    assert "—" in lines[3]


def test_held_out_digits_must_not_be_known(dataset: str, judge: Judge, halves: tuple[Digits, Digits]) -> None:
    _, held_out = halves
    with pytest.raises(ValueError, match="among the known"):
        report(dataset, judge, (held_out, held_out), [])


def test_too_few_digits_are_refused(judge: Judge) -> None:
    few = np.zeros((3, 28, 28), np.uint8)
    with pytest.raises(ValueError, match="3 digits are too few"):
        judge_generators([], judge, few, (few, np.zeros(3, np.int64)), few)


def test_a_conditional_wall_has_a_row_for_each_digit(
    tmp_path: Path, halves: tuple[Digits, Digits], copier: Generator
) -> None:
    known, _ = halves
    save_grids(tmp_path, [copier, NOISE])
    assert {path.name for path in tmp_path.iterdir()} == {"copier.png", "noise.png"}
    wall = np.asarray(Image.open(tmp_path / "copier.png"))
    assert wall.shape == (280, 280)
    sevens = known.images[known.labels == 7].numpy()
    for shown in np.split(wall[7 * 28 : 8 * 28], 10, axis=1):
        assert (shown == sevens).all((1, 2)).any()


def test_real_digits_are_dealt_without_repeating_one() -> None:
    images = np.arange(6, dtype=np.uint8)[:, None, None].repeat(28, 1).repeat(28, 2)
    dealer = real_digits("reals", images, np.array([0, 1, 0, 1, 0, 1]))
    wanted = np.array([1, 0, 1, 0, 0, 1])
    dealt = dealer.sample(6, 0, wanted)[:, 0, 0]
    assert sorted(dealt.tolist()) == list(range(6))
    assert (dealt % 2 == wanted).all()
    assert sorted(dealer.sample(6, 0, None)[:, 0, 0].tolist()) == list(range(6))
    with pytest.raises(ValueError, match="no real 2"):
        dealer.sample(1, 0, np.array([2]))


def test_the_readme_shows_the_published_report() -> None:
    """Its table is the one that the command printed, and every generator's wall stands beside it."""
    record = json.loads((MODELS_FOLDER / "generators.json").read_text())
    card = (Path(__file__).parents[3] / "README.md").read_text()
    assert markdown_table(record) in card
    for row in record["rows"]:
        if row["kind"] != "real":
            assert f"demo/models/generators-{row['name']}.png" in card
