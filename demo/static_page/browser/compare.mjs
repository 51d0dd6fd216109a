// One entry of a conformance report: what a runtime answered, compared with what is expected.

import { verdictOf } from "./verdict.mjs";

/** The largest difference of a digit's probability; null where none is expected. */
function digitDifference(expected, found) {
  if (expected === undefined) return null;
  return Math.max(...expected.map((value, digit) => Math.abs(value - found[digit])));
}

/**
 * @param {{file: string, pixels: string, logit: number, digit_probabilities?: number[]}} expected
 *   an entry of `expected.json`
 * @param {"array" | "file"} input what the runtime was given
 * @param {() => Promise<import("./engine.mjs").Scores>} answer
 * @param {object} thresholds the model's entry in `manifest.json`
 */
export async function compare(expected, input, answer, thresholds) {
  const { file } = expected;
  try {
    const scores = await answer();
    const wanted = Uint8Array.from(atob(expected.pixels), (character) => character.charCodeAt(0));
    const differences = Array.from(wanted, (value, index) => Math.abs(value - scores.pixels[index]));
    return {
      file,
      input,
      pixels_differing: differences.filter(Boolean).length,
      pixels_worst: Math.max(...differences),
      logit_difference: Math.abs(scores.logit - expected.logit),
      digit_difference: digitDifference(expected.digit_probabilities, scores.digitProbabilities),
      verdict: verdictOf(scores, thresholds),
    };
  } catch (error) {
    return { file, input, error: error.message };
  }
}
