"""The engine: its results, and models that it refuses to serve."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from demo.contract import DIGITS, PICTURE_SHAPE
from demo.environment import available_cores
from demo.errors import ModelError, RequestError
from demo.inference.answer import Thresholds
from demo.inference.engine import MODELS_FOLDER, Engine
from demo.inference.manifest import pack, unpack
from export.convert import blank_groups
from tests.support.detectors import leave_product_out
from tests.support.models import manifest_of
from train.data.mnist import load


def test_scores_are_probabilities_and_their_logits(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("demo.inference.engine.LARGEST_BATCH", 32)
    scores = engine.score(blank_groups(70, PICTURE_SHAPE, 0)["noise"])
    assert scores.fake_probability.shape == scores.logit.shape == (70,)
    assert scores.fake_probability.dtype == np.float32
    expected = 1 / (1 + np.exp(-scores.logit.astype(np.float64)))
    assert np.abs(scores.fake_probability - expected).max() < 1e-6


def test_the_detector_is_the_default_where_it_is_published(models: Path) -> None:
    assert Engine.load(models, "cpu").model == "discriminator"
    assert Engine.load(models, "cpu", "mlp_discriminator").model == "mlp_discriminator"
    leave_product_out(models)
    assert Engine.load(models, "cpu").model == "mlp_discriminator"


@pytest.mark.parametrize(("given", "used"), [(1, 1), (0, available_cores())])
def test_a_run_uses_the_cores_of_this_process_or_fewer(models: Path, given: int, used: int) -> None:
    session = Engine.load(models, "cpu", threads=given).session("discriminator")
    assert session.get_session_options().intra_op_num_threads == used


def test_the_detector_s_scores_are_its_file_s(product_models: Path, product_engine: Engine) -> None:
    pixels = blank_groups(2050, PICTURE_SHAPE, 0)["noise"] // 4
    scores = product_engine.score(pixels)
    outputs = ["fake_probability", "logit", "in_domain", "digit_probabilities"]
    session = onnxruntime.InferenceSession(product_models / "discriminator.onnx")
    found = session.run(outputs, {"pixels": pixels})
    for name, expected in zip(outputs, found, strict=True):
        assert getattr(scores, name) == pytest.approx(expected, abs=1e-5)
    # Not the default for a model without that output.
    assert not set(np.unique(scores.in_domain)) <= {0, 1}


def test_the_detector_s_thresholds_are_its_own(product_engine: Engine, product_models: Path) -> None:
    assert product_engine.thresholds == Thresholds(fake=0.625, real=0.375, in_domain=0.5)
    tutorial = Engine.load(product_models, "cpu", "mlp_discriminator")
    assert (tutorial.thresholds.fake, tutorial.thresholds.real) == (0.5, 0.5)


def test_history_begins_undecided_and_ends_with_the_model(tutorial_engine: Engine) -> None:
    fakes = tutorial_engine.generate("mlp_generator", 64, seed=1)
    history = tutorial_engine.history(fakes)
    assert np.abs(history[:, 0] - 0.5).max() < 0.05
    # The same weights, but for their rounding to half precision.
    last = tutorial_engine.score(fakes).fake_probability
    assert np.abs(history[:, -1] - last).max() < 0.02


def test_the_noise_of_a_seed_depends_neither_on_the_count_nor_on_the_digit(engine: Engine) -> None:
    noise = engine.draw("generator", 64, 7).noise
    assert np.array_equal(engine.draw("generator", 64, 7, digit=3).noise, noise)
    assert np.array_equal(engine.draw("generator", 4, 7).noise, noise[:4])
    assert not np.array_equal(engine.draw("generator", 64, 8).noise, noise)


@pytest.mark.parametrize(
    ("model", "count", "seed", "digit", "reason"),
    [
        ("nobody", 1, 0, None, "no generator 'nobody'; choose one of: generator, mlp_generator"),
        ("mlp_generator", 0, 0, None, "count is 0; give 1 to"),
        ("mlp_generator", 257, 0, None, "give 1 to 256"),
        ("mlp_generator", 1, 2**32, None, "give 0 to"),
        ("mlp_generator", 1, 0, 3, "mlp_generator cannot choose the digit; leave the digit out"),
        ("generator", 1, 0, 10, "digit is 10; give 0 to 9"),
    ],
)
def test_a_request_outside_its_range_is_answered(
    engine: Engine, model: str, count: int, seed: int, digit: int | None, reason: str
) -> None:
    with pytest.raises(RequestError, match=reason):
        engine.generate(model, count, seed, digit)


def test_the_generator_makes_the_digit_that_was_chosen(engine: Engine, dataset: str) -> None:
    """Its digits' mean is closer to the mean of people's like digits than to any other's."""
    known = load(dataset, "train")
    classes = [known.images[known.labels == digit] for digit in range(DIGITS)]
    means = np.stack([each.double().mean(0).numpy() for each in classes])
    taken_for = []
    for digit in range(DIGITS):
        made = engine.generate("generator", 64, seed=7, digit=digit)
        assert made.shape == (64, *PICTURE_SHAPE)
        assert made.dtype == np.uint8
        taken_for.append(int(np.square(means - made.mean(0)).sum((1, 2)).argmin()))
    right = sum(found == digit for digit, found in enumerate(taken_for))
    # The generator has not learnt from the writers of scikit-learn's digits.
    assert right == DIGITS if dataset == "mnist" else right >= DIGITS - 2, taken_for


def test_the_default_generator_is_any_that_is_published(models: Path) -> None:
    assert Engine.load(models, "cpu").default_generator == "generator"
    with manifest_of(models) as manifest:
        del manifest["files"]["generator.onnx"]
    assert Engine.load(models, "cpu").default_generator == "mlp_generator"
    with manifest_of(models) as manifest:
        del manifest["files"]["mlp_generator.onnx"]
    with pytest.raises(RequestError, match="No generator is installed here"):
        _ = Engine.load(models, "cpu").default_generator


def test_a_file_that_is_not_the_published_one_is_refused_by_name(models: Path) -> None:
    file = "mlp_generator.onnx"
    content = bytearray((models / file).read_bytes())
    content[len(content) // 2] ^= 1
    (models / file).write_bytes(content)
    with pytest.raises(ModelError, match=f"^{file} is not the file that was published"):
        Engine.load(models, "cpu").open_all()


def test_other_numbers_than_published_are_not_served(models: Path) -> None:
    with manifest_of(models) as manifest:
        outputs = manifest["files"]["mlp_discriminator.onnx"]["golden"]["outputs"]
        outputs["logit"] = pack(unpack(outputs["logit"]) + np.float32(0.01))
    reason = r"gives other numbers than when it was published: logit differs by 0\.01"
    with pytest.raises(ModelError, match=reason):
        Engine.load(models, "cpu", "mlp_discriminator")


def test_an_empty_folder_and_an_unknown_model_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no published models in .*python -m export run"):
        Engine.load(tmp_path, "cpu")
    with pytest.raises(
        ModelError, match=r"choose one of: discriminator, discriminator_int8, mlp_discriminator, mlp_disc"
    ):
        Engine.load(MODELS_FOLDER, "cpu", "resnet")
