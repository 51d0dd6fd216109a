// Makes the first digits when the view is opened, which gives the element a size.
new ResizeObserver((entries, observer) => {
  observer.disconnect();
  trigger('open', { query: location.search.slice(1) });
}).observe(element);

let latest = { grid: 0 };
watch('value', () => {
  const grid = Number(element.querySelector('[data-grid]')?.dataset.grid ?? 0);
  // Ignore the answer to an earlier request that arrives late.
  if (grid < latest.grid) props.value = latest.value;
  else latest = { grid, value: props.value };
});

element.addEventListener('click', (event) => {
  const chosen = event.target.closest('.grid-select');
  if (chosen) {
    for (const each of element.querySelectorAll('.grid-select')) each.ariaPressed = each === chosen;
    const { grid } = chosen.closest('[data-grid]').dataset;
    trigger('choose', { grid: Number(grid), index: Number(chosen.dataset.index) });
    return;
  }
  const digit = event.target.closest('.grid-digit');
  if (!digit) return;
  document.dispatchEvent(new Event('touchstone:input'));
  trigger('select', { name: digit.dataset.name, png: digit.querySelector('img').src });
});
