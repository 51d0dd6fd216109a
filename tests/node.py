"""Node for the tests: its packages, installed once into the user's cache, and a copy of the programs."""

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from platformdirs import user_cache_path

ROOT = Path(__file__).parent.parent
PROGRAMS = ROOT / "demo" / "embed"


def node_modules() -> Path:
    """The packages of demo/embed/node/package.json: the one time that a test run needs npm's registry.

    They are kept under the user's cache, in a folder named after package.json's checksum.
    """
    package = PROGRAMS / "node" / "package.json"
    cache = user_cache_path("touchstone") / "node"
    kept = cache / hashlib.sha256(package.read_bytes()).hexdigest()[:16]
    if not kept.exists():
        cache.mkdir(parents=True, exist_ok=True)
        # Aside, then renamed: a run that is stopped half-way leaves nothing that looks whole.
        with tempfile.TemporaryDirectory(dir=cache) as aside:
            whole = Path(aside) / "whole"
            whole.mkdir()
            shutil.copy(package, whole)
            flags = ["--ignore-scripts", "--no-package-lock", "--no-audit", "--no-fund", "--prefer-offline"]
            npm = shutil.which("npm") or "npm"
            subprocess.run([npm, "install", *flags], cwd=whole, check=True, capture_output=True)
            whole.rename(kept)
    return kept / "node_modules"


def copy_programs(folder: Path) -> Path:
    """The very files of demo/embed/node, where their relative paths lead, with packages; their folder."""
    embed = folder / "demo" / "embed"
    shutil.copytree(PROGRAMS / "node", embed / "node", ignore=shutil.ignore_patterns("node_modules"))
    shutil.copytree(PROGRAMS / "browser", embed / "browser")
    (folder / "demo" / "models").symlink_to(ROOT / "demo" / "models")
    (embed / "node" / "node_modules").symlink_to(node_modules())
    return embed / "node"
