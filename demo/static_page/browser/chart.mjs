// A line chart over training steps, as an SVG as wide as its container.

import { LANGUAGE, text } from "./texts.mjs";

const HEIGHT = 200;
const EDGE = { top: 10, right: 20, bottom: 36, left: 36 };

/**
 * @param {HTMLElement} place
 * @param {object} content
 * @param {{kind: string, steps: number[], values: number[], dots: number[]}[]} content.lines
 *   kind: the CSS class that colours it; dots: its values at the snapshots
 * @param {number[]} content.steps the snapshots
 * @param {number} content.top the largest value; the smallest is 0
 * @param {number} content.guide value of the dotted line
 * @param {string} content.label for screen readers
 * @returns {(step: number) => void} marks a step; must be called at least once
 */
export function chart(place, { lines, steps, top, guide, label }) {
  let marked = steps[0];
  // Evenly spaced as on the slider: each snapshot is at about three times the step of the one before.
  const spread = (step) => Math.log1p(step / (steps[1] ?? 1));

  function draw() {
    const width = place.clientWidth;
    if (width === 0) return;
    const [wide, high] = [width - EDGE.left - EDGE.right, HEIGHT - EDGE.top - EDGE.bottom];
    const x = (step) => EDGE.left + (wide * spread(step)) / spread(steps.at(-1));
    const y = (value) => EDGE.top + high * (1 - Math.min(value, top) / top);
    const picture = svg("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "img" });
    picture.setAttribute("aria-label", label);
    const [start, end] = [EDGE.left, width - EDGE.right];
    for (const value of [0, top / 2, top]) {
      picture.append(svg("line", { class: "grid", x1: start, x2: end, y1: y(value), y2: y(value) }));
      picture.append(caption(String(Number(value.toFixed(2))), { x: start - 6, y: y(value) + 4, "text-anchor": "end" }));
    }
    picture.append(svg("line", { class: "guide", x1: start, x2: end, y1: y(guide), y2: y(guide) }));
    for (const step of steps) {
      picture.append(caption(short(step), { x: x(step), y: HEIGHT - 20, "text-anchor": "middle" }));
    }
    picture.append(caption(text("static.chart-steps"), { x: (start + end) / 2, y: HEIGHT - 3, "text-anchor": "middle" }));
    picture.append(svg("line", { class: "now", x1: x(marked), x2: x(marked), y1: EDGE.top, y2: y(0) }));
    for (const line of lines) {
      const points = line.steps.map((step, index) => `${x(step)},${y(line.values[index])}`).join(" ");
      picture.append(svg("polyline", { class: `line ${line.kind}`, points }));
      for (const [index, step] of steps.entries()) {
        const [cx, cy] = [x(step), y(line.dots[index])];
        picture.append(svg("circle", { class: `dot ${line.kind}`, cx, cy, r: step === marked ? 6 : 3 }));
      }
    }
    place.replaceChildren(picture);
  }

  observers.get(place)?.disconnect();
  const observer = new ResizeObserver(draw);
  observer.observe(place);
  observers.set(place, observer);
  return (step) => {
    marked = step;
    draw();
  };
}

const observers = new WeakMap();
const compact = new Intl.NumberFormat(LANGUAGE, { notation: "compact", maximumFractionDigits: 1 });
const short = (step) => compact.format(step);

function svg(name, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

function caption(content, attributes) {
  const element = svg("text", attributes);
  element.textContent = content;
  return element;
}
