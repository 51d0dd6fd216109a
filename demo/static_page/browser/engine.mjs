// Runs the models in this page, with onnxruntime's WebAssembly build on one thread.

import { download } from "./download.mjs";
import * as ort from "./ort.wasm.min.mjs";
import { compileRuntime } from "./runtime.mjs";
import { scoresOf } from "./verdict.mjs";

export { Tensor } from "./ort.wasm.min.mjs";

/**
 * Download the runtime and a model, and open a session.
 *
 * @param {string | URL} model address of a `discriminator_from_image.onnx`
 * @param {(bytes: number) => void} received called with the size of each part that arrives
 * @returns {Promise<(image: {data: Uint8Array, shape: number[]}) => Promise<Scores>>} the scoring function
 *
 * @typedef {{fakeProbability: number, logit: number, digitProbabilities: Float32Array | null,
 *   inDomain: number, pixels: Uint8Array}} Scores digitProbabilities: null where the model does not read digits
 */
export async function openEngine(model, received = () => {}) {
  const [weights] = await Promise.all([download(model, received), compileRuntime(received)]);
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = { mjs: new URL("./runtime.mjs", import.meta.url) };
  const session = await openSession(weights);
  return async ({ data, shape }) => scoresOf(await session.run({ image: new ort.Tensor("uint8", data, shape) }));
}

/** Open a session of another model, after `openEngine` has loaded the runtime. @param {Uint8Array} weights */
export function openSession(weights) {
  // Optimising the graph takes longer than it saves over thousands of pictures.
  return ort.InferenceSession.create(weights, { executionProviders: ["wasm"], graphOptimizationLevel: "disabled" });
}
