"""Assemble the static page: its own files, the models, and onnxruntime-web from npm.

The result is a folder that any static host can serve as it is, for example a static Hugging Face Space.
"""

import gzip
import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from demo import contract
from demo.errors import DemoError
from demo.folders import foreign, write_folder
from demo.inference.manifest import Manifest
from demo.ui.shared import EXAMPLES_FOLDER, SHARED_FOLDER

PAGE_FOLDER: Final = Path(__file__).with_name("browser")
DECODER: Final = PAGE_FOLDER.parent.parent / "snippets" / "decoder.mjs"
RUNTIME: Final = "onnxruntime-web"
MODEL: Final = f"{contract.FROM_IMAGE}.onnx"
ON_DEMAND: Final = {
    f"{contract.GENERATOR}.onnx": "generator",
    f"{contract.MLP_GENERATOR}.onnx": "generator",
    f"{contract.MLP_HISTORY}.onnx": "history",
    contract.HISTORY_RECORD: "record",
    contract.HISTORY_PICTURE: "grids",
}
"""Published files that a view downloads when it needs them, and what each is to that view."""
FILES: Final = "files.js"
"""Lists for the service worker what it keeps: each file with its checksum, and the version of them all."""
TEXTS_FOLDER: Final = SHARED_FOLDER.with_name("texts")
SENTENCES: Final = "sentences.mjs"

NOT_KEPT: Final = (
    "README.md",
    "conformance.html",
    "conformance.mjs",
    "compare.mjs",
    "onnxruntime-LICENSE.txt",
    "service-worker.js",
)
"""Files that the service worker does not keep, since the page itself does not use them."""


def assemble_page(folder: Path, models: Path) -> None:
    """Write the page with the models of a models folder into `folder`.

    The any-picture model is required; those of `ON_DEMAND` are included where they are published.

    Raises:
        ModelError: the model is not published there, or its checksum differs from the published one.
        DemoError: the folder holds other files, or npm cannot provide the runtime.
    """
    if foreign(folder, FILES):
        raise DemoError(f"{folder} holds other files than this page; use a new or empty folder.")
    manifest = Manifest.load(models)
    files = {MODEL: manifest.read(MODEL)}
    files |= compressed(runtime_files())
    files[contract.MANIFEST] = json.dumps(excerpt(manifest, files), indent=1).encode()
    files |= page_files()
    files[FILES] = kept(files).encode()
    files |= {name: manifest.read(name) for name in ON_DEMAND if name in manifest.files}
    write_folder(folder, FILES, files)


def page_files() -> dict[str, bytes]:
    """Return the page's own files, those shared with the app or the programs, and the texts they name."""
    own = [path for path in PAGE_FOLDER.iterdir() if path.name != "package.json"]
    examples = EXAMPLES_FOLDER.iterdir()
    shared = [path for path in SHARED_FOLDER.iterdir() if path.suffix in (".css", ".mjs")]
    files = {path.name: path.read_bytes() for path in (*own, *shared, *examples, DECODER) if path.is_file()}
    return files | {SENTENCES: sentences(files.values()).encode()}


def sentences(sources: Iterable[bytes]) -> str:
    """Return a module with every text whose key stands in quotes in one of the files, in both languages."""
    texts: dict[str, dict[str, str]] = {}
    for path in sorted(TEXTS_FOLDER.glob("*.json")):
        texts |= json.loads(path.read_text(encoding="utf-8"))
    code = b"".join(sources)
    named = {key: text for key, text in texts.items() if f'"{key}"'.encode() in code}
    return f"export const TEXTS = {json.dumps(named, ensure_ascii=False, indent=1)};\n"


def runtime_files() -> dict[str, bytes]:
    """Return onnxruntime-web's files as package.json pins them, or raise DemoError without npm or those."""
    package = json.loads((PAGE_FOLDER / "package.json").read_text(encoding="utf-8"))
    wanted = f"{RUNTIME}@{package['dependencies'][RUNTIME]}"
    npm = shutil.which("npm")
    if npm is None:
        raise DemoError("npm is missing; install Node.js (nodejs.org), from which the page gets its runtime.")
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
            raise DemoError(f"npm could not download {wanted}; is there a network? {packed.stderr.strip()}")
        return unpack(archives[0], package["sha256"])


def unpack(archive: Path, checksums: Mapping[str, str]) -> dict[str, bytes]:
    """Return files of an npm package by name. checksums: SHA-256 by path; DemoError where one differs."""
    files = {}
    with tarfile.open(archive) as package:
        for path, checksum in checksums.items():
            stream = package.extractfile(f"package/{path}")
            content = stream.read() if stream else b""
            if hashlib.sha256(content).hexdigest() != checksum:
                raise DemoError(f"{path} is not the file that package.json pins; do not use it.")
            files[Path(path).name] = content
    return files


def compressed(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the files with WebAssembly gzipped, to a quarter of its size: not every host compresses it.

    The suffix is not `.gz`, which some hosts declare as a transfer encoding, so that browsers undo it.
    """
    plain = {name: content for name, content in files.items() if not name.endswith(".wasm")}
    packed = {f"{name}.gzip": gzip.compress(files[name], mtime=0) for name in files.keys() - plain.keys()}
    return plain | packed


def excerpt(manifest: Manifest, files: Mapping[str, bytes]) -> dict[str, Any]:
    """Return the part of the manifest that the page needs: thresholds, and the size and SHA-256 of each file.

    core: the discriminator inside the any-picture model, the tutorial's only where no other is published.
    """
    keys = ("sha256", "size", "licence", "training_run", *contract.THRESHOLDS)
    core = (
        contract.DISCRIMINATOR
        if contract.DISCRIMINATOR in manifest.names("discriminator")
        else contract.MLP_DISCRIMINATOR
    )
    described: dict[str, Any] = {MODEL: {"core": core, **{key: manifest.files[MODEL][key] for key in keys}}}
    for name, content in files.items():
        if name.endswith(".gzip"):
            described[name] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
    later = [on_demand(manifest, name) for name in ON_DEMAND if name in manifest.files]
    return {"version": manifest.version, "files": described, "on_demand": later}


def on_demand(manifest: Manifest, name: str) -> dict[str, Any]:
    """Describe a file that a view may download: name, kind, SHA-256, size.

    For a generator also the length of its noise, and whether one can choose the digit.
    """
    entry = manifest.files[name]
    described = {"name": name, "kind": ON_DEMAND[name], "sha256": entry["sha256"], "size": entry["size"]}
    if described["kind"] == "generator":
        inputs = entry["golden"]["inputs"]
        described |= {"latent": inputs[contract.NOISE]["shape"][1], "chooses_digit": contract.DIGIT in inputs}
    return described


def kept(files: Mapping[str, bytes]) -> str:
    """Return the script that lists what the service worker keeps, with a version that covers it all."""
    checksums = {
        name: hashlib.sha256(content).hexdigest()
        for name, content in sorted(files.items())
        if name not in NOT_KEPT and name not in ON_DEMAND
    }
    worker = hashlib.sha256(files["service-worker.js"]).hexdigest()
    version = hashlib.sha256(json.dumps([checksums, worker]).encode()).hexdigest()[:16]
    return f"self.touchstone = {json.dumps({'version': version, 'files': checksums}, indent=1)};\n"
