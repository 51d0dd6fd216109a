"""Find the oldest onnxruntime that runs each published file: `python -m tests.tools.runtimes [VERSION…]`.

Installs each version into an environment of its own, and replays there the golden numbers of every file, as
the app does at its start. Prints a line for each version and file, and last the oldest version for each file.
"""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from demo.contract import MODELS_FOLDER

ROOT: Final = Path(__file__).parents[2]
VERSIONS: Final = ("1.31.0", "1.24.4", "1.22.1", "1.21.1", "1.20.1", "1.19.2", "1.18.1", "1.17.3")
"""From new to old: the last patch of each release."""
NUMPY: Final = {"1.18.1": "numpy<2", "1.17.3": "numpy<2"}
"""Of releases that NumPy 2 came after."""

PROGRAM: Final = """
import sys
from demo.inference.manifest import Manifest, check_golden
from demo.inference.sessions import CPU, open_session
from demo.contract import MODELS_FOLDER

manifest = Manifest.load(MODELS_FOLDER)
for file, entry in manifest.files.items():
    if file.endswith(".onnx"):
        try:
            session = open_session(file, manifest.read(file), [CPU])
            check_golden(file, session, entry["golden"], CPU)
            print(file, "runs")
        except Exception as error:
            print(file, "does not:", " ".join(str(error).split())[:160])
"""


def main(versions: Sequence[str]) -> int:
    oldest: dict[str, str] = {}
    for version in versions:
        for line in replay(version):
            print(f"onnxruntime {version}: {line}", flush=True)
            file, _, outcome = line.partition(" ")
            # Only where all newer ones run it, too.
            if outcome == "runs" and oldest.get(file, versions[0]) == previous(version, versions):
                oldest[file] = version
    for path in sorted(MODELS_FOLDER.glob("*.onnx")):
        print(f"{path.name}: from onnxruntime {oldest.get(path.name, 'none of these')}")
    return 0


def previous(version: str, versions: Sequence[str]) -> str:
    """Return the next newer one of the versions; the first stands for itself."""
    return versions[max(0, versions.index(version) - 1)]


def replay(version: str) -> list[str]:
    """Return a line for each file, as one version of onnxruntime runs it."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        python = str(Path(folder) / "bin" / "python")
        packages = [f"onnxruntime=={version}", NUMPY.get(version, "numpy")]
        subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
        done = subprocess.run([python, "-c", PROGRAM], capture_output=True, text=True, check=False, cwd=ROOT)
    return done.stdout.splitlines() or [f"cannot be used: {done.stderr.strip().splitlines()[-1]}"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or VERSIONS))
