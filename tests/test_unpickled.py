"""Nothing is unpickled and no content is executed, by the project's code or by the files that it opens."""

import pickle
import re
from pathlib import Path

import pytest

from demo.errors import ModelError
from demo.inference.manifest import Manifest
from demo.inference.sessions import CPU, open_session
from export.publish import publish
from train.checkpoint import load_snapshot
from train.errors import RunError

ROOT = Path(__file__).parents[1]
EXECUTES = re.compile(
    r"\b(c?[pP]ickle|dill|cloudpickle|joblib|shelve|marshal|yaml|codeop|runpy)\b"
    r"|\b(allow_pickle|weights_only|fromregex|read_pickle|load_external_data_for_model|__import__)\b"
    r"|\btorch\.(load|save|jit|hub|package)\b|\b(np|numpy)\.load\b|from numpy import load\b"
    r"|(?<![.\w])(eval|exec|compile)\("
)
"""Names of modules, functions and options that unpickle or execute content."""


@pytest.mark.parametrize("folder", ["train", "export", "demo"])
def test_no_file_unpickles_or_executes_content(folder: str) -> None:
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files
    assert [str(path) for path in files if EXECUTES.search(path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize(
    "source",
    [
        "from pickle import loads",
        "import joblib.numpy_pickle",
        "import torch; torch.load(path)",
        "from numpy import load",
        "anything.read(path, allow_pickle=flag)",
        "eval(text)",
    ],
)
def test_violations_are_found(source: str) -> None:
    assert EXECUTES.search(source)


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, sprung: Path) -> None:
        self.sprung = sprung

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.sprung,)


def test_a_pickle_under_another_name_is_refused(tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    content = pickle.dumps(Trap(sprung))
    (tmp_path / "step-000001.safetensors").write_bytes(content)
    with pytest.raises(RunError, match=r"step-000001\.safetensors"):
        load_snapshot(tmp_path / "step-000001.safetensors")
    publish(tmp_path / "models", {"a.onnx": content}, {"a.onnx": {"kind": "x", "golden": {}, "opset": 20}})
    with pytest.raises(ModelError, match=r"a\.onnx cannot be loaded"):
        open_session("a.onnx", Manifest.load(tmp_path / "models").read("a.onnx"), [CPU])
    assert not sprung.exists()
    pickle.loads(content)  # noqa: S301 - shows that the trap works
    assert sprung.exists()
