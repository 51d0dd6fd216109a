"""The boundaries between the folders, and how little the demo's commands import."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "demo" / "conformance" / "drawn-7.png"
FORBIDDEN = {"train": {"demo", "export"}, "demo": {"train", "export", "torch"}, "export": {"gradio"}}


def imports(path: Path) -> set[str]:
    """Return the top-level names that a file imports, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_no_file_imports_across_a_boundary(folder: str) -> None:
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files
    assert [str(path) for path in files if imports(path) & FORBIDDEN[folder]] == []


def run(program: str, blocked: str = "nothing") -> str:
    """Run a program in a process that cannot import a module; return what it prints."""
    prelude = f"import json, sys; sys.modules[{blocked!r}] = None\n"
    result = subprocess.run(
        [sys.executable, "-c", prelude + program], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_app_is_built_without_torch() -> None:
    run(
        "from demo.inference.engine import Engine\n"
        "from demo.ui.app import build_app\n"
        "build_app(Engine.load(device='cpu'))",
        blocked="torch",
    )


def modules_after(program: str) -> set[str]:
    """Return what a program has imported when it ends: top-level modules, and the demo's own in full."""
    modules = json.loads(run(f"{program}\nprint(json.dumps(sorted(sys.modules)))").splitlines()[-1])
    return {name if name.startswith("demo.") else name.split(".")[0] for name in modules}


def test_check_imports_only_what_it_needs() -> None:
    found = modules_after(f"from demo.cli import main; main(['check', '--device', 'cpu', {str(PICTURE)!r}])")
    assert {"numpy", "onnxruntime"} <= found
    needless = {
        *("gradio", "gradio_client", "starlette", "fastapi", "uvicorn", "pydantic", "httpx", "pandas", "mcp"),
        # Pillow decodes in another process; tqdm draws its bar in a terminal only.
        *("PIL", "pillow_heif", "tqdm", "torch", "train", "export", "pyarrow", "ray"),
        *("demo.ui.app", "demo.serve", "demo.static_page.assemble", "demo.space.assemble"),
    }
    assert not found & needless


def test_help_imports_nothing_heavy() -> None:
    found = modules_after("from demo.cli import build_parser; build_parser().format_help()")
    assert not found & {"numpy", "onnxruntime", "gradio", "PIL", "demo.inference.engine", "demo.serve"}
