"""The two ways to hand the app a picture: a pad to draw on, and a place to choose, drop or paste a file.

Both are `gr.HTML` instances rather than subclasses: gradio writes a `.pyi` file beside every module
that defines a subclass of one of its components.

Each announces on the document, by the event `touchstone:input`, that a new picture is on its way, so
that whatever shows the result of the previous one can say that it is out of date.
"""

from typing import Final

import gradio as gr
from gradio.data_classes import FileData

PAD_SIDE: Final = 280
"""Width and height of the drawing in pixels: ten for each one of the model's."""

BRUSH_WIDTH: Final = 22
"""Width of the round brush in drawing pixels; MNIST's strokes are two to three of its pixels wide."""

_PAD_TEMPLATE: Final = """
<canvas class="pad-canvas" width="${side}" height="${side}" tabindex="0" role="img"
  aria-label="${spoken}"></canvas>
<div class="pad-foot">
  <span class="hint">Draw one digit. It is judged after every stroke.</span>
  <button type="button" class="quiet-button pad-clear">Clear</button>
</div>
"""

_PAD_LABEL: Final = (
    "Drawing pad. Draw one digit from 0 to 9 with a mouse, a pen or a finger; it is judged after every "
    "stroke. Without a pointer, choose a picture file instead."
)

_PAD_SCRIPT: Final = """
const canvas = element.querySelector('canvas');
const ink = canvas.getContext('2d');
let pointer = null;
let last = null;

function wipe() {
  ink.fillStyle = '#000';
  ink.fillRect(0, 0, canvas.width, canvas.height);
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

function send(value) {
  document.dispatchEvent(new Event('touchstone:input'));
  props.value = value;
  trigger('input');
}

canvas.addEventListener('pointerdown', (event) => {
  if (pointer !== null || event.button !== 0) return;
  event.preventDefault();
  canvas.setPointerCapture(event.pointerId);
  pointer = event.pointerId;
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
  send(canvas.toDataURL('image/png'));
}
canvas.addEventListener('pointerup', lift);
canvas.addEventListener('pointercancel', lift);

element.querySelector('.pad-clear').addEventListener('click', () => {
  wipe();
  send(null);
});

wipe();
"""

_DROP_TEMPLATE: Final = """
<div class="drop">
  <button type="button" class="strong-button drop-choose">Choose a picture</button>
  <span class="hint">or drop or paste one</span>
  <input type="file" accept="image/*,.heic,.heif" tabindex="-1" aria-hidden="true" hidden>
</div>
"""

_DROP_SCRIPT: Final = """
const area = element.querySelector('.drop');
const input = element.querySelector('input');

async function take(file) {
  if (!file) return;
  document.dispatchEvent(new Event('touchstone:input'));
  if (file.size > props.max_bytes) {
    const limit = `${Math.floor(props.max_bytes / 2 ** 20)} MiB`;
    trigger('refuse', { name: file.name, reason: `The file is larger than the ${limit} this app accepts.` });
    return;
  }
  area.setAttribute('aria-busy', 'true');
  try {
    const { path, url } = await upload(file);
    props.value = { path, url, orig_name: file.name, size: file.size, meta: { _type: 'gradio.FileData' } };
    trigger('upload');
  } catch (error) {
    trigger('refuse', { name: file.name, reason: 'The file could not be sent to the app.' });
  } finally {
    area.removeAttribute('aria-busy');
  }
}

element.querySelector('.drop-choose').addEventListener('click', () => input.click());
input.addEventListener('change', () => {
  take(input.files[0]);
  input.value = '';
});

document.addEventListener('dragover', (event) => {
  if (!event.dataTransfer.types.includes('Files')) return;
  event.preventDefault();
  area.classList.add('drop-over');
});
document.addEventListener('dragleave', (event) => {
  if (event.relatedTarget === null) area.classList.remove('drop-over');
});
document.addEventListener('drop', (event) => {
  area.classList.remove('drop-over');
  if (!event.dataTransfer.files.length) return;
  event.preventDefault();
  take(event.dataTransfer.files[0]);
});
document.addEventListener('paste', (event) => {
  const file = event.clipboardData?.files[0];
  if (!file) return;
  event.preventDefault();
  take(file);
});
"""


def drawing_pad() -> gr.HTML:
    """A black square to draw on in white, with a button that wipes it.

    Its event `input` fires after every stroke and after wiping. Its value is then the drawing as a
    `data:image/png;base64,...` URL of `PAD_SIDE` by `PAD_SIDE` opaque pixels, or None once wiped.
    """
    return gr.HTML(
        label="Drawing pad",
        html_template=_PAD_TEMPLATE,
        js_on_load=_PAD_SCRIPT,
        apply_default_css=False,
        elem_id="pad",
        spoken=_PAD_LABEL,
        side=PAD_SIDE,
        brush=BRUSH_WIDTH,
    )


def picture_drop(max_bytes: int) -> gr.HTML:
    """A button that opens a file, which also takes one dropped or pasted anywhere on the page.

    Its event `upload` fires once the file has arrived; its value is then a `FileData` whose `path`
    gradio has checked to lie in its own upload folder. Its event `refuse` fires, with `name` and
    `reason` in the event data, when the file is larger than `max_bytes` or did not arrive.
    """
    drop = gr.HTML(
        label="Picture",
        html_template=_DROP_TEMPLATE,
        js_on_load=_DROP_SCRIPT,
        apply_default_css=False,
        elem_id="drop",
        max_bytes=max_bytes,
    )
    # Without a data model gradio would hand over whatever path the browser names.
    drop.data_model = FileData
    return drop
