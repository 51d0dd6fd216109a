"""A button that copies a link to what is on the page, or shows it where the browser does not allow that."""

import html
from typing import Final

from demo.ui.texts import Words

SHARE_SCRIPT: Final = """
element.addEventListener('click', async (event) => {
  const button = event.target.closest('.share-copy');
  if (!button) return;
  const share = button.closest('.share');
  const field = share.querySelector('.share-field');
  const says = share.querySelector('.share-says');
  const link = `${location.origin}${location.pathname}?${share.dataset.query}`;
  try {
    await navigator.clipboard.writeText(link);
    says.textContent = share.dataset.copied;
    field.hidden = true;
  } catch (error) {
    // Over plain http there is no clipboard, and a person may refuse it.
    field.value = link;
    field.hidden = false;
    field.focus();
    field.select();
    says.textContent = share.dataset.byHand;
  }
});
"""
"""For the `js_on_load` of the `gr.HTML` that holds a `share_link`."""


def share_link(query: str, label: str, words: Words) -> str:
    """HTML of the button. query: of the address, without its question mark. label: one of the texts."""
    return (
        f'<span class="share" data-query="{html.escape(query)}" data-copied="{words("share.copied")}" '
        f'data-by-hand="{words("share.by-hand")}">'
        f'<button type="button" class="quiet-button share-copy">{label}</button>'
        f'<input class="share-field" type="text" readonly hidden aria-label="{words("share.field")}">'
        '<span class="share-says hint" role="status"></span></span>'
    )
