// Scores pictures in this browser on one thread: the benchmark calls run(file, level, picture, count).

import { download } from "./download.mjs";
import * as ort from "./ort.wasm.min.mjs";
import { compileRuntime } from "./runtime.mjs";

const SHAPES = { pixels: [1, 28, 28], image: [28, 28, 1] };
const sessions = new Map();

ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = { mjs: new URL("./runtime.mjs", import.meta.url) };
await compileRuntime(() => {});

async function open(file, level) {
  const weights = await download(file, () => {});
  return ort.InferenceSession.create(weights, { executionProviders: ["wasm"], graphOptimizationLevel: level });
}

/** Score a picture `count` times, one after the other. */
globalThis.run = async (file, level, picture, count) => {
  const key = `${file} ${level}`;
  if (!sessions.has(key)) sessions.set(key, await open(file, level));
  const session = sessions.get(key);
  const [name] = session.inputNames;
  const pixels = Uint8Array.from(picture);
  for (let each = 0; each < count; each++) {
    await session.run({ [name]: new ort.Tensor("uint8", pixels, SHAPES[name]) });
  }
};
document.documentElement.dataset.ready = "";
