"""Each touch of Gradio's insides, by name: what fails here after an upgrade is what the upgrade changed."""

import ast
import inspect
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from gradio.blocks import Blocks
from gradio.data_classes import ListFiles
from gradio.routes import App

from demo import gradio_inside, stubless
from demo.gradio_inside import (
    API_PATH,
    ApiValue,
    Files,
    Translated,
    check_before_each_call,
    for_each_file,
    is_marked_file,
    tab_being_built,
    takes_file,
    takes_files,
    was_uploaded,
)

ROOT = Path(__file__).parent.parent
INSIDE = "demo/gradio_inside.py"
MARKED = {"path": "/somewhere/7.png", "meta": {"_type": "gradio.FileData"}}


@pytest.fixture
def anyio_backend() -> str:
    """Without a loop that runs gradio makes one for each of its apps, and never closes it."""
    return "asyncio"


def gradio_modules(path: Path) -> set[str]:
    """The modules below gradio, and of its client, that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {
        name
        for name in found
        if name.startswith(("gradio.", "gradio_client")) and name != "gradio.components"
    }


def test_no_other_module_reaches_inside() -> None:
    # Programs to copy run elsewhere, with gradio's client alone.
    files = [path for path in (ROOT / "demo").rglob("*.py") if "snippets" not in path.parts]
    reaching = {str(path.relative_to(ROOT)) for path in files if gradio_modules(path)}
    assert reaching == {INSIDE}


def test_every_touch_has_a_test_here() -> None:
    public = [name for name in vars(gradio_inside) if defined_there(name)]
    assert public
    source = Path(__file__).read_text()
    assert [name for name in public if source.count(name) < 2] == []


def defined_there(name: str) -> bool:
    tree = ast.parse((ROOT / INSIDE).read_text())
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    defined |= {
        node.target.id
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    return name in defined


def test_stubs_are_written_by_the_function_that_is_left_out() -> None:
    module = __import__(stubless.MODULE, fromlist=[stubless.WRITER])
    assert callable(getattr(module, stubless.WRITER))


@pytest.mark.anyio
async def test_api_path_is_where_gradio_answers() -> None:
    with gr.Blocks() as app:
        pass
    paths = {getattr(route, "path", "") for route in App.create_app(app).routes}
    assert any(path.startswith(f"{API_PATH}/") for path in paths)


@pytest.mark.anyio
async def test_api_value_describes_an_endpoint_without_a_component() -> None:
    with gr.Blocks() as app:
        value = ApiValue(3, {"type": "integer"}, "Count")
        gr.on([], lambda count: count, [value], ApiValue(None, {"type": "integer"}, "Same"), api_name="same")
    told: Any = app.get_api_info()
    (parameter,) = told["named_endpoints"]["/same"]["parameters"]
    assert parameter["type"] == {"type": "integer"}
    assert parameter["parameter_default"] == 3


def test_translated_text_is_left_to_the_browser() -> None:
    assert "a.key" in str(Translated("a.key").to_dict())


@pytest.mark.anyio
async def test_tab_being_built_is_the_one_whose_block_runs() -> None:
    with gr.Blocks(), gr.Tabs(), gr.Tab("one") as tab:
        assert tab_being_built() is tab


@pytest.mark.anyio
async def test_takes_files_makes_an_html_component_take_uploads_alone() -> None:
    with gr.Blocks():
        one, many, other = gr.HTML(), gr.HTML(), gr.HTML()
    takes_files(one, gr.FileData)
    takes_files(many, Files)
    assert [takes_file(each) for each in (one, many, other)] == [True, True, False]
    assert Files is ListFiles


@pytest.mark.anyio
async def test_check_before_each_call_sees_components_and_values() -> None:
    seen: list[Any] = []
    with gr.Blocks() as app:
        text = gr.Textbox()
        gr.on([], lambda value: value, text, text, api_name="same")
    check_before_each_call(app, lambda components, values: seen.append((components, values)))
    function = next(iter(app.fns.values()))
    app.validate_inputs(function, ["a"])
    assert seen == [([text], ["a"])]
    # Gradio calls it for every call, before it looks at the values.
    source = inspect.getsource(Blocks.preprocess_data)
    assert source.index("validate_inputs") < source.index("processed_input")


def test_is_marked_file_and_for_each_file_find_what_clients_send() -> None:
    assert is_marked_file(MARKED)
    assert not is_marked_file({"path": "/somewhere/7.png"})
    found: list[str] = []
    for_each_file([{"deep": [MARKED]}, "text"], lambda file: found.append(file["path"]))
    assert found == ["/somewhere/7.png"]


def test_was_uploaded_holds_for_the_upload_folder_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    assert was_uploaded(str(tmp_path / "7.png"))
    assert not was_uploaded(str(tmp_path.parent / "7.png"))
    assert not was_uploaded(str(tmp_path / ".." / "7.png"))
