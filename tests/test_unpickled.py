"""Nothing is unpickled and no content is run: in no file of the project, and in no file that it opens."""

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

ROOT = Path(__file__).parent.parent
MODULES = {
    *("pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "yaml"),
    *("code", "codeop", "runpy"),
}
FUNCTIONS = {
    *("torch.load", "torch.save", "torch.jit.load", "torch.hub.load", "torch.package.PackageImporter"),
    *("numpy.load", "np.load", "numpy.fromregex", "pandas.read_pickle", "onnx.load_external_data_for_model"),
    *("eval", "exec", "compile", "__import__"),
}


def findings(source: str) -> list[str]:
    """What of a file's source unpickles, or runs content: `LINE: what`."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Call):
            names = [f"{ast.unparse(node.func)}("]
            flags = [each for each in node.keywords if each.arg in ("allow_pickle", "weights_only")]
            names += [str(each.arg) for each in flags if getattr(each.value, "value", 1) is not False]
        else:
            continue
        for name in names:
            whole = name.removesuffix("(")
            module = name.split(".")[0] in MODULES and not name.endswith("(")
            called = whole in FUNCTIONS if name.endswith("(") else name in FUNCTIONS
            if module or called or name in ("allow_pickle", "weights_only"):
                found.append(f"{node.lineno}: {whole}")
    return found


@pytest.mark.parametrize("folder", ["train", "export", "demo"])
def test_no_file_unpickles_or_runs_content(folder: str) -> None:
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files
    found = {str(path): findings(path.read_text(encoding="utf-8")) for path in files}
    assert not {path: names for path, names in found.items() if names}


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from pickle import loads",
        "import yaml; yaml.load(x)",
        "import joblib.numpy_pickle",
        "import torch; torch.load(path)",
        "from torch import load",
        "import numpy as np; np.load(path)",
        "from numpy import load",
        "anything.read(path, allow_pickle=True)",
        "anything.read(path, allow_pickle=flag)",
        "eval(text)",
        "exec(text)",
        "compile(text, '', 'exec')",
    ],
)
def test_what_would_is_found(source: str) -> None:
    assert findings(source)


class Trap:
    """What writes a file when it is unpickled."""

    def __init__(self, sprung: Path) -> None:
        self.sprung = sprung

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.sprung,)


def test_a_pickle_under_another_name_is_refused(tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    content = pickle.dumps(Trap(sprung))
    (tmp_path / "step-000001.safetensors").write_bytes(content)
    with pytest.raises(RunError, match=r"step-000001\.safetensors is no snapshot that can be read"):
        load_snapshot(tmp_path / "step-000001.safetensors")
    entry = {"kind": "discriminator", "golden": {}, "opset": 20}
    publish(tmp_path / "models", {"a.onnx": content}, {"a.onnx": entry})
    with pytest.raises(ModelError, match=r"a\.onnx cannot be loaded by onnxruntime"):
        open_session("a.onnx", Manifest.load(tmp_path / "models").read("a.onnx"), [CPU])
    assert not sprung.exists()
    pickle.loads(content)  # noqa: S301 - the trap is one
    assert sprung.exists()
