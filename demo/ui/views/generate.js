// Makes the first digits when the view is opened, which gives the element a size.
new ResizeObserver((entries, observer) => {
  observer.disconnect();
  trigger('open', { query: location.search.slice(1) });
}).observe(element);

element.addEventListener('click', (event) => {
  const chosen = event.target.closest('.grid-select');
  if (chosen) {
    for (const each of element.querySelectorAll('.grid-select')) each.ariaPressed = each === chosen;
    const { query } = element.querySelector('.share').dataset;
    trigger('choose', { query: `${query}&index=${chosen.dataset.index}` });
    return;
  }
  const digit = event.target.closest('.grid-digit');
  if (!digit) return;
  document.dispatchEvent(new Event('touchstone:input'));
  trigger('select', { name: digit.dataset.name, png: digit.querySelector('img').src });
});
