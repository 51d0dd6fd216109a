"""The folders' borders: who may import whom, and that the demo runs where torch cannot be imported."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FORBIDDEN = {"train": {"demo", "export"}, "demo": {"train", "export", "torch"}, "export": {"gradio"}}


def imports(path: Path) -> set[str]:
    """The top-level names that a file imports anywhere in it, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_imports_stay_inside_the_borders(folder: str) -> None:
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files
    crossing = {str(path): imports(path) & FORBIDDEN[folder] for path in files}
    assert not {path: names for path, names in crossing.items() if names}


def without(module: str, program: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a process where importing a module fails."""
    blocked = f"import sys; sys.modules[{module!r}] = None\n{program}"
    return subprocess.run(
        [sys.executable, "-c", blocked], capture_output=True, text=True, check=False, cwd=ROOT
    )


def test_the_demo_checks_a_file_without_torch() -> None:
    picture = str(ROOT / "demo" / "models" / "history.png")
    result = without("torch", f"from demo.cli import main; sys.exit(main(['check', '--json', {picture!r}]))")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["verdict"] in ("fake", "real", "unsure", "not a digit")


def test_the_app_is_built_without_torch() -> None:
    program = (
        "from demo.inference.engine import Engine; engine = Engine.load(device='cpu')\n"
        "from demo.ui.app import build_app; build_app(engine)"
    )
    result = without("torch", program)
    assert result.returncode == 0, result.stderr


def test_the_command_line_needs_no_gradio() -> None:
    picture = str(ROOT / "demo" / "models" / "history.png")
    result = without("gradio", f"from demo.cli import main; sys.exit(main(['check', {picture!r}]))")
    assert result.returncode == 0, result.stderr


def imported(program: str) -> set[str]:
    """The top-level modules, and the demo's own in full, that a program has imported when it ends."""
    told = f"import json, sys\n{program}\nprint(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    result = subprocess.run(
        [sys.executable, "-c", told], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert result.returncode == 0, result.stderr
    modules = json.loads(result.stderr.splitlines()[-1])
    return {name if name.startswith("demo.") else name.split(".")[0] for name in modules}


def test_checking_a_file_imports_what_it_needs_and_no_more() -> None:
    picture = str(ROOT / "demo" / "models" / "history.png")
    found = imported(f"from demo.cli import main; main(['check', '--device', 'cpu', {picture!r}])")
    assert {"numpy", "onnxruntime", "demo.batch.listing"} <= found
    needless = {
        *("gradio", "gradio_client", "starlette", "fastapi", "uvicorn", "pydantic", "httpx", "pandas", "mcp"),
        # Pictures are decoded by Pillow in another process, and the bar is for a terminal.
        *("PIL", "pillow_heif", "tqdm", "torch", "train", "export", "pyarrow", "ray"),
        *("demo.ui.app", "demo.serve", "demo.static_page.assemble", "demo.space.assemble"),
    }
    assert not found & needless


def test_the_command_line_s_help_imports_nothing_heavy() -> None:
    program = "from demo.cli import build_parser; build_parser().format_help()"
    assert not imported(program) & {
        "numpy",
        "onnxruntime",
        "gradio",
        "PIL",
        "demo.inference.engine",
        "demo.serve",
    }
