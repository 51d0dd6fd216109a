// The result panel: one answer, or one sentence why there is none.

import { showPicture } from "./picture.mjs";
import { text } from "./texts.mjs";

const part = (id) => document.getElementById(id);

/** Say that what stands there belongs to an earlier picture. */
export function showStale() {
  part("result").dataset.stale = "";
}

/** @param {string} name of a picture that came before the model */
export function showWaiting(name) {
  say("none", name, text("waiting"), text("waiting_says"));
}

/** The panel before there is a picture. */
export function showNothing() {
  say("none", "", text("nothing"), text("nothing_says"));
}

/** @param {string} name @param {string} reason one sentence */
export function showRefusal(name, reason) {
  say("error", name, text("refused"), reason);
}

/**
 * @param {string} name
 * @param {"fake" | "real" | "unsure" | "not a digit"} verdict
 * @param {import("./engine.mjs").Scores} scores
 * @param {{fake_threshold: number, real_threshold: number}} thresholds
 */
export function showAnswer(name, verdict, scores, thresholds) {
  say(verdict, name, text(verdict), text(`${verdict}_says`));
  if (verdict !== "not a digit") {
    showNumber(scores.fakeProbability, thresholds);
    if (scores.digitProbabilities) showDigit(scores.digitProbabilities);
  }
  showPicture(part("pixels"), scores.pixels);
  part("seen").hidden = false;
}

/** Offer the picture that was judged as a file. @param {string} file its name @param {string} address */
export function offerFile(file, address) {
  part("save-link").download = file;
  part("save-link").href = address;
  part("save").hidden = false;
}

function say(tone, name, heading, sentence) {
  const panel = part("result");
  panel.dataset.tone = tone;
  delete panel.dataset.stale;
  part("name").textContent = name;
  part("name").hidden = !name;
  part("verdict").textContent = heading;
  part("says").textContent = sentence;
  for (const id of ["digit", "numbers", "scale", "seen", "save"]) part(id).hidden = true;
}

function showDigit(probabilities) {
  const largest = Math.max(...probabilities);
  const digit = probabilities.indexOf(largest);
  const key = digit === 8 ? "reads_as_8" : "reads_as";
  part("digit").textContent = text(key, { digit, probability: largest.toFixed(4) });
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
  const [lower, upper] = marks.map((value) => Number(value.toPrecision(4)));
  const words = upper === undefined ? text("threshold", { value: lower }) : text("thresholds", { lower, upper });
  part("thresholds").textContent = words;
  part("numbers").hidden = part("scale").hidden = false;
}

function mark(value) {
  const line = document.createElement("span");
  line.className = "scale-mark";
  line.style.left = `${100 * value}%`;
  return line;
}
