"""The browser page, put together: its own files, the models, and onnxruntime-web's from npm.

What comes out is a folder that any static host serves as it is, a static Hugging Face Space among them.
"""

import gzip
import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from demo.contract import (
    DIGIT,
    DISCRIMINATOR,
    FROM_IMAGE,
    GENERATOR,
    HISTORY_PICTURE,
    HISTORY_RECORD,
    MANIFEST,
    MLP_DISCRIMINATOR,
    MLP_GENERATOR,
    MLP_HISTORY,
    NOISE,
    THRESHOLDS,
)
from demo.errors import PageError
from demo.folders import foreign, write_folder
from demo.inference.manifest import Manifest

PAGE_FOLDER: Final = Path(__file__).with_name("browser")
RUNTIME: Final = "onnxruntime-web"
MODEL: Final = f"{FROM_IMAGE}.onnx"
ON_DEMAND: Final = {
    f"{GENERATOR}.onnx": "generator",
    f"{MLP_GENERATOR}.onnx": "generator",
    f"{MLP_HISTORY}.onnx": "history",
    HISTORY_RECORD: "record",
    HISTORY_PICTURE: "walls",
}
"""What a view asks for when it is used, and what it is to that view; where it is published."""
FILES: Final = "files.js"
"""What the service worker keeps: the version, and each file's checksum."""

NOT_OF_THE_PAGE: Final = ("package.json",)
NOT_KEPT: Final = (
    "README.md",
    "conformance.html",
    "conformance.mjs",
    "compare.mjs",
    "onnxruntime-LICENSE.txt",
    "service-worker.js",
)
"""Files that the page itself does without, so that the service worker does not keep them."""


def assemble_page(folder: Path, models: Path) -> None:
    """Write the page with the models of a models folder into `folder`.

    Needed there is the any-picture model; what is there of `ON_DEMAND` comes along.

    Raises:
        ModelError: the model is not published there, or is not the one that was.
        PageError: the folder holds something else, or the runtime cannot be had from npm.
    """
    if foreign(folder, FILES):
        raise PageError(f"{folder} holds something else than this page; name a new or an empty folder.")
    manifest = Manifest.load(models)
    files = {MODEL: manifest.read(MODEL)}
    files |= compressed(runtime_files())
    later = {name: manifest.read(name) for name in ON_DEMAND if name in manifest.files}
    files[MANIFEST] = json.dumps(excerpt(manifest, files), indent=1).encode()
    for path in PAGE_FOLDER.iterdir():
        if path.is_file() and path.name not in NOT_OF_THE_PAGE:
            files[path.name] = path.read_bytes()
    files[FILES] = kept(files).encode()
    files |= later
    try:
        write_folder(folder, FILES, files)
    except OSError as error:
        raise PageError(f"{folder} cannot be written ({error.strerror}); name another folder.") from error


def runtime_files() -> dict[str, bytes]:
    """onnxruntime-web's files by name, of the version and with the checksums that package.json pins.

    Raises:
        PageError: npm is missing or cannot get them, or they are not what they were.
    """
    package = json.loads((PAGE_FOLDER / "package.json").read_text(encoding="utf-8"))
    wanted = f"{RUNTIME}@{package['dependencies'][RUNTIME]}"
    npm = shutil.which("npm")
    if npm is None:
        raise PageError("npm is missing, which the page's runtime comes from; install Node.js (nodejs.org).")
    with tempfile.TemporaryDirectory() as temporary:
        command = [npm, "pack", wanted, "--ignore-scripts", "--prefer-offline", "--silent"]
        packed = subprocess.run(  # noqa: S603 - the version is ours
            [*command, "--pack-destination", temporary],
            cwd=temporary,
            capture_output=True,
            text=True,
            check=False,
        )
        archives = list(Path(temporary).glob("*.tgz"))
        if packed.returncode != 0 or len(archives) != 1:
            raise PageError(f"npm could not download {wanted}; is there a network? {packed.stderr.strip()}")
        return unpack(archives[0], package["sha256"])


def unpack(archive: Path, checksums: Mapping[str, str]) -> dict[str, bytes]:
    """The files of an npm package that are named with their SHA-256; raises PageError where one differs."""
    files = {}
    with tarfile.open(archive) as package:
        for path, checksum in checksums.items():
            stream = package.extractfile(f"package/{path}")
            content = stream.read() if stream else b""
            if hashlib.sha256(content).hexdigest() != checksum:
                raise PageError(f"{path} is not the file that package.json pins; do not use it.")
            files[Path(path).name] = content
    return files


def compressed(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The same files, WebAssembly gzipped: a quarter of its size, and not every host compresses it.

    The ending is not `.gz`, which some hosts take for a transfer encoding and undo.
    """
    return {
        f"{name}.gzip" if name.endswith(".wasm") else name: (
            gzip.compress(content, mtime=0) if name.endswith(".wasm") else content
        )
        for name, content in files.items()
    }


def excerpt(manifest: Manifest, files: Mapping[str, bytes]) -> dict[str, Any]:
    """What the page needs of the manifest: thresholds, and sizes and checksums of what it downloads.

    core: the discriminator inside the any-picture model, which is the product wherever that is published.
    """
    keys = ("sha256", "size", "licence", "training_run", *THRESHOLDS)
    core = DISCRIMINATOR if DISCRIMINATOR in manifest.names("discriminator") else MLP_DISCRIMINATOR
    described: dict[str, Any] = {MODEL: {"core": core, **{key: manifest.files[MODEL][key] for key in keys}}}
    for name, content in files.items():
        if name.endswith(".gzip"):
            described[name] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
    later = [on_demand(manifest, name) for name in ON_DEMAND if name in manifest.files]
    return {"version": manifest.version, "files": described, "on_demand": later}


def on_demand(manifest: Manifest, name: str) -> dict[str, Any]:
    """What the page needs to know of a file before a view asks for it.

    Of a generator also the length of its noise, and whether it takes the digit to make.
    """
    entry = manifest.files[name]
    described = {"name": name, "kind": ON_DEMAND[name], "sha256": entry["sha256"], "size": entry["size"]}
    if described["kind"] == "generator":
        inputs = entry["golden"]["inputs"]
        described |= {"latent": inputs[NOISE]["shape"][1], "chooses_digit": DIGIT in inputs}
    return described


def kept(files: Mapping[str, bytes]) -> str:
    """The script that tells the service worker which files to keep, and the version that they make up."""
    checksums = {
        name: hashlib.sha256(content).hexdigest()
        for name, content in sorted(files.items())
        if name not in NOT_KEPT and name not in ON_DEMAND
    }
    worker = hashlib.sha256(files["service-worker.js"]).hexdigest()
    version = hashlib.sha256(json.dumps([checksums, worker]).encode()).hexdigest()[:16]
    return f"self.touchstone = {json.dumps({'version': version, 'files': checksums}, indent=1)};\n"
