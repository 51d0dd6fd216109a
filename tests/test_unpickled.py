"""Nothing is unpickled and no content is executed, by the project's code or by the files that it opens."""

import ast
import pickle
from pathlib import Path

import pytest

from demo.errors import ModelError
from demo.inference.manifest import Manifest
from demo.inference.sessions import CPU, open_session
from export.publish import publish
from train.checkpoint import load_snapshot
from train.errors import RunError

ROOT = Path(__file__).parents[1]
MODULES = {
    *("pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "yaml"),
    *("code", "codeop", "runpy"),
}
FUNCTIONS = {
    *("torch.load", "torch.save", "torch.jit.load", "torch.hub.load", "torch.package.PackageImporter"),
    *("numpy.load", "np.load", "numpy.fromregex", "pandas.read_pickle", "onnx.load_external_data_for_model"),
    *("eval", "exec", "compile", "__import__"),
}


def violations(source: str) -> list[str]:
    """Return `LINE: name` for each import, call or argument in a file that unpickles or executes content."""
    found = []
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if alias.name.split(".")[0] in MODULES]
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            whole = [f"{module}.{alias.name}" for alias in node.names]
            names = (
                whole if module.split(".")[0] in MODULES else [name for name in whole if name in FUNCTIONS]
            )
        elif isinstance(node, ast.Call):
            names = [name for name in [ast.unparse(node.func)] if name in FUNCTIONS]
            flags = [each for each in node.keywords if each.arg in ("allow_pickle", "weights_only")]
            names += [str(each.arg) for each in flags if getattr(each.value, "value", 1) is not False]
        found += [f"{getattr(node, 'lineno', 0)}: {name}" for name in names]
    return found


@pytest.mark.parametrize("folder", ["train", "export", "demo"])
def test_no_file_unpickles_or_executes_content(folder: str) -> None:
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files
    found = {str(path): violations(path.read_text(encoding="utf-8")) for path in files}
    assert not {path: names for path, names in found.items() if names}


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
    assert violations(source)


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
