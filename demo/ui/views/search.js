let latest = { turn: 0 };
watch('value', () => {
  const panel = element.querySelector('.search-panel');
  const turn = Number(panel.dataset.turn);
  // Ignore a step of an earlier search that arrives late.
  if (turn < latest.turn) {
    props.value = latest.value;
    return;
  }
  latest = { turn, value: props.value };
  if ('inFront' in panel.dataset) panel.scrollIntoView({ block: 'nearest' });
});
function say(what) {
  const panel = element.querySelector('.search-panel');
  panel.querySelector('p[role=status]').textContent = panel.dataset[what];
}
document.addEventListener('touchstone:search-failed', () => {
  say('failed');
  element.querySelector('[data-action=start]').disabled = false;
  element.querySelector('[data-action=halt]').disabled = true;
});
element.addEventListener('click', (event) => {
  const button = event.target.closest('[data-action]');
  if (!button) return;
  if (button.dataset.action === 'start') {
    // The search may have to wait for its turn, which the server does not report.
    say('waiting');
    button.disabled = true;
    const { query } = element.querySelector('.share').dataset;
    trigger('start', { query, turn: latest.turn });
  }
  if (button.dataset.action === 'halt') trigger('halt');
  if (button.dataset.action === 'select') {
    document.dispatchEvent(new Event('touchstone:input'));
    const png = element.querySelector('.search-after img').src;
    trigger('select', { name: button.dataset.name, png });
  }
});
