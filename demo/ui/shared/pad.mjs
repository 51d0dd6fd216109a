// A drawing pad: white ink on black, with a mouse, a pen or a finger.

/**
 * @param {HTMLCanvasElement} canvas its keys: Ctrl+Z undoes, Delete clears, + and - change the brush
 * @param {object} tools
 * @param {HTMLElement} tools.undo
 * @param {HTMLElement} tools.clear
 * @param {HTMLInputElement} tools.brush its value is the width of a line, in pixels of the canvas
 * @param {object} on
 * @param {() => void} on.drawn called after every stroke, and when one is undone and others are left
 * @param {() => void} on.cleared called when a person has removed all ink
 * @param {() => boolean} [on.ready] whether a stroke may begin
 * @param {() => void} [on.started] called before a stroke begins
 * @returns {() => void} clears the pad, without a call
 */
export function drawingPad(canvas, tools, { drawn, cleared, ready = () => true, started = () => {} }) {
  const ink = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
  let strokes = [];
  // The stroke being drawn, and the pointer that draws it.
  let stroke = null;
  let pointer = null;
  // A hand that holds a pen rests on the screen.
  let pen = false;

  function wipe() {
    ink.fillStyle = "#000";
    ink.fillRect(0, 0, canvas.width, canvas.height);
  }

  // Line by line, so that a stroke looks the same when it is drawn again.
  function draw({ width, points }, from = 0) {
    ink.strokeStyle = "#fff";
    ink.lineCap = ink.lineJoin = "round";
    ink.lineWidth = width;
    for (let index = from; index < points.length; index++) {
      ink.beginPath();
      ink.moveTo(...points[Math.max(0, index - 1)]);
      ink.lineTo(...points[index]);
      ink.stroke();
    }
  }

  function clear() {
    strokes = [];
    stroke = pointer = null;
    pen = false;
    wipe();
  }

  function drop() {
    stroke = pointer = null;
    strokes.pop();
    wipe();
    for (const each of strokes) draw(each);
  }

  function undo() {
    if (!strokes.length) return;
    drop();
    if (strokes.length) drawn();
    else cleared();
  }

  function clearAll() {
    clear();
    cleared();
  }

  function position(event) {
    const box = canvas.getBoundingClientRect();
    return [
      ((event.clientX - box.left) * canvas.width) / box.width,
      ((event.clientY - box.top) * canvas.height) / box.height,
    ];
  }

  function lift(event) {
    if (event.pointerId !== pointer) return;
    pointer = null;
    drawn();
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !ready()) return;
    const isPen = event.pointerType === "pen";
    if (pen && !isPen) return;
    if (pointer !== null) {
      if (pen || !isPen) return;
      drop();
    }
    event.preventDefault();
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    started();
    pen = isPen;
    pointer = event.pointerId;
    stroke = { width: Number(tools.brush.value), points: [position(event)] };
    strokes.push(stroke);
    draw(stroke);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId !== pointer) return;
    const passed = event.getCoalescedEvents?.() ?? [];
    const from = stroke.points.length;
    stroke.points.push(...(passed.length ? passed : [event]).map(position));
    draw(stroke, from);
  });
  canvas.addEventListener("pointerup", lift);
  canvas.addEventListener("pointercancel", lift);

  tools.undo.addEventListener("click", undo);
  tools.clear.addEventListener("click", clearAll);
  canvas.addEventListener("keydown", (event) => {
    const held = event.ctrlKey || event.metaKey;
    if (held && event.key === "z") undo();
    else if (held) return;
    else if (event.key === "Delete" || event.key === "Backspace") clearAll();
    else if (event.key === "+") tools.brush.stepUp();
    else if (event.key === "-") tools.brush.stepDown();
    else return;
    event.preventDefault();
  });

  wipe();
  return clear;
}

/** The pixels of a canvas as RGBA. @returns {{data: Uint8ClampedArray, shape: number[]}} */
export function canvasPixels(canvas) {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return { data, shape: [canvas.height, canvas.width, 4] };
}

/** Whether pixels come back as they were drawn: against tracking, some browsers refuse, or add noise. */
export function canvasReadable() {
  const side = 16;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  const ink = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
  const levels = Array.from({ length: side * side }, (_, place) => (place * 37) % 256);
  levels.forEach((level, place) => {
    ink.fillStyle = `rgb(${level}, ${255 - level}, ${place})`;
    ink.fillRect(place % side, Math.floor(place / side), 1, 1);
  });
  try {
    const { data } = ink.getImageData(0, 0, side, side);
    return levels.every((level, place) => data[4 * place] === level && data[4 * place + 2] === place);
  } catch {
    return false;
  }
}
