"""8-bit integers: making the file, holding it against its reference."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from demo.contract import LOGIT, PICTURE_SHAPE
from demo.inference.answer import Thresholds
from demo.inference.engine import MODELS_FOLDER
from demo.inference.manifest import Manifest
from demo.inference.sessions import CPU, open_session
from export.artifact import Artifact
from export.errors import ParityError
from export.integers import TOLERANCE, Examined, make_integers
from export.variant import Tolerance, answers, distance_between, refuse_distance, refuse_interface
from train.data.mnist import load

THRESHOLDS = Thresholds(fake=0.96, real=0.08, in_domain=0.87)
PRODUCT = "discriminator.onnx"


@pytest.fixture(scope="module")
def reference() -> Artifact:
    """The published product, as it is."""
    manifest = Manifest.load(MODELS_FOLDER)
    return Artifact(PRODUCT, manifest.read(PRODUCT), manifest.files[PRODUCT], [])


@pytest.fixture(scope="module")
def digits(dataset: str) -> NDArray[np.uint8]:
    """Real digits, uint8 [200, 28, 28]."""
    return load(dataset, "train").images[:200].numpy()


@pytest.fixture(scope="module")
def hollow(digits: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """As many fakes: the same digits with their ink hollowed out."""
    return np.where(digits > 127, 255 - digits, digits)


@pytest.fixture(scope="module")
def integers(reference: Artifact, digits: NDArray[np.uint8], hollow: NDArray[np.uint8]) -> Artifact:
    examined = Examined(np.concatenate([digits, hollow]), {"mnist": digits}, {"hollow": hollow})
    return make_integers(reference, THRESHOLDS, examined, digits[:4])


def test_convolutions_are_integers_but_for_the_first(reference: Artifact, integers: Artifact) -> None:
    model = onnx.load_from_string(integers.content)
    kinds = {each.name: each.data_type for each in model.graph.initializer}
    made = {output: node for node in model.graph.node for output in node.output}
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    of_integers = [
        node
        for node in convolutions
        if node.input[1] in made and kinds.get(made[node.input[1]].input[0]) == onnx.TensorProto.INT8
    ]
    assert of_integers == convolutions[1:]
    assert len(integers.content) < 0.35 * len(reference.content)


def test_the_file_says_whose_variant_it_is_and_how_far_from_it(integers: Artifact) -> None:
    metadata = {each.key: each.value for each in onnx.load_from_string(integers.content).metadata_props}
    assert metadata["name"] == "discriminator_int8"
    assert json.loads(metadata["variant_of"]) == integers.entry["variant_of"] == "discriminator"
    assert 0 < integers.entry["distance"]["probability_mean"] < TOLERANCE.probability_mean
    assert integers.entry["parity"][LOGIT]["values"] == 400


def test_a_file_of_coarser_numbers_is_refused(reference: Artifact, digits: NDArray[np.uint8]) -> None:
    # Ranges read from empty paper are those of no digit: every activation is cut off.
    blank = np.zeros((64, *PICTURE_SHAPE), np.uint8)
    blank[:, 14, 14] = 1
    examined = Examined(blank, {"mnist": digits}, {"noise": 255 - digits})
    with pytest.raises(ParityError, match="too far from its reference"):
        make_integers(reference, THRESHOLDS, examined, digits[:4])


def test_a_variant_has_its_reference_s_inputs_and_outputs() -> None:
    manifest = Manifest.load(MODELS_FOLDER)
    product, tutorial = (
        open_session(name, manifest.read(name), [CPU]) for name in (PRODUCT, "mlp_discriminator.onnx")
    )
    refuse_interface("it", product, product)
    with pytest.raises(ParityError, match="other inputs or outputs"):
        refuse_interface("it", tutorial, product)


def test_the_distance_names_the_group_that_loses_most(
    reference: Artifact, digits: NDArray[np.uint8], hollow: NDArray[np.uint8]
) -> None:
    session = open_session(PRODUCT, reference.content, [CPU])
    groups = {"mnist": digits, "mnist, wild": digits[::-1], "hollow": hollow, "hollow, wild": hollow}
    held = answers(session, groups)
    own = {name: dict(outputs) for name, outputs in held.items()}
    reals, fakes = ["mnist", "mnist, wild"], ["hollow", "hollow, wild"]
    same = distance_between(own, held, reals, fakes, THRESHOLDS)
    assert (same.probability_mean, same.verdicts, same.auroc_worst) == (0, 0, 0)
    # Now the changed fakes pass for reals, and only against the changed reals are they asked.
    own["hollow, wild"] = dict(held["mnist, wild"])
    worse = distance_between(own, held, reals, fakes, THRESHOLDS)
    assert worse.worst == "hollow, wild"
    assert worse.auroc_worst == 2 * worse.auroc > 0.1
    with pytest.raises(ParityError, match=r"auroc_worst .*hollow, wild"):
        refuse_distance("it", worse, Tolerance(1, 1, 1, 1, worse.auroc))
    refuse_distance("it", worse, Tolerance(1, 1, 1, 1, 1))


def test_the_published_integers_are_within_their_tolerance() -> None:
    entries = Manifest.load(MODELS_FOLDER).files
    found = {file: entry for file, entry in entries.items() if "distance" in entry}
    for entry in found.values():
        for name, most in entry["tolerance"].items():
            assert entry["distance"][name] <= most
        assert (Path(MODELS_FOLDER) / f"{entry['variant_of']}.onnx").exists()
