// A model's scores, and the verdict from them and the thresholds published with it.

/**
 * @typedef {{fakeProbability: number, logit: number, digitProbabilities: Float32Array | null,
 *   inDomain: number, pixels: Uint8Array}} Scores digitProbabilities: null where the model does not read digits
 */

/** Name the outputs of a `discriminator_from_image.onnx`. @returns {Scores} */
export function scoresOf(outputs) {
  return {
    fakeProbability: outputs.fake_probability.data[0],
    logit: outputs.logit.data[0],
    digitProbabilities: outputs.digit_probabilities?.data ?? null,
    inDomain: outputs.in_domain.data[0],
    pixels: outputs.pixels.data,
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
