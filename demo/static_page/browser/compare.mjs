// A conformance report: what a runtime answers, compared with what is expected.

import { reasonOf, verdictOf } from "./verdict.mjs";

/**
 * @typedef {{file: string, pixels: string, logit: number, digit_probabilities?: number[],
 *   array?: {shape: number[]}, error?: string}} Expected an entry of `expected.json`
 * @typedef {{data: Uint8Array, shape: number[]}} Image
 *
 * @param {Expected[]} pictures
 * @param {object} thresholds the model's entry in `manifest.json`
 * @param {(image: Image) => Promise<import("./verdict.mjs").Scores>} score
 * @param {(picture: Expected) => Promise<Image>} decoded reads the file
 * @param {(picture: Expected) => Promise<Uint8Array | null>} array reads its pixels, where the pack has them
 */
export async function conformance(pictures, thresholds, score, decoded, array) {
  const report = [];
  for (const picture of pictures) {
    const data = await array(picture);
    const shape = picture.array?.shape;
    if (data) report.push(await compare(picture, "array", () => score({ data, shape }), thresholds));
    report.push(await compare(picture, "file", async () => score(await decoded(picture)), thresholds));
  }
  return report;
}

async function compare(expected, input, answer, thresholds) {
  const { file } = expected;
  try {
    const scores = await answer();
    if (expected.error) throw new Error("Read, though it is to be refused.");
    const verdict = verdictOf(scores, thresholds);
    const wanted = Uint8Array.from(atob(expected.pixels), (character) => character.charCodeAt(0));
    const differences = Array.from(wanted, (value, index) => Math.abs(value - scores.pixels[index]));
    return {
      file,
      input,
      pixels_differing: differences.filter(Boolean).length,
      pixels_worst: Math.max(...differences),
      logit_difference: Math.abs(scores.logit - expected.logit),
      digit_difference: digitDifference(expected.digit_probabilities, scores.digitProbabilities),
      verdict,
      reason: reasonOf(scores, verdict),
      boxes: scores.boxes,
    };
  } catch (error) {
    return { file, input, error: error.message, refused: error.name === "PictureError" };
  }
}

/** The largest difference of a digit's probability; null where none is expected. */
function digitDifference(expected, found) {
  if (expected === undefined) return null;
  return Math.max(...expected.map((value, digit) => Math.abs(value - found[digit])));
}
