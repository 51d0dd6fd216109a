// One line of a conformance report: what a runtime answered, held against what is expected.

import { verdictOf } from "./verdict.mjs";

/**
 * @param {{file: string, pixels: string, logit: number}} expected an entry of `expected.json`
 * @param {"array" | "door"} way
 * @param {() => Promise<import("./engine.mjs").Scores>} answer
 * @param {object} thresholds the model's entry in `manifest.json`
 */
export async function compare(expected, way, answer, thresholds) {
  try {
    const scores = await answer();
    const wanted = Uint8Array.from(atob(expected.pixels), (character) => character.charCodeAt(0));
    const differences = Array.from(wanted, (value, index) => Math.abs(value - scores.pixels[index]));
    return {
      file: expected.file,
      way,
      pixels_differing: differences.filter(Boolean).length,
      pixels_worst: Math.max(...differences),
      logit_difference: Math.abs(scores.logit - expected.logit),
      verdict: verdictOf(scores, thresholds),
      error: null,
    };
  } catch (error) {
    return {
      file: expected.file,
      way,
      pixels_differing: null,
      pixels_worst: null,
      logit_difference: null,
      verdict: null,
      error: error.message,
    };
  }
}
