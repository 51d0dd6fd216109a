"""What the views share: the engine, the texts, and the picture checked last."""

import html
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from demo.inference.check import Checked
from demo.inference.engine import Engine
from demo.ui.html import empty_result, result_panel
from demo.ui.texts import LANGUAGES, Texts, load_texts, preferred_language

# Gradio's translator takes these for placeholders and quotes; browsers show the same characters.
_ENTITIES = str.maketrans({"{": "&#123;", "}": "&#125;", "'": "&#39;"})


class Page:
    """Created first inside the app being built; then each view adds itself.

    i18n: the texts the browser translates; it grows as views are added.
    tabs, tab: all views, and the one being built. current: the `Checked` picture that was checked last.
    result: the panel that shows it, rendered by *Check*.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.i18n = gr.I18n(**{language: {} for language in LANGUAGES})
        self._texts = load_texts()
        self.tabs = gr.Tabs(render=False, elem_id="views")
        self.tab: gr.Tab | None = None
        self.current = gr.State(None)
        self.result = self.html(
            empty_result, elem_id="result", js_on_load=script(__file__, "result.js"), render=False
        )

    def label(self, key: str) -> Any:
        """Return a text for a component's label; the browser shows it in its language."""
        return self._translated(key, {each: html.unescape(text(key)) for each, text in self._texts.items()})

    def html(self, content: Callable[[Texts], str], **options: Any) -> gr.HTML:
        """Add HTML that never changes, rendered once per language; the browser shows its own."""
        key = f"html-{len(self.i18n.translations_dict['en'])}"
        rendered = {each: content(text).translate(_ENTITIES) for each, text in self._texts.items()}
        return gr.HTML(self._translated(key, rendered), apply_default_css=False, **options)

    def paragraph(self, key: str, **values: object) -> gr.HTML:
        """Add a paragraph with a text."""
        return self.html(lambda text: f'<p class="paragraph">{text(key, **values)}</p>')

    def _translated(self, key: str, texts: dict[str, str]) -> Any:
        for language, text in texts.items():
            self.i18n.translations_dict[language][key] = text
        return self.i18n(key)

    def texts(self, request: gr.Request | None) -> Texts:
        """Return the texts in the language of a request's sender."""
        accepted = request.headers.get("accept-language") if request else None
        return self._texts[preferred_language(accepted)]

    def by_language(self, prefix: str) -> dict[str, dict[str, str]]:
        """Return the texts whose keys start with a prefix in all languages, for a script that chooses."""
        return {language: text.group(prefix) for language, text in self._texts.items()}

    @property
    def shown(self) -> list[Any]:
        """The outputs of an event that shows a picture in *Check*, to be filled by `show`."""
        return [self.result, self.current, self.tabs]

    def show(self, checked: Checked, request: gr.Request | None) -> Sequence[Any]:
        """Return values for `shown`: *Check* in front, scrolled to the panel of an answer."""
        panel = result_panel(self.engine, checked, self.texts(request), in_front=True)
        return panel, checked, gr.Tabs(selected="check")


def script(module_file: str, name: str) -> str:
    """Return the text of a file beside a module. module_file: the module's `__file__`."""
    return Path(module_file).with_name(name).read_text(encoding="utf-8")


def private_event(*, with_data: bool = False) -> dict[str, Any]:
    """Return the options of the page's own events: not in the API, and only the latest of several runs.

    with_data: the handler reads the event's data. Gradio drops the data of an event that waits for an
    earlier one, so such events do not wait.
    """
    mode = "multiple" if with_data else "always_last"
    return {"api_visibility": "private", "show_progress": "hidden", "trigger_mode": mode}
