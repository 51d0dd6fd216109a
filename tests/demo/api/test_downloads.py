"""The published files by HTTP: the very bytes, and nothing but them."""

import hashlib
import shutil
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from demo.api.downloads import FileCache, file_response
from demo.contract import MANIFEST
from demo.errors import ModelError
from demo.inference.engine import MODELS_FOLDER
from demo.inference.manifest import Manifest

MANIFEST_HERE = Manifest.load(MODELS_FOLDER)
CACHE = FileCache(MANIFEST_HERE)


def fetched(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=30) as response:
        return bytes(response.read())


@pytest.mark.parametrize("file", MANIFEST_HERE.files)
def test_what_is_downloaded_has_the_checksum(server: str, file: str) -> None:
    content = fetched(f"{server}models/{file}")
    assert hashlib.sha256(content).hexdigest() == MANIFEST_HERE.files[file]["sha256"]
    assert len(content) == MANIFEST_HERE.files[file]["size"]


def test_the_manifest_itself_is_there_too(server: str) -> None:
    assert fetched(f"{server}models/{MANIFEST}") == (MODELS_FOLDER / MANIFEST).read_bytes()


@pytest.mark.parametrize("path", ["models/nobody.onnx", "models/..%2f__init__.py", "models/%2fetc%2fpasswd"])
def test_nothing_else_is_handed_out(server: str, path: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refusal:
        fetched(server + path)
    assert refusal.value.code == 404
    refusal.value.close()


def test_a_model_is_saved_and_a_picture_is_shown() -> None:
    model = file_response(CACHE, "normalizer.onnx", None)
    assert model.headers["content-disposition"] == 'attachment; filename="normalizer.onnx"'
    picture = file_response(CACHE, "history.png", None)
    assert picture.headers["content-type"] == "image/png"
    assert "content-disposition" not in picture.headers


def test_what_the_browser_has_is_not_sent_again() -> None:
    tag = file_response(CACHE, "history.png", None).headers["etag"]
    again = file_response(CACHE, "history.png", tag)
    assert (again.status_code, again.body) == (304, b"")
    assert file_response(CACHE, "history.png", '"another"').status_code == 200


def test_an_altered_file_is_not_handed_out(tmp_path: Path) -> None:
    models = Path(shutil.copytree(MODELS_FOLDER, tmp_path / "models"))
    (models / "normalizer.onnx").write_bytes(b"altered")
    refusal = file_response(FileCache(Manifest.load(models)), "normalizer.onnx", None)
    assert refusal.status_code == 500
    assert b"is not the file that was published" in refusal.body
    assert str(tmp_path).encode() not in refusal.body


def test_a_file_is_read_once_and_again_where_it_was_changed(tmp_path: Path) -> None:
    models = Path(shutil.copytree(MODELS_FOLDER, tmp_path / "models"))
    cache = FileCache(Manifest.load(models))
    first = cache.read("normalizer.onnx")
    assert first == (models / "normalizer.onnx").read_bytes()
    assert cache.read("normalizer.onnx") is first
    (models / "normalizer.onnx").write_bytes(b"altered")
    with pytest.raises(ModelError):
        cache.read("normalizer.onnx")
    (models / "normalizer.onnx").write_bytes(first)
    assert cache.read("normalizer.onnx") == first
