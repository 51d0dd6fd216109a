"""The published files by HTTP: the very bytes, and nothing but them."""

import hashlib
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from demo.api.downloads import downloads_route
from demo.contract import MANIFEST
from demo.inference.engine import MODELS_FOLDER
from demo.inference.manifest import Manifest


def test_every_file_has_its_checksum(server: str) -> None:
    with httpx.Client(base_url=f"{server}models/", trust_env=False, timeout=30) as client:
        for file, entry in Manifest.load(MODELS_FOLDER).files.items():
            response = client.get(file)
            assert hashlib.sha256(response.content).hexdigest() == entry["sha256"]
            assert len(response.content) == entry["size"]
            assert ("content-disposition" in response.headers) == (not file.endswith(".png"))
            known = {"if-none-match": response.headers["etag"]}
            again = client.get(file, headers=known)
            assert (again.status_code, again.content) == (304, b"")
        assert client.get(MANIFEST).content == (MODELS_FOLDER / MANIFEST).read_bytes()


@pytest.mark.parametrize("path", ["nobody.onnx", "..%2f__init__.py", "%2fetc%2fpasswd"])
def test_other_files_are_404(server: str, path: str) -> None:
    assert httpx.get(f"{server}models/{path}", trust_env=False).status_code == 404


def test_an_altered_file_is_refused_until_it_is_restored(models: Path) -> None:
    path = models / "normalizer.onnx"
    content = path.read_bytes()
    with TestClient(Starlette(routes=[downloads_route(Manifest.load(models))])) as client:
        assert client.get("/models/normalizer.onnx").content == content
        path.write_bytes(b"altered")
        refusal = client.get("/models/normalizer.onnx")
        assert refusal.status_code == 500
        assert "is not the file that was published" in refusal.text
        assert str(models) not in refusal.text
        path.write_bytes(content)
        assert client.get("/models/normalizer.onnx").content == content
