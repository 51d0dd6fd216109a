const words = props.words[navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en'];
for (const part of element.querySelectorAll('[data-word]')) part.textContent = words[part.dataset.word];
for (const part of element.querySelectorAll('[data-label]')) part.ariaLabel = words[part.dataset.label];

const find = (name) => element.querySelector(`.area-${name}`);
const stage = find('stage');
const canvas = find('canvas');
const picture = find('picture');
const video = find('camera');
const ink = canvas.getContext('2d');
let pointer = null;
let last = null;
let camera = null;
// The last one who drew, sent or wiped has the turn: a file that arrives after that is late.
let turn = 0;

function announce() {
  turn += 1;
  // What was sent before must not go along again: the app removes it after a while, and asks for another.
  if (props.value) props.value = null;
  document.dispatchEvent(new Event('touchstone:input'));
}

function tell(news) {
  document.dispatchEvent(new CustomEvent(`touchstone:news-${props.name}`, { detail: news }));
}

function refuse(name, reason) {
  tell({ kind: 'refused', name, reason });
}

function wipe() {
  ink.fillStyle = '#000';
  ink.fillRect(0, 0, canvas.width, canvas.height);
  if (picture.src) URL.revokeObjectURL(picture.src);
  picture.removeAttribute('src');
  picture.hidden = true;
  find('hint').hidden = false;
}

function place(event) {
  const box = canvas.getBoundingClientRect();
  return [(event.clientX - box.left) * canvas.width / box.width,
          (event.clientY - box.top) * canvas.height / box.height];
}

function lineTo(next) {
  ink.beginPath();
  ink.moveTo(...last);
  ink.lineTo(...next);
  ink.stroke();
  last = next;
}

stage.addEventListener('pointerdown', (event) => {
  if (pointer !== null || event.button !== 0 || camera) return;
  event.preventDefault();
  canvas.setPointerCapture(event.pointerId);
  pointer = event.pointerId;
  if (!picture.hidden) wipe();
  stage.removeAttribute('aria-busy');
  find('hint').hidden = true;
  ink.strokeStyle = '#fff';
  ink.lineCap = ink.lineJoin = 'round';
  ink.lineWidth = props.brush;
  last = place(event);
  lineTo(last);
});

canvas.addEventListener('pointermove', (event) => {
  if (event.pointerId !== pointer) return;
  const passed = event.getCoalescedEvents?.() ?? [];
  for (const each of passed.length ? passed : [event]) lineTo(place(each));
});

function lift(event) {
  if (event.pointerId !== pointer) return;
  pointer = null;
  announce();
  if (!props.draw_only) tell({ kind: 'drawn', png: canvas.toDataURL('image/png') });
}
canvas.addEventListener('pointerup', lift);
canvas.addEventListener('pointercancel', lift);

find('clear').addEventListener('click', () => {
  stopCamera();
  wipe();
  announce();
  tell({ kind: 'wiped' });
});

if (props.draw_only) {
  for (const name of ['choose', 'photograph']) find(name).hidden = true;
  element.querySelector('[data-word=foot]').hidden = true;
  find('add').hidden = false;
}
find('add').addEventListener('click', () => tell({ kind: 'drawn', png: canvas.toDataURL('image/png') }));

function show(file) {
  wipe();
  find('hint').hidden = true;
  picture.src = URL.createObjectURL(file);
  picture.hidden = false;
}
// A HEIC that this browser cannot show is judged all the same.
picture.addEventListener('error', () => { picture.hidden = true; });

// Gradio names the status in the message alone: 503 where nothing more is kept, or too much is on its way.
const reasonOf = (error) => (error.message.startsWith('HTTP 503:') ? 'full' : 'lost');

async function take(file) {
  if (!file) return;
  stopCamera();
  announce();
  if (file.size > props.max_bytes) return refuse(file.name, 'large');
  const mine = turn;
  show(file);
  stage.setAttribute('aria-busy', 'true');
  try {
    const { path, url } = await upload(file);
    if (mine !== turn) return;
    props.value = { path, url, orig_name: file.name, size: file.size, meta: { _type: 'gradio.FileData' } };
    tell({ kind: 'sent' });
  } catch (error) {
    if (mine === turn) refuse(file.name, reasonOf(error));
  } finally {
    if (mine === turn) stage.removeAttribute('aria-busy');
  }
}

for (const name of ['file', 'lens']) {
  find(name).addEventListener('change', (event) => {
    take(event.target.files[0]);
    event.target.value = '';
  });
}
find('choose').addEventListener('click', () => find('file').click());

// Browsers give the camera to safe addresses only; elsewhere a phone's own picker offers it.
find('photograph').addEventListener('click', async () => {
  if (camera) return stopCamera();
  if (!navigator.mediaDevices?.getUserMedia || matchMedia('(pointer: coarse)').matches) {
    return find('lens').click();
  }
  try {
    camera = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
  } catch (error) {
    announce();
    return refuse(words.camera, 'camera');
  }
  wipe();
  find('hint').hidden = true;
  video.srcObject = camera;
  await video.play();
  video.hidden = false;
  find('shoot').hidden = false;
  find('shoot').focus();
  find('photograph').textContent = words.stop;
});

function stopCamera() {
  if (!camera) return;
  for (const track of camera.getTracks()) track.stop();
  camera = null;
  video.srcObject = null;
  video.hidden = true;
  find('shoot').hidden = true;
  find('photograph').textContent = words.camera;
  find('hint').hidden = false;
}

// It does not watch a room that nobody looks into.
document.addEventListener('visibilitychange', () => { if (document.hidden) stopCamera(); });
new IntersectionObserver(([{ isIntersecting }]) => { if (!isIntersecting) stopCamera(); }).observe(stage);

find('shoot').addEventListener('click', () => {
  // What the square shows, which is the middle of what the camera sees.
  const side = Math.min(video.videoWidth, video.videoHeight);
  const square = document.createElement('canvas');
  square.width = square.height = Math.min(side, 1024);
  const [left, top] = [(video.videoWidth - side) / 2, (video.videoHeight - side) / 2];
  square.getContext('2d').drawImage(video, left, top, side, side, 0, 0, square.width, square.height);
  square.toBlob((blob) => take(new File([blob], words.photo, { type: 'image/png' })));
});

const takesFiles = () => !props.draw_only && canvas.checkVisibility();
document.addEventListener('dragover', (event) => {
  if (!event.dataTransfer.types.includes('Files') || !takesFiles()) return;
  event.preventDefault();
  stage.classList.add('area-over');
});
document.addEventListener('dragleave', (event) => {
  if (event.relatedTarget === null) stage.classList.remove('area-over');
});
document.addEventListener('drop', (event) => {
  stage.classList.remove('area-over');
  if (!event.dataTransfer.files.length || !takesFiles()) return;
  event.preventDefault();
  take(event.dataTransfer.files[0]);
});
document.addEventListener('paste', (event) => {
  const file = event.clipboardData?.files[0];
  if (!file || !takesFiles()) return;
  event.preventDefault();
  take(file);
});

wipe();
