"""npm's packages, installed once into the user's cache."""

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from platformdirs import user_cache_path

from export.errors import ExportError


def node_modules(folder: Path) -> Path:
    """The packages that a folder's package.json names: needs a network once, and never again.

    They are kept under the user's cache, in a folder named after package.json's checksum.

    Raises:
        ExportError: Node or npm is missing, or npm cannot get them.
    """
    package = folder / "package.json"
    cache = user_cache_path("touchstone") / "node"
    kept = cache / hashlib.sha256(package.read_bytes()).hexdigest()[:16]
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise ExportError("Node is missing; install Node.js 20 or newer with npm (nodejs.org).")
    if not kept.exists():
        cache.mkdir(parents=True, exist_ok=True)
        # Aside, then renamed: a run that is stopped half-way leaves nothing that looks whole.
        with tempfile.TemporaryDirectory(dir=cache) as aside:
            whole = Path(aside) / "whole"
            whole.mkdir()
            shutil.copy(package, whole)
            flags = ["--ignore-scripts", "--no-package-lock", "--no-audit", "--no-fund", "--prefer-offline"]
            command = [npm, "install", *flags]
            installed = subprocess.run(command, cwd=whole, capture_output=True, text=True, check=False)  # noqa: S603
            if installed.returncode != 0:
                said = installed.stderr.strip()
                raise ExportError(f"npm could not install what {package} names; is there a network? {said}")
            whole.rename(kept)
    return kept / "node_modules"
