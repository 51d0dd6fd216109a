const texts = props.texts[navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en'];
const mebibytes = (bytes) => bytes / 2 ** 20;
const limits = {
  most: props.most.toLocaleString('en'),
  size: mebibytes(props.max_bytes),
  total: mebibytes(props.most_bytes),
};
const fill = (key, values) => texts[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
for (const part of element.querySelectorAll('[data-text]')) part.textContent = fill(part.dataset.text, limits);
for (const part of element.querySelectorAll('[data-label]')) part.ariaLabel = texts[part.dataset.label];

const find = (name) => element.querySelector(`.files-${name}`);
const zone = find('zone');
const UPLOADS_AT_ONCE = 6;
// A screen reader reads every new text aloud, so progress changes at most once in this many milliseconds.
const PROGRESS_INTERVAL = 1000;
let run = 0;
let started = 0;
let busy = '';
let changed = 0;

function say(key, values = {}, tone = '') {
  find('status').textContent = fill(key, values);
  find('status').dataset.tone = tone;
  changed = performance.now();
}

function advance(key, done, total) {
  find('progress').value = done;
  find('progress').max = total;
  if (performance.now() - changed > PROGRESS_INTERVAL) say(key, { done, total });
}

function work(kind) {
  busy = kind;
  find('progress').hidden = find('stop').hidden = !kind;
  find('choose').disabled = kind === 'uploading';
  zone.setAttribute('aria-busy', String(Boolean(kind)));
}

// Gradio gives the status in the message only. 503: the app has no room for the file.
const reasonOf = (error) => (error.message.startsWith('HTTP 503:') ? 'full' : 'lost');

async function submit(files) {
  if (busy === 'uploading') return;
  if (!files.length) return say('none');
  if (files.length > props.most) return say('too-many', limits, 'error');
  const sizes = files.map(({ file }) => file.size).filter((size) => size <= props.max_bytes);
  if (sizes.reduce((sum, size) => sum + size, 0) > props.most_bytes) return say('too-much', limits, 'error');
  if (busy) trigger('stop', { run });
  const mine = ++run;
  started = performance.now();
  work('uploading');
  const total = files.length;
  say('uploading', { done: 0, total });
  find('progress').value = 0;
  const refused = [];
  const sent = [];
  let next = 0;
  let done = 0;
  async function send() {
    while (next < total && mine === run) {
      const index = next++;
      const { file, name } = files[index];
      try {
        if (file.size > props.max_bytes) {
          refused.push({ index, name, reason: 'large' });
        } else {
          const { path } = await upload(file);
          sent[index] = { path, orig_name: name, size: file.size, meta: { _type: 'gradio.FileData' } };
        }
      } catch (error) {
        refused.push({ index, name, reason: reasonOf(error) });
      }
      if (mine === run) advance('uploading', ++done, total);
    }
  }
  await Promise.all(Array.from({ length: UPLOADS_AT_ONCE }, send));
  if (mine !== run) return;
  work('checking');
  say('checking', { done: 0, total });
  find('progress').removeAttribute('value');
  props.value = sent.filter(Boolean);
  trigger('upload', { run, refused: refused.sort((one, other) => one.index - other.index) });
}

find('stop').addEventListener('click', () => {
  if (busy === 'uploading') say('stopped-early');
  else say('stopped');
  trigger('stop', { run });
  run += 1;
  work('');
  find('choose').focus();
});

document.addEventListener('touchstone:checked', ({ detail }) => {
  if (detail.run !== run || busy !== 'checking') return;
  advance('checking', detail.done, detail.total);
  if (!detail.finished) return;
  work('');
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  say(detail.errors ? 'done-errors' : 'done', { count: detail.done, seconds, errors: detail.errors });
});
document.addEventListener('touchstone:check-failed', () => {
  if (busy !== 'checking') return;
  work('');
  say('failed', {}, 'error');
});

find('choose').addEventListener('click', () => find('input').click());

// Collects the files of a folder and its subfolders, except hidden ones, which systems create.
async function walk(entry, found) {
  if (found.length > props.most || entry.name.startsWith('.')) return;
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    found.push({ file, name: entry.fullPath.replace(/^\//, '') });
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return;
    for (const each of some) await walk(each, found);
  }
}

async function take(files, entries) {
  if (!entries.some((entry) => entry.isDirectory)) return submit(files.map((file) => ({ file, name: file.name })));
  const found = [];
  try {
    for (const entry of entries) await walk(entry, found);
  } catch (error) {
    return say('unreadable', {}, 'error');
  }
  submit(found);
}

takeFiles({
  zone,
  inputs: [find('input')],
  ready: () => zone.getClientRects().length > 0,
  take: (files, dropped) => take(files, entriesOf(dropped)),
});

// Those that were dropped on *Check*, perhaps before this view was first opened.
function takeGiven() {
  const given = document.touchstoneFiles;
  document.touchstoneFiles = null;
  if (given) take(given.files, given.entries);
}
document.addEventListener('touchstone:files', takeGiven);
takeGiven();
