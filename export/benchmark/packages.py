"""Packages from npm, installed once into the user's cache."""

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from platformdirs import user_cache_path

from export.errors import ExportError


def node_modules(folder: Path) -> Path:
    """Return the node_modules folder with the packages that a folder's package.json names.

    They are installed once, into a folder of the user's cache that is named after package.json's checksum;
    only this needs a network.

    Raises:
        ExportError: Node or npm is missing, or npm cannot install them.
    """
    package = folder / "package.json"
    cache = user_cache_path("touchstone") / "node"
    kept = cache / hashlib.sha256(package.read_bytes()).hexdigest()[:16]
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise ExportError("Node is missing. Install Node.js 20 or newer with npm (nodejs.org).")
    if not kept.exists():
        cache.mkdir(parents=True, exist_ok=True)
        # Install beside it, then rename: an interrupted installation must not look complete.
        with tempfile.TemporaryDirectory(dir=cache) as aside:
            whole = Path(aside) / "whole"
            whole.mkdir()
            shutil.copy(package, whole)
            flags = ["--ignore-scripts", "--no-package-lock", "--no-audit", "--no-fund", "--prefer-offline"]
            command = [npm, "install", *flags]
            installed = subprocess.run(command, cwd=whole, capture_output=True, text=True, check=False)  # noqa: S603
            if installed.returncode != 0:
                reason = installed.stderr.strip()
                raise ExportError(
                    f"npm could not install the packages of {package}; is there a network? {reason}"
                )
            whole.rename(kept)
    return kept / "node_modules"
