// Sessions in this browser: latency.html?threads=1; then run(file, level, count) from outside.

import { download } from "./download.mjs";
import * as ort from "./ort.wasm.min.mjs";
import { compileRuntime } from "./runtime.mjs";

const SHAPES = { pixels: [1, 28, 28], image: [28, 28, 1] };
const sessions = new Map();

ort.env.wasm.numThreads = Number(new URL(location).searchParams.get("threads") ?? 1);
ort.env.wasm.wasmPaths = { mjs: new URL("./runtime.mjs", import.meta.url) };
await compileRuntime(() => {});

async function open(file, level) {
  const weights = await download(file, () => {});
  return ort.InferenceSession.create(weights, { executionProviders: ["wasm"], graphOptimizationLevel: level });
}

/** Judge a picture `count` times, one after the other. @returns {Promise<number>} µs on the wall, each */
globalThis.run = async (file, level, picture, count) => {
  const key = `${file} ${level}`;
  if (!sessions.has(key)) sessions.set(key, await open(file, level));
  const session = sessions.get(key);
  const [name] = session.inputNames;
  const pixels = Uint8Array.from(picture);
  const began = performance.now();
  for (let each = 0; each < count; each++) {
    await session.run({ [name]: new ort.Tensor("uint8", pixels, SHAPES[name]) });
  }
  return ((performance.now() - began) / count) * 1000;
};
document.documentElement.dataset.ready = "";
