// The drawing pad: white ink on black, with a mouse, a pen or a finger.

// In drawing pixels; MNIST's strokes are two to three of its 28 pixels wide, the pad has ten for each.
const BRUSH_WIDTH = 22;

/**
 * @param {HTMLCanvasElement} canvas
 * @param {(image: {data: Uint8ClampedArray, shape: number[]}) => void} drawn called after every stroke
 * @returns {() => void} wipes the pad
 */
export function drawingPad(canvas, drawn) {
  const ink = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
  let pointer = null;
  let last = null;

  function wipe() {
    ink.fillStyle = "#000";
    ink.fillRect(0, 0, canvas.width, canvas.height);
  }

  function place(event) {
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
    const { data } = ink.getImageData(0, 0, canvas.width, canvas.height);
    drawn({ data, shape: [canvas.height, canvas.width, 4] });
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (pointer !== null || event.button !== 0) return;
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    pointer = event.pointerId;
    ink.strokeStyle = "#fff";
    ink.lineCap = ink.lineJoin = "round";
    ink.lineWidth = BRUSH_WIDTH;
    last = place(event);
    lineTo(last);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId !== pointer) return;
    const passed = event.getCoalescedEvents?.() ?? [];
    for (const each of passed.length ? passed : [event]) lineTo(place(each));
  });
  canvas.addEventListener("pointerup", lift);
  canvas.addEventListener("pointercancel", lift);

  wipe();
  return wipe;
}
