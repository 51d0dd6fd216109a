const language = navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en';
const texts = props.texts[language];
const boxTexts = props.box_texts[language];
for (const part of element.querySelectorAll('[data-text]')) part.textContent = texts[part.dataset.text];
for (const part of element.querySelectorAll('[data-label]')) part.ariaLabel = texts[part.dataset.label];

const find = (name) => element.querySelector(`.area-${name}`);
const stage = find('stage');
const canvas = find('canvas');
const picture = find('picture');
const video = find('camera');
let camera = null;
// Counts what a person draws, sends or clears, so that an upload that ends after a newer input is ignored.
let turn = 0;
// The picture whose box is shown.
let boxed = 0;

function announce() {
  turn += 1;
  box.hide();
  // Gradio would send the last file again with the next event, and refuse it once the app has deleted it.
  if (props.value) props.value = null;
  document.dispatchEvent(new Event('touchstone:input'));
}

function tell(message) {
  const detail = { turn, ...message };
  document.dispatchEvent(new CustomEvent(`touchstone:message-${props.name}`, { detail }));
}

function refuse(name, reason) {
  tell({ kind: 'refused', name, reason });
}

const tools = { undo: find('undo'), brush: find('brush'), clear: find('clear') };
const clearPad = drawingPad(canvas, tools, {
  ready: () => !camera,
  started() {
    // An answer that is on its way must not cover the drawing.
    turn += 1;
    if (!picture.hidden) wipe();
    box.hide();
    stage.removeAttribute('aria-busy');
    find('hint').hidden = true;
  },
  drawn() {
    announce();
    sendDrawing();
  },
  cleared() {
    stopCamera();
    wipe();
    announce();
    tell({ kind: 'wiped' });
  },
});

function sendDrawing(chosen = null) {
  if (!canvasReadable()) return refuse('', 'canvas');
  tell({ kind: 'drawn', png: canvas.toDataURL('image/png'), box: chosen });
}

const box = pictureBox({
  stage,
  bar: element.querySelector('.box-bar'),
  texts: boxTexts,
  choose(chosen) {
    document.dispatchEvent(new Event('touchstone:input'));
    if (picture.hidden) sendDrawing(chosen);
    else tell({ kind: 'sent', box: chosen });
  },
});

// AREA: what a result tells of the picture here: `turn`, as it was sent; without a chosen box also `height`,
// `width` and `boxes` in the picture's pixels, and for a file `preview`, its URL.
document.addEventListener('touchstone:result', async ({ detail: area }) => {
  if (area?.turn !== turn) return box.hide();
  // The same answer again, once its automatic box is wanted back.
  if (!area.boxes || area.turn === boxed) return;
  boxed = turn;
  if (area.preview) {
    picture.src = area.preview;
    picture.hidden = false;
    await picture.decode();
    if (area.turn !== turn) return;
  }
  const source = area.preview ? picture : canvas;
  box.show({ ...area, source, movable: source === picture });
});

function wipe() {
  clearPad();
  if (picture.src) URL.revokeObjectURL(picture.src);
  picture.removeAttribute('src');
  picture.hidden = true;
  find('hint').hidden = false;
}

function show(file) {
  wipe();
  find('hint').hidden = true;
  picture.src = URL.createObjectURL(file);
  picture.hidden = false;
}
// The app can read formats that this browser cannot show, such as HEIC.
picture.addEventListener('error', () => { picture.hidden = true; });

// Gradio gives the status in the message only. 503: the app has no room for the file.
const reasonOf = (error) => (error.message.startsWith('HTTP 503:') ? 'full' : 'lost');

async function take(file) {
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

find('choose').addEventListener('click', () => find('file').click());

// Browsers allow the camera on secure addresses only. On phones the file picker offers the camera.
find('photograph').addEventListener('click', async () => {
  if (camera) return stopCamera();
  if (!navigator.mediaDevices?.getUserMedia || matchMedia('(pointer: coarse)').matches) {
    return find('lens').click();
  }
  try {
    camera = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
  } catch (error) {
    announce();
    return refuse(texts.camera, 'camera');
  }
  wipe();
  find('hint').hidden = true;
  video.srcObject = camera;
  await video.play();
  video.hidden = false;
  find('shoot').hidden = false;
  find('shoot').focus();
  find('photograph').textContent = texts.stop;
});

function stopCamera() {
  if (!camera) return;
  for (const track of camera.getTracks()) track.stop();
  camera = null;
  video.srcObject = null;
  video.hidden = true;
  find('shoot').hidden = true;
  find('photograph').textContent = texts.camera;
  find('hint').hidden = false;
}

// The camera stops when its picture is out of sight.
document.addEventListener('visibilitychange', () => { if (document.hidden) stopCamera(); });
new IntersectionObserver(([{ isIntersecting }]) => { if (!isIntersecting) stopCamera(); }).observe(stage);

find('shoot').addEventListener('click', () => {
  // The square shows the middle of the camera's picture.
  const side = Math.min(video.videoWidth, video.videoHeight);
  const square = document.createElement('canvas');
  square.width = square.height = Math.min(side, 1024);
  const [left, top] = [(video.videoWidth - side) / 2, (video.videoHeight - side) / 2];
  square.getContext('2d').drawImage(video, left, top, side, side, 0, 0, square.width, square.height);
  square.toBlob((blob) => take(new File([blob], texts.photo, { type: 'image/png' })));
});

takeFiles({
  zone: stage,
  inputs: [find('file'), find('lens')],
  ready: () => canvas.getClientRects().length > 0,
  take(files, dropped) {
    const entries = entriesOf(dropped);
    if (files.length === 1 && !isZip(files[0]) && !entries.some((entry) => entry.isDirectory)) return take(files[0]);
    // `file_area.js` takes them, once its view is open.
    document.touchstoneFiles = { files, entries };
    document.dispatchEvent(new CustomEvent('touchstone:open', { detail: 'many' }));
    document.dispatchEvent(new Event('touchstone:files'));
  },
});

document.addEventListener('touchstone:take', ({ detail: file }) => take(file));
