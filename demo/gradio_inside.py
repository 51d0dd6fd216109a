"""Whatever of Gradio's is not its public interface, in one place: what an upgrade of it may break.

Every other module of the app takes `gradio` itself alone, and `demo.stubless`, which has to come before
gradio is imported, one function of it by name. `tests/test_gradio_inside.py` names each touch.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import gradio as gr
from gradio.block_function import BlockFunction
from gradio.components.api_component import Api
from gradio.context import get_render_context
from gradio.data_classes import ListFiles
from gradio.i18n import I18nData
from gradio.route_utils import API_PREFIX
from gradio.utils import get_upload_folder, is_in_or_equal
from gradio_client.utils import is_file_obj_with_meta, traverse

ApiValue: TypeAlias = Api
"""A value of an endpoint that no component shows: default, JSON schema and name."""
Files: TypeAlias = ListFiles
"""What the browser sends of several files that it uploaded."""
Translated: TypeAlias = I18nData
"""A text that the browser puts in its own language, by its key."""

API_PATH: Final[str] = API_PREFIX
"""What the paths of gradio's own routes begin with."""


def tab_being_built() -> gr.Tab:
    """The tab whose `with` block runs."""
    tab = get_render_context()
    assert isinstance(tab, gr.Tab)
    return tab


def takes_files(area: gr.HTML, kind: type[gr.FileData] | type[ListFiles]) -> None:
    """Have an HTML component's value be files: without it gradio hands over whatever path a browser names."""
    area.data_model = kind


def check_before_each_call(app: gr.Blocks, check: Callable[[Sequence[object], Sequence[Any]], None]) -> None:
    """Have `check` see the components and the values of every call before gradio looks at them.

    An app that has this done to it, rather than a subclass: gradio writes a file beside the module of one.
    """
    validate = app.validate_inputs

    def validate_and_check(block_fn: BlockFunction, inputs: list[Any]) -> None:
        validate(block_fn, inputs)
        check(block_fn.inputs, inputs)

    app.validate_inputs = validate_and_check  # type: ignore[method-assign]


def takes_file(component: object) -> bool:
    """Whether a component's value is a file or a list of files."""
    return getattr(component, "data_model", None) in (gr.FileData, ListFiles)


def is_marked_file(value: object) -> bool:
    """Whether a value is a file as gradio's clients name it: a path, with meta that says so."""
    return bool(is_file_obj_with_meta(value))


def was_uploaded(path: str) -> bool:
    """Whether a path lies in the folder that uploads are put into."""
    return is_in_or_equal(path, get_upload_folder())


def for_each_file(value: Any, see: Callable[[dict[str, Any]], Any]) -> None:
    """Have `see` look at every marked file in a value, however deep it lies."""
    traverse(value, see, is_file_obj_with_meta)
