"""A button that copies a link, or shows it where the browser does not allow copying."""

import html
from typing import Final

from demo.ui.page import script
from demo.ui.texts import Texts

SHARE_SCRIPT: Final = script(__file__, "share_link.js")
"""For the `js_on_load` of the `gr.HTML` that contains a `share_link`."""


def share_link(query: str, label: str, text: Texts) -> str:
    """Return the button as HTML. query: of the URL, without its question mark. label: HTML."""
    return (
        f'<span class="share" data-query="{html.escape(query)}" data-copied="{text("share.copied")}" '
        f'data-by-hand="{text("share.by-hand")}">'
        f'<button type="button" class="quiet-button share-copy">{label}</button>'
        f'<input class="share-field" type="text" readonly hidden aria-label="{text("share.field")}">'
        '<span class="share-status hint" role="status"></span></span>'
    )
