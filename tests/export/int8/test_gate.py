"""The int8 variant: how the file is made, how it is compared with its reference, what is refused."""

import json

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from demo.contract import LOGIT, PICTURE_SHAPE
from demo.inference.answer import Thresholds
from demo.inference.engine import MODELS_FOLDER
from demo.inference.manifest import Manifest
from demo.inference.sessions import CPU, open_session
from export.convert import ExportedModel
from export.errors import ParityError
from export.int8.convolutions import quantize_convolutions
from export.int8.gate import (
    TOLERANCE,
    CalibrationData,
    Tolerance,
    distance_between,
    export_int8,
    refuse_distance,
    refuse_interface,
    run_batches,
)
from tests.export.test_convert import metadata, signature
from train.data.mnist import load

THRESHOLDS = Thresholds(fake=0.96, real=0.08, in_domain=0.87)
FILE = "discriminator.onnx"


@pytest.fixture(scope="module")
def reference() -> ExportedModel:
    """The published discriminator."""
    manifest = Manifest.load(MODELS_FOLDER)
    return ExportedModel(FILE, manifest.read(FILE), manifest.files[FILE], [])


@pytest.fixture(scope="module")
def digits(dataset: str) -> NDArray[np.uint8]:
    """Real digits, uint8 [200, 28, 28]."""
    return load(dataset, "train").images[:200].numpy()


@pytest.fixture(scope="module")
def hollow(digits: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """As many fakes: the same digits with their ink hollowed out."""
    return np.where(digits > 127, 255 - digits, digits)


@pytest.fixture(scope="module")
def int8(reference: ExportedModel, digits: NDArray[np.uint8], hollow: NDArray[np.uint8]) -> ExportedModel:
    data = CalibrationData(np.concatenate([digits, hollow]), {"mnist": digits}, {"hollow": hollow})
    return export_int8(reference, THRESHOLDS, data, digits[:4], quantize_convolutions)


def test_convolutions_are_integers_except_the_first(reference: ExportedModel, int8: ExportedModel) -> None:
    model = onnx.load_from_string(int8.content)
    kinds = {each.name: each.data_type for each in model.graph.initializer}
    made_by = {output: node for node in model.graph.node for output in node.output}
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    sources = [made_by.get(node.input[1]) for node in convolutions]
    assert [source is None for source in sources] == [True, *[False] * (len(convolutions) - 1)]
    weights = {source.input[0] for source in sources if source}
    assert {kinds[name] for name in weights} == {onnx.TensorProto.INT8}
    # 7 of 8 bits: without VNNI two products would overflow.
    for each in model.graph.initializer:
        if each.name in weights:
            assert np.abs(onnx.numpy_helper.to_array(each).astype(int)).max() <= 64
    assert len(int8.content) < 0.35 * len(reference.content)


def test_the_file_keeps_the_contract_and_names_its_reference(
    reference: ExportedModel, int8: ExportedModel
) -> None:
    assert int8.file == "discriminator_int8.onnx"
    model, whole = (onnx.load_from_string(each.content) for each in (int8, reference))
    assert signature(model.graph.input) == signature(whole.graph.input)
    assert signature(model.graph.output) == signature(whole.graph.output)
    known = metadata(model)
    assert known["name"] == "discriminator_int8"
    assert json.loads(known["variant_of"]) == "discriminator" == int8.entry["variant_of"]
    assert int8.entry["distance"]["probability_mean"] < TOLERANCE.probability_mean
    assert int8.entry["parity"][LOGIT]["values"] == 400


def test_a_file_of_coarser_numbers_is_refused(reference: ExportedModel, digits: NDArray[np.uint8]) -> None:
    # Ranges read from empty paper fit no digit: every activation is cut off.
    blank = np.zeros((64, *PICTURE_SHAPE), np.uint8)
    blank[:, 14, 14] = 1
    data = CalibrationData(blank, {"mnist": digits}, {"noise": 255 - digits})
    with pytest.raises(ParityError, match="too far from its reference"):
        export_int8(reference, THRESHOLDS, data, digits[:4], quantize_convolutions)


def test_the_distance_names_the_group_that_loses_most(
    reference: ExportedModel, digits: NDArray[np.uint8], hollow: NDArray[np.uint8]
) -> None:
    session = open_session(FILE, reference.content, [CPU])
    groups = {
        "mnist": digits,
        "mnist, augmented": digits[::-1],
        "hollow": hollow,
        "hollow, augmented": hollow,
    }
    expected = {name: run_batches(session, pixels) for name, pixels in groups.items()}
    own = {name: dict(outputs) for name, outputs in expected.items()}
    reals, fakes = ["mnist", "mnist, augmented"], ["hollow", "hollow, augmented"]
    same = distance_between(own, expected, reals, fakes, THRESHOLDS)
    assert (same.probability_mean, same.verdicts, same.auroc_worst) == (0, 0, 0)
    # Now the augmented fakes pass for reals; they are compared with the augmented reals only.
    own["hollow, augmented"] = dict(expected["mnist, augmented"])
    worse = distance_between(own, expected, reals, fakes, THRESHOLDS)
    assert worse.worst == "hollow, augmented"
    assert worse.auroc_worst == 2 * worse.auroc > 0.1
    with pytest.raises(ParityError, match=r"auroc_worst .*hollow, augmented"):
        refuse_distance("it", worse, Tolerance(1, 1, 1, 1, worse.auroc))
    refuse_distance("it", worse, Tolerance(1, 1, 1, 1, 1))


def test_the_published_variants_are_within_their_tolerance() -> None:
    entries = Manifest.load(MODELS_FOLDER).files
    variants = {file: entry for file, entry in entries.items() if "distance" in entry}
    assert variants
    for entry in variants.values():
        assert f"{entry['variant_of']}.onnx" in entries
        for name, most in entry["tolerance"].items():
            assert entry["distance"][name] <= most


def test_other_inputs_or_outputs_than_the_references_are_refused() -> None:
    manifest = Manifest.load(MODELS_FOLDER)
    one, other = (open_session(name, manifest.read(name), [CPU]) for name in (FILE, "mlp_discriminator.onnx"))
    refuse_interface("it", one, one)
    with pytest.raises(ParityError, match="other inputs or outputs"):
        refuse_interface("it", other, one)
