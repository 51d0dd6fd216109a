// Makes digits with a generator, from the noise that Python draws from the same seed.

import { onDemand } from "./on-demand.mjs";
import { defaultRandom } from "./random.mjs";
import { text } from "./texts.mjs";

const DIGITS = 10;
const PICTURE = 28 * 28;
const sessions = new Map();

/**
 * @param {import("./on-demand.mjs").File & {latent: number, chooses_digit: boolean}} generator
 * @param {{count: number, seed: number, digit: number | null}} options digit: with null each digit is
 *   drawn from the seed, if the generator lets one choose it
 * @param {(sentence: string) => void} tell reports the progress of the download
 * @returns {Promise<Uint8Array[]>} 28 × 28 pixels each
 * @throws {import("./on-demand.mjs").LoadError}
 */
export async function make(generator, { count, seed, digit }, tell) {
  const { Tensor } = await import("./engine.mjs");
  const session = await open(generator, tell);
  // Drawn in the order of Engine.generate, so that a seed gives the same noise for every digit.
  const random = defaultRandom(seed);
  const noise = random.standardNormal(count * generator.latent);
  const inputs = { noise: new Tensor("float32", noise, [count, generator.latent]) };
  if (generator.chooses_digit) {
    const drawn = random.integers(DIGITS, count);
    const digits = BigInt64Array.from(drawn, (each) => BigInt(digit ?? each));
    inputs.digit = new Tensor("int64", digits, [count]);
  }
  const { pixels } = await session.run(inputs);
  return Array.from({ length: count }, (_, index) => pixels.data.slice(index * PICTURE, (index + 1) * PICTURE));
}

async function open(generator, tell) {
  if (!sessions.has(generator.name)) {
    const { openSession } = await import("./engine.mjs");
    const weights = await onDemand(generator, tell);
    tell(text("static.opening-file", { file: generator.name }));
    sessions.set(generator.name, await openSession(weights));
  }
  return sessions.get(generator.name);
}
