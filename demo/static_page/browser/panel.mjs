// The result panel: one answer, or a sentence that explains why there is none.

import { showPicture } from "./picture.mjs";
import { text } from "./texts.mjs";
import { reasonOf } from "./verdict.mjs";

/** By verdict: its colour in the style sheet, its name and what it means. */
export const VERDICTS = {
  fake: { tone: "fake", name: "verdict.fake", meaning: "check.fake-text" },
  real: { tone: "real", name: "verdict.real", meaning: "check.real-text" },
  unsure: { tone: "unsure", name: "verdict.unsure" },
  "not a digit": { tone: "other", name: "verdict.other" },
};

/** By reason: why a picture, or the part of it in a box, is not a digit, and what to do; last its name. */
const REASONS = {
  blank: ["check.reason-blank", "check.box-blank", "check.title-blank"],
  "several digits": ["check.reason-several-digits", "check.box-several-digits", "check.title-several-digits"],
  "too small": ["check.reason-too-small", "check.reason-too-small", "check.title-too-small"],
  "cut off": ["check.reason-cut-off", "check.box-cut-off", "check.title-cut-off"],
  "not handwriting": ["check.reason-not-handwriting", "check.box-not-handwriting", "check.title-not-handwriting"],
};

/** What an unsure answer means, and its name, where the score is below even odds, and from there up. */
const LEANINGS = [
  { name: "check.title-probably-handwritten", meaning: "check.probably-handwritten-text" },
  { name: "check.title-probably-generated", meaning: "check.probably-generated-text" },
];

const part = (id) => document.getElementById(id);

/** Mark the answer as that of an earlier picture. */
export function showStale() {
  part("result").dataset.stale = "";
}

/** Say that a picture waits for the model. @param {string} name */
export function showWaiting(name) {
  fill("none", name, text("static.waiting"), text("static.waiting-text"));
}

/** Show the panel as it is before there is a picture. */
export function showNothing() {
  fill("none", "", text("check.empty"), text("check.empty-text"));
}

/** Say why a picture cannot be judged. @param {string} name @param {string} reason a sentence */
export function showRefusal(name, reason) {
  fill("error", name, text("verdict.error"), reason);
}

/**
 * Show an answer.
 *
 * @param {string} name
 * @param {"fake" | "real" | "unsure" | "not a digit"} verdict
 * @param {import("./verdict.mjs").Scores} scores
 * @param {{fake_threshold: number, real_threshold: number}} thresholds
 * @param {boolean} inBox whether a person has chosen the part of the picture
 */
export function showAnswer(name, verdict, scores, thresholds, inBox) {
  const leaning = verdict === "unsure" ? LEANINGS[Number(scores.fakeProbability >= 0.5)] : {};
  const { tone, name: heading, meaning } = { ...VERDICTS[verdict], ...leaning };
  const reason = reasonOf(scores, verdict);
  const [whole, inside, title] = REASONS[reason] ?? [meaning, meaning, heading];
  const share = Math.max(scores.fakeProbability, 1 - scores.fakeProbability);
  // Never 0 or 100 %: a model is not that sure.
  const chance = Math.min(99.9, 100 * share).toFixed(1);
  fill(tone, name, text(title), text(inBox ? inside : whole, { chance }));
  if (!reason) {
    showNumber(scores.fakeProbability, thresholds);
    if (scores.digitProbabilities) showDigit(scores.digitProbabilities);
  }
  showPicture(part("pixels"), scores.pixels);
  part("seen").hidden = false;
}

/** Offer the judged picture as a download. @param {string} file its name @param {string} address */
export function offerFile(file, address) {
  part("save-link").download = file;
  part("save-link").href = address;
  part("save").hidden = false;
}

function fill(tone, name, heading, sentence) {
  const panel = part("result");
  panel.dataset.tone = tone;
  delete panel.dataset.stale;
  part("name").textContent = name;
  part("name").hidden = !name;
  part("verdict").textContent = heading;
  part("explanation").textContent = sentence;
  for (const id of ["digit", "numbers", "scale", "seen", "save"]) part(id).hidden = true;
}

function showDigit(probabilities) {
  const probability = Math.max(...probabilities);
  const digit = probabilities.indexOf(probability);
  part("digit").textContent = text("static.reads-as", { digit, probability: probability.toFixed(4) });
  part("digit").hidden = false;
}

function showNumber(fakeProbability, { real_threshold: real, fake_threshold: fake }) {
  const shown = fakeProbability.toFixed(4);
  part("fake-probability").textContent = shown;
  // From the rounded number, so that the two on the page add up to 1.
  part("real-probability").textContent = (1 - Number(shown)).toFixed(4);
  for (const [name, value] of Object.entries({ real, fake, needle: fakeProbability })) {
    part("scale").style.setProperty(`--${name}`, `${100 * value}%`);
  }
  const key = fake > real ? "check.scale" : "check.scale-one";
  part("thresholds").textContent = text(key, { real: real.toFixed(4), fake: fake.toFixed(4) });
  part("numbers").hidden = part("scale").hidden = false;
}
