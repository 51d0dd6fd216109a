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
