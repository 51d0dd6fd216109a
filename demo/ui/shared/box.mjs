// A box over a picture, to see and to correct which part of it the model uses: by mouse, pen, finger and keys.

// What is left around a digit, as a share of its longest side: the model sees 20 pixels in 28.
const MARGIN = 4 / 20;
const SIDES = ["top", "left", "bottom", "right"];
const KEY_PAUSE = 400;

/**
 * Add paper around a digit, but as little as possible of its neighbours.
 *
 * @param {number[]} box top, left, bottom, right
 * @param {number[][]} others the boxes of other digits
 * @param {number[]} size height and width of the picture
 * @returns {number[]} whole pixels within the picture
 */
export function frameOf(box, others, size) {
  const [top, left, bottom, right] = box;
  const margins = SIDES.map(() => MARGIN * Math.max(bottom - top, right - left));
  for (const other of others) {
    // A neighbour lies on the side where the gap is widest.
    const gaps = [top - other[2], left - other[3], other[0] - bottom, other[1] - right];
    const gap = Math.max(...gaps);
    const side = gaps.indexOf(gap);
    const axis = side % 2;
    // Boxes of digits that touch overlap, and the strip holds ink of both. A box around both gives up all of it.
    const around = -gap > 0.9 * (other[axis + 2] - other[axis]);
    margins[side] = Math.min(margins[side], gap > 0 ? gap / 2 : around ? gap : gap / 4);
  }
  return box.map((edge, side) => {
    const moved = side < 2 ? Math.floor(edge - margins[side]) : Math.ceil(edge + margins[side]);
    return Math.min(Math.max(moved, 0), size[side % 2]);
  });
}

const holds = ([top, left, bottom, right], [y, x]) => top <= y && y < bottom && left <= x && x < right;

/**
 * @param {object} on
 * @param {HTMLElement} on.stage a square in which the picture is centred and as large as fits
 * @param {HTMLElement} on.bar gets the hint, the way back to the automatic box, and the crops
 * @param {Record<string, string>} on.texts `label`, `hint`, `automatic`, `crops`, `crop` and the `SIDES`
 * @param {(box: number[] | null) => void} on.choose called with the box that a person wants, top, left, bottom,
 *   right in the picture's pixels, or with null for the automatic one
 * @returns {{show: (picture: Shown) => void, hide: () => void}}
 *
 * @typedef {object} Shown
 * @property {number} height
 * @property {number} width
 * @property {number[][]} boxes of the digits found
 * @property {HTMLImageElement | HTMLCanvasElement} source the picture, at any scale
 * @property {boolean} movable whether the box may be moved and resized; else it is only shown
 */
export function pictureBox({ stage, bar, texts, choose }) {
  let size = [1, 1];
  let digits = [];
  let automatic = null;
  let box = null;
  let drag = null;
  let waiting = 0;

  const make = (tag, name, parent, properties = {}) => {
    const part = Object.assign(document.createElement(tag), properties);
    part.className = name;
    parent.append(part);
    return part;
  };
  const layer = make("div", "box-layer", stage, { hidden: true });
  const outlines = make("div", "box-outlines", layer);
  const frame = make("div", "box-frame", layer, { role: "application", ariaLabel: texts.label });
  frame.dataset.sides = "0123";
  const edges = SIDES.map((name, side) => {
    const edge = make("div", "box-edge", frame, { role: "slider", ariaLabel: texts[name], tabIndex: 0 });
    edge.ariaOrientation = side % 2 ? "horizontal" : "vertical";
    edge.dataset.sides = side;
    return edge;
  });
  for (const sides of ["01", "03", "21", "23"]) make("div", "box-corner", frame).dataset.sides = sides;
  const hint = make("p", "hint box-hint", bar, { textContent: texts.hint });
  const back = make("button", "quiet-button box-automatic", bar, { type: "button", textContent: texts.automatic });
  const crops = make("div", "box-crops", bar, { role: "group", ariaLabel: texts.crops });

  const clamp = (value, least, most) => Math.min(Math.max(value, least), most);

  /** The least and the largest value of a side, the opposite one being where it is. */
  function range(from, side) {
    const axis = side % 2;
    const smallest = Math.min(size[axis], Math.ceil(Math.max(...size) / 50));
    return side < 2 ? [0, from[side + 2] - smallest] : [from[side - 2] + smallest, size[axis]];
  }

  /** A box with some sides shifted, or all of them, within the picture. */
  function shifted(from, sides, shift) {
    const whole = sides.length === SIDES.length;
    const next = [...from];
    for (const side of sides) {
      const axis = side % 2;
      if (whole) next[side] += clamp(shift[axis], -from[axis], size[axis] - from[axis + 2]);
      else next[side] = clamp(from[side] + shift[axis], ...range(from, side));
    }
    return next.map(Math.round);
  }

  function cover(part, area) {
    const [top, left, bottom, right] = area.map((value, side) => (100 * value) / size[side % 2]);
    Object.assign(part.style, {
      top: `${top}%`,
      left: `${left}%`,
      height: `${bottom - top}%`,
      width: `${right - left}%`,
    });
  }

  function place(next) {
    box = next;
    cover(frame, next);
    edges.forEach((edge, side) => {
      [edge.ariaValueMin, edge.ariaValueMax] = range(next, side);
      edge.ariaValueNow = next[side];
    });
    const chosen = String(next);
    back.hidden = chosen === String(automatic);
    layer.toggleAttribute("data-whole", chosen === String([0, 0, ...size]));
    for (const crop of crops.querySelectorAll("button")) crop.ariaPressed = String(crop.dataset.box === chosen);
  }

  function decide() {
    clearTimeout(waiting);
    choose(String(box) === String(automatic) ? null : box);
  }

  const point = ({ clientX, clientY }) => {
    const extent = layer.getBoundingClientRect();
    return [
      ((clientY - extent.top) * size[0]) / extent.height,
      ((clientX - extent.left) * size[1]) / extent.width,
    ];
  };

  layer.addEventListener("pointerdown", (event) => {
    if (drag || event.button !== 0) return;
    event.preventDefault();
    layer.setPointerCapture(event.pointerId);
    // Where the box is the whole picture, a new one begins within it.
    const sides = layer.hasAttribute("data-whole") && event.target === frame ? "" : event.target.dataset.sides;
    drag = { id: event.pointerId, sides: sides && [...sides].map(Number), start: point(event), from: box };
    event.target.closest("[tabindex]")?.focus({ preventScroll: true });
  });
  layer.addEventListener("pointermove", (event) => {
    if (event.pointerId !== drag?.id) return;
    const now = point(event);
    if (drag.sides) return place(shifted(drag.from, drag.sides, [now[0] - drag.start[0], now[1] - drag.start[1]]));
    // Beside the box a new one begins.
    const corners = [drag.start, now].map((each) => each.map((value, axis) => clamp(value, 0, size[axis])));
    const next = SIDES.map((_, side) => {
      const ends = corners.map((corner) => corner[side % 2]);
      return side < 2 ? Math.floor(Math.min(...ends)) : Math.ceil(Math.max(...ends));
    });
    const large = [0, 1].every((side) => next[side] <= range(next, side)[1]);
    place(large ? next : drag.from);
  });
  layer.addEventListener("pointerup", (event) => {
    if (event.pointerId !== drag?.id) return;
    const { from, start } = drag;
    drag = null;
    if (String(from) !== String(box)) decide();
    // A press on one of several digits.
    else crops.querySelectorAll("button")[digits.findIndex((digit) => holds(digit, start))]?.click();
  });
  layer.addEventListener("pointercancel", (event) => {
    if (event.pointerId !== drag?.id) return;
    place(drag.from);
    drag = null;
  });

  layer.addEventListener("keydown", (event) => {
    const step = Math.ceil(Math.max(...size) / 100);
    const shifts = { ArrowUp: [-step, 0], ArrowDown: [step, 0], ArrowLeft: [0, -step], ArrowRight: [0, step] };
    const side = edges.indexOf(event.target);
    const ends = side < 0 ? [] : range(box, side);
    const reach = { Home: ends[0], End: ends[1] }[event.key];
    if (event.ctrlKey || event.altKey || event.metaKey || !(event.key in shifts || reach !== undefined)) return;
    event.preventDefault();
    const sides = side >= 0 ? [side] : event.shiftKey ? [2, 3] : [0, 1, 2, 3];
    place(shifted(box, sides, shifts[event.key] ?? [reach - box[side], reach - box[side]]));
    clearTimeout(waiting);
    waiting = setTimeout(decide, KEY_PAUSE);
  });

  back.addEventListener("click", () => {
    place(automatic);
    decide();
    // The button is gone.
    (frame.tabIndex === 0 ? frame : crops.querySelector("button"))?.focus({ preventScroll: true });
  });

  function addCrop(target, source, label) {
    const [top, left, bottom, right] = target;
    const crop = make("button", "box-crop", crops, { type: "button", ariaLabel: label });
    crop.dataset.box = target;
    crop.addEventListener("click", () => {
      place(target);
      decide();
    });
    const canvas = make("canvas", "", crop, { height: 128, width: (128 * (right - left)) / (bottom - top) });
    const scale = (source.naturalWidth ?? source.width) / size[1];
    const area = [left, top, right - left, bottom - top].map((value) => value * scale);
    canvas.getContext("2d").drawImage(source, ...area, 0, 0, canvas.width, canvas.height);
  }

  function hide() {
    clearTimeout(waiting);
    drag = null;
    layer.hidden = bar.hidden = true;
  }

  function show({ height, width, boxes, source, movable }) {
    hide();
    size = [height, width];
    layer.style.width = `${100 * Math.min(1, width / height)}%`;
    layer.style.height = `${100 * Math.min(1, height / width)}%`;
    layer.toggleAttribute("data-movable", movable);
    frame.tabIndex = movable ? 0 : -1;
    const several = boxes.length > 1;
    const all = SIDES.map((_, side) => Math[side < 2 ? "min" : "max"](...boxes.map((each) => each[side])));
    // As they are read: along the row, or down the column.
    const along = Number(all[3] - all[1] > all[2] - all[0]);
    const middle = (each) => each[along] + each[along + 2];
    digits = [...boxes].sort((one, other) => middle(one) - middle(other));
    automatic = boxes.length ? frameOf(all, [], size) : [0, 0, height, width];
    outlines.replaceChildren();
    crops.replaceChildren();
    crops.hidden = !several;
    hint.hidden = !movable;
    if (several) {
      make("span", "box-crops-label", crops, { textContent: texts.crops });
      digits.forEach((each, index) => {
        cover(make("div", "box-outline", outlines), each);
        const others = digits.filter((other) => other !== each);
        const label = texts.crop.replace("{number}", index + 1).replace("{count}", boxes.length);
        addCrop(frameOf(each, others, size), source, label);
      });
    }
    place(automatic);
    // Nothing to show on an empty pad.
    layer.hidden = !movable && boxes.length === 0;
    bar.hidden = !movable && !several;
  }

  return { show, hide };
}
