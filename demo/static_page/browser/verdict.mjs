// A model's scores, and the verdict from them and the thresholds published with it.

/**
 * @typedef {{fakeProbability: number, logit: number, digitProbabilities: Float32Array | null,
 *   inDomain: number, pixels: Uint8Array, reason: string | null, boxes: number[][]}} Scores
 *   digitProbabilities: null where the model does not read digits. reason: why no single digit could be
 *   isolated. boxes: top, left, bottom, right of each digit found.
 */

const REASONS = [null, "blank", "several digits", "too small", "cut off"];

const rows = (numbers) => Array.from({ length: numbers.length / 4 }, (_, row) => numbers.slice(4 * row, 4 * row + 4));

/** Name the outputs of a `discriminator_from_image.onnx`. @returns {Scores} */
export function scoresOf(outputs) {
  return {
    fakeProbability: outputs.fake_probability.data[0],
    logit: outputs.logit.data[0],
    digitProbabilities: outputs.digit_probabilities?.data ?? null,
    inDomain: outputs.in_domain.data[0],
    pixels: outputs.pixels.data,
    reason: REASONS[Number(outputs.reason.data[0])],
    boxes: rows(Array.from(outputs.boxes.data, Number)),
  };
}

/**
 * @param {Scores} scores
 * @param {{fake_threshold: number, real_threshold: number, in_domain_threshold: number}} thresholds
 * @returns {"not a digit" | "fake" | "real" | "unsure"}
 */
export function verdictOf(scores, thresholds) {
  if (scores.inDomain < thresholds.in_domain_threshold) return "not a digit";
  if (scores.fakeProbability >= thresholds.fake_threshold) return "fake";
  if (scores.fakeProbability <= thresholds.real_threshold) return "real";
  return "unsure";
}

/** Why a picture is not a digit; null for other verdicts. @param {Scores} scores @param {string} verdict */
export function reasonOf(scores, verdict) {
  return verdict === "not a digit" ? (scores.reason ?? "not handwriting") : null;
}
