"""Autoencoders of random structure: trained one by one, then redrawing digits."""

from pathlib import Path

import numpy as np
import pytest
import torch

from train.config import GeneratorsConfig, from_preset
from train.data.mnist import Digits, hold_out, load
from train.device import resolve
from train.errors import RunError
from train.generators import decoders
from train.generators.decoder_networks import Autoencoder, draw_structure
from train.generators.decoders import (
    FEWEST,
    Decoder,
    decode,
    decoder_generators,
    decoder_path,
    error_limit,
    fit,
    linear,
    load_decoders,
    redraw,
    shifted,
    summarize,
    train_decoder,
)
from train.run import Run


def config(dataset: str) -> GeneratorsConfig:
    options = {"preset": "smoke", "effort": 1e-9, "threads": 1, "device": "cpu", "dataset": dataset}
    return resolve(from_preset(GeneratorsConfig, options))


@pytest.fixture(scope="module")
def run(few_digits: str, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run whose autoencoders learnt next to nothing."""
    made = Run(tmp_path_factory.mktemp("decoders"))
    for index in range(FEWEST):
        train_decoder(config(few_digits), made, index)
    return made


@pytest.fixture(scope="module")
def known(dataset: str) -> Digits:
    digits, _ = hold_out(load(dataset, "train"))
    return digits


@pytest.fixture(scope="module")
def learnt(known: Digits) -> Autoencoder:
    """An autoencoder after a seventh of its training."""
    return fit(draw_structure(0, 0, 100), known.images, 0, 0.15).requires_grad_(False)


def test_training_brings_a_decoder_close_to_the_digits(learnt: Autoencoder, known: Digits) -> None:
    images = known.images[:200].numpy()
    redrawn = decode(learnt, images)
    assert np.abs(redrawn.astype(float) - images).mean() < images.mean() / 3
    # This one is to keep paper exactly black, here that beyond the ink.
    assert learnt.structure.black
    assert (redrawn[:, :2] == 0).mean() > 0.99


def test_a_trained_decoder_is_small_kept_and_restored_as_it_was_measured(run: Run, few_digits: str) -> None:
    path = decoder_path(run, 3)
    assert all(decoder_path(run, index).stat().st_size < 80_000 for index in range(FEWEST))
    written = path.stat().st_mtime_ns
    train_decoder(config(few_digits), run, 3)
    assert path.stat().st_mtime_ns == written

    again = Run(run.folder / "again")
    train_decoder(config(few_digits), again, 3)
    assert decoder_path(again, 3).read_bytes()[-1000:] == path.read_bytes()[-1000:]
    loaded = load_decoders(again)[0]
    assert loaded.index == 3
    assert all(
        tensor.dtype == torch.float32
        for tensor in loaded.network.state_dict().values()
        if tensor.is_floating_point()
    )
    _, unknown = hold_out(load(few_digits, "train"))
    measured = unknown.images[: decoders.MEASURED].numpy()
    error = np.abs(decode(loaded.network, measured).astype(float) - measured).mean()
    assert error == pytest.approx(loaded.error)


def test_training_and_validation_have_decoders_of_their_own(run: Run, known: Digits) -> None:
    loaded = load_decoders(run)
    assert [each.index for each in loaded if each.held_out] == [4, 11]
    digits = np.arange(10)
    by_split = {}
    for split in ("train", "validation"):
        generators = decoder_generators(run, known, split)
        assert {each.name: each.kind for each in generators}.items() <= decoders.NAMES.items()
        assert sum(each.seconds for each in generators) == pytest.approx(
            sum(each.seconds for each in loaded if each.held_out == (split == "validation"))
        )
        by_split[split] = {each.name: each.sample(10, 5, digits) for each in generators}
        for each in generators:
            assert np.array_equal(each.sample(10, 5, digits), by_split[split][each.name])
            assert not np.array_equal(each.sample(10, 6, digits), by_split[split][each.name])
    assert set(by_split["train"]) == set(decoders.NAMES)
    common = by_split["train"].keys() & by_split["validation"].keys()
    assert common
    assert not any(np.array_equal(by_split["train"][name], by_split["validation"][name]) for name in common)


def test_noise_changes_the_code_and_a_mixture_lies_between(learnt: Autoencoder, known: Digits) -> None:
    images = known.images[:300].numpy()
    plain = decode(learnt, images)
    nothing = np.zeros((300, *learnt.code_shape), np.float32)
    assert np.array_equal(decode(learnt, images, nothing), plain)
    noise = np.random.default_rng(0).standard_normal(nothing.shape, np.float32)
    little, much = (
        np.abs(
            decode(learnt, images, np.multiply(noise, amount, dtype=np.float32)) - plain.astype(float)
        ).mean()
        for amount in (0.1, 1.0)
    )
    assert 0 < little < much
    share = np.linspace(0, 1, 300, dtype=np.float32)
    mixed = decode(learnt, images, kept=share)
    assert np.array_equal(mixed[0], plain[0])
    assert np.array_equal(mixed[-1], images[-1])
    exact = plain + share[:, None, None] * (images.astype(float) - plain)
    # Within a level: a mixture is rounded once, `plain` before mixing.
    assert np.abs(mixed - exact).max() <= 1.01


def test_a_third_of_the_pictures_are_plain_reconstructions(learnt: Autoencoder, known: Digits) -> None:
    images = np.repeat(known.images[:1].numpy(), 300, axis=0)
    redrawn = redraw([Decoder(0, learnt, 5.0, 1.0)], images, np.random.default_rng(0))
    assert redrawn.dtype == np.uint8
    plain = decode(learnt, images[:1]).astype(int)
    # Batches of other sizes may round differently.
    assert (np.abs(redrawn - plain).max((1, 2)) <= 1).mean() == pytest.approx(1 / 3, abs=0.1)


def test_every_decoder_redraws_some_of_the_pictures(run: Run, known: Digits) -> None:
    loaded = load_decoders(run)
    images = np.repeat(known.images[:1].numpy(), 300, axis=0)
    redrawn = redraw(loaded, images, np.random.default_rng(0))
    for each in loaded:
        plain = decode(each.network, images[:1]).astype(int)
        assert np.abs(redrawn - plain).max((1, 2)).min() <= 1
    assert np.array_equal(redraw(loaded, images, np.random.default_rng(0)), redrawn)


def test_bad_decoders_are_dropped_and_reported_unless_all_are_bad(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = load_decoders(run)[0].network

    def trained(*errors: float) -> list[Decoder]:
        return [Decoder(index, network, error, 1.0) for index, error in enumerate(errors)]

    assert error_limit(trained(2, 3, 12)) == 10
    assert error_limit(trained(30, 40, 90)) == 80
    monkeypatch.setattr(decoders, "all_decoders", lambda _: trained(2, 3, 12))
    assert [each.index for each in load_decoders(run)] == [0, 1]
    assert "3 decoders" in summarize(run)
    assert "2.0 to 12.0, median 3.0; dropped: 2 (12.0)" in summarize(run)


def test_a_run_without_decoders_says_how_to_train_them(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="generators --resume --only decoders"):
        load_decoders(Run(tmp_path))


def test_half_of_the_pictures_are_shifted_by_a_fraction_of_a_pixel() -> None:
    signal = np.array([0.0, 0, 1, 0, 0])
    assert np.array_equal(np.correlate(signal, linear(1), "same"), [0, 0, 0, 1, 0])
    assert np.allclose(np.correlate(signal, linear(-0.25), "same"), [0, 0.25, 0.75, 0, 0])
    pictures = torch.zeros(4, 1, 28, 28)
    pictures[:, :, 14, 14] = 1
    moved = shifted(pictures, np.random.default_rng(3))
    assert torch.equal(moved[:2], pictures[:2])
    assert torch.allclose(moved.sum((1, 2, 3)), torch.ones(4))
    rows = (moved[2, 0].sum(1) * torch.arange(28)).sum().item()
    across, down = np.random.default_rng(3).uniform(-1, 1, 2)
    assert rows == pytest.approx(14 + down, abs=1e-4)
    assert (moved[2, 0].sum(0) * torch.arange(28)).sum().item() == pytest.approx(14 + across, abs=1e-4)
