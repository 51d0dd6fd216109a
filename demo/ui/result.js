// The view opens a little later than the panel is filled, if the picture was chosen in another view.
function lookAt(panel, frames) {
  if (panel.getClientRects().length) {
    panel.scrollIntoView({ block: 'nearest' });
    panel.focus({ preventScroll: true });
  } else if (frames) {
    requestAnimationFrame(() => lookAt(panel, frames - 1));
  }
}
watch('value', () => {
  const panel = element.querySelector('.result');
  const detail = JSON.parse(panel?.dataset.area ?? 'null');
  document.dispatchEvent(new CustomEvent('touchstone:result', { detail }));
  if (panel?.hasAttribute('data-in-front')) lookAt(panel, 120);
});
document.addEventListener('touchstone:input', () => {
  if (element.getClientRects().length) element.querySelector('.result')?.setAttribute('data-stale', '');
});
