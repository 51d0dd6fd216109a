"""What the views of the page share: the engine, the words, and the picture that was checked last."""

import html
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from demo.inference.check import Checked
from demo.inference.engine import Engine
from demo.ui.html import empty_result, result_panel
from demo.ui.texts import LANGUAGES, Words, load_words, preferred_language

# To gradio's translator these are placeholders and quotes; to a browser the same characters.
_ENTITIES = str.maketrans({"{": "&#123;", "}": "&#125;", "'": "&#39;"})


class Page:
    """Made first, inside the app that is being built; then each view adds itself.

    tabs: the views, by the names `check`, `learn`, `generate`, `many`, `elsewhere` and `game`.
    tab: the one that is being built.
    current: the picture that was checked last, a `Checked`, or None.
    result: the panel that shows it, which the view *Check* renders.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._words = load_words()
        self._translated = gr.I18n()
        self._blocks: dict[str, dict[str, str]] = {language: {} for language in LANGUAGES}
        self.tab: gr.Tab
        self.tabs = gr.Tabs(render=False, elem_id="views")
        self.current = gr.State(None)
        self.result = gr.HTML(
            self.block(empty_result),
            apply_default_css=False,
            elem_id="result",
            js_on_load=_RESULT_SCRIPT,
            render=False,
        )

    def say(self, key: str) -> gr.i18n.I18nData:
        """A text for a component's own label, which the browser puts in its language."""
        return self._register(key, {each: html.unescape(words(key)) for each, words in self._words.items()})

    def block(self, render: Callable[[Words], str]) -> gr.i18n.I18nData:
        """HTML that never changes, rendered once in each language; the browser shows its own."""
        rendered = {each: render(words).translate(_ENTITIES) for each, words in self._words.items()}
        return self._register(f"block-{len(self._blocks['en'])}", rendered)

    def _register(self, key: str, texts: dict[str, str]) -> gr.i18n.I18nData:
        for language, text in texts.items():
            self._blocks[language][key] = text
        return self._translated(key)

    def translations(self) -> gr.I18n:
        """What the browser needs to show `say` and `block` in its language."""
        return gr.I18n(**self._blocks)

    def words(self, request: gr.Request | None) -> Words:
        """The texts in the language of whoever sent a request."""
        accepted = request.headers.get("accept-language") if request else None
        return self._words[preferred_language(accepted)]

    def both(self, prefix: str) -> dict[str, dict[str, str]]:
        """By language, the texts whose keys begin with a prefix: for a script that chooses in the browser."""
        return {language: words.group(prefix) for language, words in self._words.items()}

    @property
    def shown(self) -> list[Any]:
        """The outputs of an event that shows a picture in *Check*: what `show` returns goes there."""
        return [self.result, self.current, self.tabs]

    def show(self, checked: Checked, request: gr.Request | None) -> Sequence[Any]:
        """Values for `shown`: the panel of an answer, with *Check* in front and the panel in sight."""
        panel = result_panel(self.engine, checked, self.words(request), in_front=True)
        return panel, checked, gr.Tabs(selected="check")

    def panel(self, checked: Checked | None, request: gr.Request | None) -> str:
        """The panel of an answer, or the empty one."""
        words = self.words(request)
        return empty_result(words) if checked is None else result_panel(self.engine, checked, words)


_RESULT_SCRIPT = """
// Its view comes to the front a little later than the panel of a picture that was chosen in another one.
function lookAt(panel, patience) {
  if (panel.checkVisibility()) {
    panel.scrollIntoView({ block: 'nearest' });
    panel.focus({ preventScroll: true });
  } else if (patience) {
    requestAnimationFrame(() => lookAt(panel, patience - 1));
  }
}
watch('value', () => {
  const panel = element.querySelector('.result[data-in-front]');
  if (panel) lookAt(panel, 120);
});
document.addEventListener('touchstone:input', () => {
  if (element.checkVisibility()) element.querySelector('.result')?.setAttribute('data-stale', '');
});
"""


def private_event(*, telling: bool = False) -> dict[str, Any]:
    """What the page's own events have in common: not part of the API, and the latest input wins.

    telling: what the browser says in the event's data matters. Gradio forgets it where an event waits for the
    one before it, so such events do not wait.
    """
    mode = "multiple" if telling else "always_last"
    return {"api_visibility": "private", "show_progress": "hidden", "trigger_mode": mode}
