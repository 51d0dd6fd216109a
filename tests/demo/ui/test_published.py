"""What is said of the published models is what the files themselves say."""

import onnx
from demo.ui.published import published_models

from demo.contract import FROM_IMAGE, POLARITY
from demo.inference.engine import MODELS_FOLDER, Engine


def test_every_model_is_described_as_its_file_is(engine: Engine) -> None:
    models = published_models(engine)
    assert {model.file for model in models} == {path.name for path in MODELS_FOLDER.glob("*.onnx")}
    for model in models:
        proto = onnx.load(MODELS_FOLDER / model.file)
        (opset,) = [each.version for each in proto.opset_import if each.domain == ""]
        assert model.opset == opset
        assert [each.name for each in model.inputs] == [each.name for each in proto.graph.input]
        assert [each.name for each in model.outputs] == [each.name for each in proto.graph.output]
        assert model.metadata == {each.key: each.value for each in proto.metadata_props}
        assert model.metadata["polarity"] == POLARITY


def test_the_model_that_takes_any_picture_comes_first(engine: Engine) -> None:
    first = published_models(engine)[0]
    assert first.name == FROM_IMAGE
    assert [each.kind for each in first.inputs] == ["uint8 [height, width, channels]"]
    assert "float32 [1, 10]" in [each.kind for each in first.outputs]
