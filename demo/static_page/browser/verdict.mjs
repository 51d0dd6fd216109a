// The verdict, from a model's outputs and the thresholds published with it.

/**
 * @param {{fakeProbability: number, inDomain: number}} scores
 * @param {{fake_threshold: number, real_threshold: number, in_domain_threshold: number}} thresholds
 * @returns {"not a digit" | "fake" | "real" | "unsure"}
 */
export function verdictOf(scores, thresholds) {
  if (scores.inDomain < thresholds.in_domain_threshold) return "not a digit";
  if (scores.fakeProbability >= thresholds.fake_threshold) return "fake";
  if (scores.fakeProbability <= thresholds.real_threshold) return "real";
  return "unsure";
}
