element.addEventListener('click', async (event) => {
  const button = event.target.closest('.share-copy');
  if (!button) return;
  const share = button.closest('.share');
  const field = share.querySelector('.share-field');
  const status = share.querySelector('.share-status');
  const link = `${location.origin}${location.pathname}?${share.dataset.query}`;
  try {
    await navigator.clipboard.writeText(link);
    status.textContent = share.dataset.copied;
    field.hidden = true;
  } catch (error) {
    // There is no clipboard over plain http, and people may refuse access to it.
    field.value = link;
    field.hidden = false;
    field.focus();
    field.select();
    status.textContent = share.dataset.byHand;
  }
});
