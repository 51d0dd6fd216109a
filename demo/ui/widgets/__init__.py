"""Parts of the page that gradio does not have: their markup and scripts lie beside the modules."""

from pathlib import Path


def beside(module_file: str, name: str) -> str:
    """The text of a file that lies beside a module. module_file: the module's `__file__`."""
    return Path(module_file).with_name(name).read_text(encoding="utf-8")
