// A drawing pad: white ink on black, with a mouse, a pen or a finger.

/**
 * @param {HTMLCanvasElement} canvas
 * @param {object} on
 * @param {() => void} on.drawn called after every stroke
 * @param {() => boolean} [on.ready] whether a stroke may begin
 * @param {() => void} [on.started] called before a stroke begins
 * @returns {() => void} clears the pad
 */
export function drawingPad(canvas, { drawn, ready = () => true, started = () => {} }) {
  // MNIST's strokes are two to three of its 28 pixels wide.
  const brush = (canvas.width * 22) / 280;
  const ink = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
  let pointer = null;
  let last = null;

  function clear() {
    ink.fillStyle = "#000";
    ink.fillRect(0, 0, canvas.width, canvas.height);
  }

  function position(event) {
    const box = canvas.getBoundingClientRect();
    return [
      ((event.clientX - box.left) * canvas.width) / box.width,
      ((event.clientY - box.top) * canvas.height) / box.height,
    ];
  }

  function lineTo(next) {
    ink.beginPath();
    ink.moveTo(...last);
    ink.lineTo(...next);
    ink.stroke();
    last = next;
  }

  function lift(event) {
    if (event.pointerId !== pointer) return;
    pointer = null;
    drawn();
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (pointer !== null || event.button !== 0 || !ready()) return;
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    pointer = event.pointerId;
    started();
    ink.strokeStyle = "#fff";
    ink.lineCap = ink.lineJoin = "round";
    ink.lineWidth = brush;
    last = position(event);
    lineTo(last);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId !== pointer) return;
    const passed = event.getCoalescedEvents?.() ?? [];
    for (const each of passed.length ? passed : [event]) lineTo(position(each));
  });
  canvas.addEventListener("pointerup", lift);
  canvas.addEventListener("pointercancel", lift);

  clear();
  return clear;
}

/** The pixels of a canvas as RGBA. @returns {{data: Uint8ClampedArray, shape: number[]}} */
export function canvasPixels(canvas) {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return { data, shape: [canvas.height, canvas.width, 4] };
}
