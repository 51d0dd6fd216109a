// Scores pictures in Node: reads {file, picture, count} as a line of JSON, writes µs of processor time per run.

import { createInterface } from "node:readline";
import { InferenceSession, Tensor } from "onnxruntime-node";

const SHAPES = { pixels: [1, 28, 28], image: [28, 28, 1] };
const ONE_THREAD = { intraOpNumThreads: 1, interOpNumThreads: 1 };
const sessions = new Map();

for await (const line of createInterface({ input: process.stdin })) {
  const { file, picture, count } = JSON.parse(line);
  if (!sessions.has(file)) sessions.set(file, await InferenceSession.create(file, ONE_THREAD));
  const session = sessions.get(file);
  const [name] = session.inputNames;
  const pixels = Uint8Array.from(picture);
  const began = process.cpuUsage();
  for (let each = 0; each < count; each++) {
    await session.run({ [name]: new Tensor("uint8", pixels, SHAPES[name]) });
  }
  const { user, system } = process.cpuUsage(began);
  console.log((user + system) / count);
}
