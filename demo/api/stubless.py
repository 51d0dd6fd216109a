"""Gradio imported in half the time: without the type stubs that it writes anew whenever it is imported."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
from typing import Final

MODULE: Final = "gradio.component_meta"
WRITER: Final = "create_or_modify_pyi"


@contextmanager
def without_stubs() -> Iterator[None]:
    """Within it gradio, where it was not imported before, is imported without writing type stubs.

    For every class of a component it parses the source, renders a template, and writes both into a `.pyi`
    file beside the module, for editors; its own come with it. It has no setting that leaves this out (as of
    6.31). A gradio that does it in another way is imported as ever.
    """
    finder = StublessFinder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class StublessFinder(MetaPathFinder):
    """Finds the one module that writes stubs where Python finds it, and has it loaded by `StublessLoader`."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module's spec, or None for all others."""
        spec = PathFinder.find_spec(fullname, path, target) if fullname == MODULE else None
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = StublessLoader(spec.loader.name, spec.loader.path)
        return spec


class StublessLoader(SourceFileLoader):
    """Loads the module, and then takes the function that writes stubs out of its way."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the module's code."""
        super().exec_module(module)
        if hasattr(module, WRITER):
            setattr(module, WRITER, lambda *_, **__: None)
