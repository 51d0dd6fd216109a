"""*Use it elsewhere* shows what was published and measured."""

import json
import re
from pathlib import Path

import onnx

from demo.contract import EVALUATION_RECORD, FROM_IMAGE, POLARITY
from demo.inference.engine import MODELS_FOLDER, Engine
from demo.ui.texts import load_texts
from demo.ui.views.elsewhere import elsewhere
from demo.ui.views.model_files import published_models
from tests.support.models import manifest_of

ENGLISH, CHINESE = (load_texts()[language] for language in ("en", "zh"))
REPORT = json.loads((MODELS_FOLDER / EVALUATION_RECORD).read_text(encoding="utf-8"))


def test_every_model_is_described_as_its_file_is(engine: Engine) -> None:
    models = published_models(engine)
    assert {model.file for model in models} == {path.name for path in MODELS_FOLDER.glob("*.onnx")}
    for model in models:
        proto = onnx.load(MODELS_FOLDER / model.file)
        (opset,) = [each.version for each in proto.opset_import if each.domain == ""]
        assert model.entry["opset"] == opset
        assert list(model.inputs) == [each.name for each in proto.graph.input]
        assert list(model.outputs) == [each.name for each in proto.graph.output]
        metadata = {each.key: each.value for each in proto.metadata_props}
        assert metadata["polarity"] == POLARITY
        assert model.entry["licence"] == metadata["licence"]
        assert model.entry["training_run"] == metadata["training_run"]
    assert models[0].file == f"{FROM_IMAGE}.onnx"
    assert list(models[0].inputs.values()) == ["uint8 [height, width, channels]"]
    assert "float32 [1, 10]" in models[0].outputs.values()


def test_the_card_shows_what_the_evaluation_measured(engine: Engine) -> None:
    content = elsewhere(engine, ENGLISH)
    for kind, figures in REPORT["kinds"].items():
        assert ENGLISH(f"elsewhere.kind-{kind}") in content
        for name in ("auroc", "auroc_wild"):
            assert f"<td>{figures[name]['value']:.4f} " in content
    assert f"<dd>{REPORT['verdicts']['mnist']['fake']:.2%}</dd>" in content
    assert f"<dd>{REPORT['ece']['value']:.4f}</dd>" in content
    missed = [goal for goal in REPORT["goals"] if goal["reached"] == "no"]
    assert f"misses {len(missed)} of its {len(REPORT['goals'])} goals" in content
    assert content.count("<td>missed</td>") == len(missed)
    for text in (ENGLISH, CHINESE):
        assert {goal["what"] for goal in REPORT["goals"]} == set(text.group("elsewhere.goal-"))
        assert set(REPORT["kinds"]) == set(text.group("elsewhere.kind-"))


def test_the_contract_shows_the_thresholds_of_the_file(engine: Engine) -> None:
    entry = engine.manifest.files[f"{FROM_IMAGE}.onnx"]
    rules = re.search(r"<ol>(.*?)</ol>", elsewhere(engine, ENGLISH))
    assert rules is not None
    order = [re.sub(r"<.*?>", "", rule) for rule in re.findall(r"<li>(.*?)</li>", rules[1])]
    assert [each.split(" if")[0] for each in order] == ["not a digit", "fake", "real", "unsure otherwise"]
    for each, key in zip(order, ("in_domain", "fake", "real"), strict=False):
        assert f"{entry[f'{key}_threshold']:.4f}" in each


def test_every_tensor_and_published_picture_is_explained(engine: Engine) -> None:
    for text in (ENGLISH, CHINESE):
        content = elsewhere(engine, text)
        assert not re.search(r'<dd></dd>|<p></p>|alt=""', content)
        for file in engine.manifest.files:
            assert f'"models/{file}"' in content or not file.endswith((".onnx", ".png"))


def test_without_an_evaluation_there_is_no_card(models: Path) -> None:
    with manifest_of(models) as manifest:
        del manifest["files"][EVALUATION_RECORD]
    content = elsewhere(Engine.load(models, "cpu"), ENGLISH)
    assert "elsewhere-card" not in content
    assert "<img" not in content
    assert 'id="elsewhere-programs"' in content
