// *One step, slowly*: shows the stages up to the one being explained.
let stage = 0;

const find = (name) => element.querySelector(`.step-${name}`);

function show() {
  const which = find('which')?.value;
  if (which === undefined) return;
  for (const each of element.querySelectorAll('[data-recorded]')) each.hidden = each.dataset.recorded !== which;
  for (const row of element.querySelectorAll('[data-stage]')) {
    row.hidden = Number(row.dataset.stage) > stage;
    row.toggleAttribute('data-now', Number(row.dataset.stage) === stage);
  }
  const recorded = element.querySelector(`[data-recorded="${which}"]`);
  const explanation = recorded.querySelector(`[data-explains="${stage}"]`);
  find('now').replaceChildren(...explanation.cloneNode(true).childNodes);
  // Not `disabled`, which would take the focus away.
  find('back').ariaDisabled = String(stage === 0);
  find('next').ariaDisabled = String(stage === recorded.querySelectorAll('[data-explains]').length - 1);
}

element.addEventListener('change', show);

element.addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (!button || button.ariaDisabled === 'true') return;
  stage += button.matches('.step-next') ? 1 : -1;
  show();
});

watch('value', show);
