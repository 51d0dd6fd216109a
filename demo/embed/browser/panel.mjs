// The result panel: one answer, or one sentence why there is none.

const SAYINGS = {
  fake: ["Fake", "The model takes this for a generated digit."],
  real: ["Real", "The model takes this for a digit that a person wrote."],
  unsure: ["Unsure", "It lies between the thresholds: the model cannot tell."],
  "not a digit": ["Not a digit", "This does not look like one handwritten digit, so it gets no number."],
};

const part = (id) => document.getElementById(id);

/** Say that what stands there belongs to an earlier picture. */
export function showStale() {
  part("result").dataset.stale = "";
}

/** @param {string} name of a picture that came before the model */
export function showWaiting(name) {
  say("none", name, "One moment", "The model is still loading; the picture is judged as soon as it is here.");
}

/** The panel before there is a picture. */
export function showNothing() {
  say("none", "", "No picture yet", "Draw a digit, or choose a picture.");
}

/** @param {string} name @param {string} reason one sentence */
export function showRefusal(name, reason) {
  say("error", name, "Cannot be judged", reason);
}

/**
 * @param {string} name
 * @param {"fake" | "real" | "unsure" | "not a digit"} verdict
 * @param {import("./engine.mjs").Scores} scores
 * @param {{fake_threshold: number, real_threshold: number}} thresholds
 */
export function showAnswer(name, verdict, scores, thresholds) {
  say(verdict, name, ...SAYINGS[verdict]);
  if (verdict !== "not a digit") {
    showNumber(scores.fakeProbability, thresholds);
    if (scores.digitProbabilities) showDigit(scores.digitProbabilities);
  }
  showPixels(scores.pixels);
}

function say(tone, name, heading, sentence) {
  const panel = part("result");
  panel.dataset.tone = tone;
  delete panel.dataset.stale;
  part("name").textContent = name;
  part("name").hidden = !name;
  part("verdict").textContent = heading;
  part("says").textContent = sentence;
  for (const id of ["digit", "numbers", "scale", "seen"]) part(id).hidden = true;
}

function showDigit(probabilities) {
  const largest = Math.max(...probabilities);
  const digit = probabilities.indexOf(largest);
  part("digit").textContent = `It reads as ${digit === 8 ? "an" : "a"} ${digit} (${largest.toFixed(4)}).`;
  part("digit").hidden = false;
}

function showNumber(fakeProbability, thresholds) {
  const shown = fakeProbability.toFixed(4);
  part("fake-probability").textContent = shown;
  // From the rounded number, so that the two on the page add up to 1.
  part("real-probability").textContent = (1 - Number(shown)).toFixed(4);
  part("scale-fill").style.width = `${100 * fakeProbability}%`;
  const marks = [...new Set([thresholds.real_threshold, thresholds.fake_threshold])];
  part("scale-fill").parentElement.replaceChildren(part("scale-fill"), ...marks.map(mark));
  const words = marks.map((value) => Number(value.toPrecision(4))).join(" and ");
  part("thresholds").textContent = `threshold${marks.length > 1 ? "s" : ""} ${words}`;
  part("numbers").hidden = part("scale").hidden = false;
}

function mark(value) {
  const line = document.createElement("span");
  line.className = "scale-mark";
  line.style.left = `${100 * value}%`;
  return line;
}

function showPixels(pixels) {
  const canvas = part("pixels");
  const image = new ImageData(canvas.width, canvas.height);
  pixels.forEach((value, index) => image.data.set([value, value, value, 255], 4 * index));
  canvas.getContext("2d").putImageData(image, 0, 0);
  part("seen").hidden = false;
}
