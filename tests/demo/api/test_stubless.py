"""Gradio without the stubs that it writes at import: whether it still writes them, and works without."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def run(program: str, folder: Path) -> str:
    """What a program of its own process prints; it finds modules in a folder, too."""
    search = os.pathsep.join((str(ROOT), str(folder)))
    result = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": search},
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def component(folder: Path) -> Path:
    """Write a module that defines a component; returns where gradio would put its stub."""
    (folder / "own.py").write_text("import gradio as gr\n\n\nclass Own(gr.HTML):\n    EVENTS = ['told']\n")
    return folder / "own.pyi"


def test_gradio_itself_writes_stubs(tmp_path: Path) -> None:
    stub = component(tmp_path)
    run("import own", tmp_path)
    assert "def told" in stub.read_text()


def test_without_them_its_components_have_their_events_all_the_same(tmp_path: Path) -> None:
    stub = component(tmp_path)
    program = (
        "import sys\n"
        "from demo.api.stubless import without_stubs\n"
        "before = list(sys.meta_path)\n"
        "with without_stubs():\n    import own\n"
        "assert sys.meta_path == before\n"
        "import gradio as gr\n"
        "with gr.Blocks():\n    own.Own().told(lambda: None); gr.Button().click(lambda: None)\n"
        "print(gr.component_meta.__file__)\n"
    )
    assert run(program, tmp_path).strip().endswith("component_meta.py")
    assert not stub.exists()


def test_a_gradio_that_writes_none_is_imported_as_ever(tmp_path: Path) -> None:
    (tmp_path / "gradio").mkdir()
    (tmp_path / "gradio" / "__init__.py").write_text("from gradio import component_meta\n")
    (tmp_path / "gradio" / "component_meta.py").write_text("told = 'another one'\n")
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from demo.api.stubless import without_stubs\n"
        "with without_stubs():\n    import gradio\n"
        "print(gradio.component_meta.told, hasattr(gradio.component_meta, 'create_or_modify_pyi'))\n"
    )
    assert run(program, tmp_path) == "another one False\n"
