"""Untrusted models folders: damage, and names outside the folder, are refused in one sentence."""

import os
from pathlib import Path

import pytest

from demo.errors import ModelError
from demo.inference.engine import Engine
from demo.inference.manifest import Manifest
from demo.inference.sessions import CPU, open_session
from tests.support.models import manifest_of


@pytest.mark.parametrize(
    "name",
    ["../x.onnx", "/etc/passwd", "..\\x.onnx", "C:x.onnx", ".hidden", "x.onnx\n", "manifest.json", "x" * 200],
)
def test_a_name_that_leads_elsewhere_is_refused(models: Path, name: str) -> None:
    with manifest_of(models) as manifest:
        manifest["files"][name] = manifest["files"]["normalizer.onnx"]
    with pytest.raises(ModelError, match="is not a valid file name") as refusal:
        Manifest.load(models)
    assert "\n" not in str(refusal.value)


@pytest.mark.skipif(os.name != "posix", reason="links and pipes as posix has them")
@pytest.mark.parametrize("file", ["normalizer.onnx", "manifest.json"])
def test_a_link_or_a_pipe_is_not_opened(models: Path, tmp_path: Path, file: str) -> None:
    """Even where the link leads to the very file that was published."""
    (models / file).rename(tmp_path / "elsewhere")
    (models / file).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ModelError, match=r"cannot be read \(it is not a regular file\)"):
        Manifest.load(models).read(file)
    (models / file).unlink()
    os.mkfifo(models / file)
    with pytest.raises(ModelError, match=r"cannot be read \(it is not a regular file\)"):
        Manifest.load(models).read(file)


def test_a_file_that_has_grown_is_not_read_to_its_end(models: Path) -> None:
    with (models / "normalizer.onnx").open("r+b") as stream:
        stream.truncate(1 << 40)
    with pytest.raises(ModelError, match=r"^normalizer\.onnx is not the file"):
        Manifest.load(models).read("normalizer.onnx")


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe", b"null", b"[" * 100_000, b'{"version":"1","files":{"a.png":{"sha256":"x"}}}'],
)
def test_a_damaged_manifest_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(ModelError, match=r"manifest\.json cannot be read .*; restore it") as refusal:
        Manifest.load(tmp_path)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("wrong", [None, "x"])
@pytest.mark.parametrize(
    "place",
    [
        ("golden", "outputs"),
        ("golden", "inputs", "pixels", "data"),
        ("golden", "tolerance", CPU, "logit", "absolute"),
        ("sha256",),
        ("size",),
        ("kind",),
    ],
)
def test_a_wrong_type_in_the_manifest_is_one_sentence(
    models: Path, place: tuple[str, ...], wrong: object
) -> None:
    with manifest_of(models) as manifest:
        inside = manifest["files"]["mlp_discriminator.onnx"]
        for key in place[:-1]:
            inside = inside[key]
        inside[place[-1]] = wrong
    with pytest.raises(ModelError) as refusal:
        Engine.load(models, "cpu", "mlp_discriminator")
    assert "\n" not in str(refusal.value)


def test_external_data_is_out_of_reach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights in a file beside the model have no checksum."""
    onnx = pytest.importorskip("onnx")
    weight = onnx.TensorProto(name="w", data_type=1, dims=[64, 64], data_location=1)
    for key, value in {"location": "weights.bin", "offset": "0", "length": str(64 * 64 * 4)}.items():
        weight.external_data.add(key=key, value=value)
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("MatMul", ["x", "w"], ["y"])],
        "outside",
        [onnx.helper.make_tensor_value_info("x", 1, [1, 64])],
        [onnx.helper.make_tensor_value_info("y", 1, [1, 64])],
        [weight],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=9)
    (tmp_path / "weights.bin").write_bytes(bytes(64 * 64 * 4))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match=r"outside\.onnx cannot be loaded .* does not exist"):
        open_session("outside.onnx", model.SerializeToString(), [CPU])
