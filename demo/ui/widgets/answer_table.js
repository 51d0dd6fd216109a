const language = navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en';
const texts = props.texts[language];
const verdicts = props.verdicts[language];
for (const part of element.querySelectorAll('[data-text]')) part.textContent = texts[part.dataset.text];
for (const part of element.querySelectorAll('[data-label]')) part.ariaLabel = texts[part.dataset.label];

const find = (name) => element.querySelector(`.answers-${name}`);
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
const TONES = { fake: 'fake', real: 'real', unsure: 'unsure', 'not a digit': 'other', null: 'error' };
const ORDER = ['fake', 'unsure', 'real', 'other', 'error'];
let records = [];
let run = 0;
let chosenTone = null;
let layout = 'table';
let sorting = { key: null, down: false };

function record(row, index) {
  const answer = JSON.parse(row.answer);
  const tone = TONES[answer.verdict];
  return {
    index, row, tone,
    file: answer.file,
    verdict: verdicts[tone],
    probability: answer.fake_probability,
    digit: answer.digit,
    note: row.note,
  };
}

function make(tag, name, text) {
  const part = document.createElement(tag);
  if (name) part.className = name;
  if (text !== undefined) part.textContent = text;
  return part;
}

const number = (each) => (each.probability === null ? '' : each.probability.toFixed(4));

function picture(each) {
  if (!each.row.png) return make('span', 'answers-missing');
  const image = make('img', 'pixels');
  image.src = each.row.png;
  image.alt = '';
  image.width = image.height = 28;
  return image;
}

function opener(each, name) {
  const button = make('button', name);
  button.type = 'button';
  button.dataset.index = each.index;
  button.ariaLabel = fill(texts.open, { name: each.file, verdict: each.verdict, number: number(each) }).trim();
  return button;
}

function tableRow(each) {
  if (each.tr) return each.tr;
  const tr = each.tr = make('tr');
  tr.role = 'row';
  tr.dataset.tone = each.tone;
  const open = opener(each, 'answers-open');
  open.append(picture(each), make('span', 'answers-file', each.file));
  const cells = [make('td', 'file'), make('td', 'verdict', each.verdict), make('td', 'number', number(each)),
                 make('td', 'number digit', each.digit ?? ''), make('td', 'note', each.note)];
  cells[0].append(open);
  for (const cell of cells) cell.role = 'cell';
  tr.append(...cells);
  return tr;
}

function galleryItem(each) {
  if (each.li) return each.li;
  const li = each.li = make('li');
  li.dataset.tone = each.tone;
  const open = opener(each, 'answers-open');
  open.title = each.file;
  open.append(picture(each), make('span', 'answers-verdict', each.verdict), ' ', make('span', 'number', number(each)));
  li.append(open);
  return li;
}

function compare(one, other) {
  const [a, b] = [one[sorting.key], other[sorting.key]];
  // Rows without a value come last in either direction.
  const empty = (value) => value === null || value === '';
  if (empty(a) || empty(b)) return empty(a) - empty(b) || one.index - other.index;
  const found = typeof a === 'number' ? a - b : a.localeCompare(b, undefined, { numeric: true });
  return (sorting.down ? -found : found) || one.index - other.index;
}

function draw() {
  const part = find('name').value.trim().toLowerCase();
  const kept = records.filter((each) =>
    (!chosenTone || each.tone === chosenTone) && each.file.toLowerCase().includes(part));
  if (sorting.key) kept.sort(compare);
  const place = find(layout === 'table' ? 'rows' : 'gallery');
  const nodes = kept.map(layout === 'table' ? tableRow : galleryItem);
  // Rows that are already there stay, and so does the focus, while more answers arrive.
  const standing = place.children;
  let same = 0;
  while (same < standing.length && standing[same] === nodes[same]) same += 1;
  if (same === standing.length) place.append(...nodes.slice(same));
  else place.replaceChildren(...nodes);
  find('table').hidden = layout !== 'table';
  find('gallery').hidden = layout !== 'gallery';
  find('count').textContent = kept.length === records.length ? '' : fill(texts.shown, { count: kept.length, total: records.length });
}

function drawVerdicts() {
  const focused = find('verdicts').contains(document.activeElement) ? document.activeElement.dataset.tone : null;
  const chips = [null, ...ORDER].map((tone) => {
    const count = tone ? records.filter((each) => each.tone === tone).length : records.length;
    if (tone && !count) return null;
    const chip = make('button', 'answers-chip', `${tone ? verdicts[tone] : texts.all} ${count}`);
    chip.type = 'button';
    chip.dataset.tone = tone ?? '';
    chip.ariaPressed = String(chosenTone === tone);
    return chip;
  }).filter(Boolean);
  find('verdicts').replaceChildren(...chips);
  if (focused !== null) chips.find((chip) => chip.dataset.tone === focused)?.focus();
}

watch('value', () => {
  const value = props.value;
  if (!value) return;
  // A late answer to a selection that was stopped.
  if (value.run < run) return;
  if (value.run !== run) {
    run = value.run;
    records = [];
    chosenTone = null;
    find('name').value = '';
    find('rows').replaceChildren();
    find('gallery').replaceChildren();
  }
  for (const row of value.rows.slice(records.length)) records.push(record(row, records.length));
  element.querySelector('.answers').hidden = false;
  drawVerdicts();
  draw();
  const errors = records.filter((each) => each.tone === 'error').length;
  const { total, finished } = value;
  document.dispatchEvent(new CustomEvent('touchstone:checked', { detail: { run, done: records.length, total, errors, finished } }));
});

find('verdicts').addEventListener('click', ({ target }) => {
  const chip = target.closest('button');
  if (!chip) return;
  chosenTone = chip.dataset.tone || null;
  drawVerdicts();
  draw();
});
find('name').addEventListener('input', draw);

for (const each of ['table', 'gallery']) {
  find(`as-${each}`).addEventListener('click', () => {
    layout = each;
    find('as-table').ariaPressed = String(each === 'table');
    find('as-gallery').ariaPressed = String(each === 'gallery');
    draw();
  });
}

element.querySelector('thead').addEventListener('click', ({ target }) => {
  const key = target.closest('[data-key]')?.dataset.key;
  if (!key) return;
  sorting = { key, down: sorting.key === key && !sorting.down };
  for (const button of element.querySelectorAll('[data-key]')) {
    const direction = sorting.down ? 'descending' : 'ascending';
    button.closest('th').ariaSort = button.dataset.key === key ? direction : 'none';
  }
  draw();
});

element.addEventListener('click', ({ target }) => {
  const open = target.closest('tbody tr, .answers-gallery li')?.querySelector('.answers-open');
  if (!open) return;
  document.dispatchEvent(new Event('touchstone:input'));
  trigger('select', { index: Number(open.dataset.index) });
});

function save(name, kind, text) {
  const link = make('a');
  link.href = URL.createObjectURL(new Blob([text], { type: kind }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
find('csv').addEventListener('click', () => {
  const text = props.csv_header + records.map((each) => each.row.csv).join('');
  // Excel needs the byte order mark to read names beyond ASCII; other readers do better without.
  save('touchstone.csv', 'text/csv', (/[^\x00-\x7f]/.test(text) ? '\ufeff' : '') + text);
});
find('json').addEventListener('click', () => {
  save('touchstone.json', 'application/json', `[\n${records.map((each) => each.row.answer).join(',\n')}\n]\n`);
});
