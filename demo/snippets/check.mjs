// node check.mjs digit.png: is it fake? Needs onnxruntime-node, sharp, and decoder.mjs and the model in this folder.
import { readFileSync } from "node:fs";
import { InferenceSession, Tensor } from "onnxruntime-node";
import sharp from "sharp";

import { decode, throughSharp } from "./decoder.mjs";

if (process.argv.length < 3) {
  console.error("usage: node check.mjs digit.png");
  process.exit(2);
}
const model = "discriminator_from_image.onnx";
const limits = JSON.parse(readFileSync("manifest.json")).files[model];

const { data, shape } = await decode(readFileSync(process.argv[2]), throughSharp(sharp)).catch((error) => {
  console.error(error.message);
  process.exit(1);
});
const image = new Tensor("uint8", data, shape);

const session = await InferenceSession.create(model);
const { fake_probability, in_domain, reason } = await session.run({ image });
const p = fake_probability.data[0];
const verdict = p >= limits.fake_threshold ? "fake" : p <= limits.real_threshold ? "real" : "unsure";
const reasons = ["not handwriting", "blank", "several digits", "too small", "cut off"];
const isDigit = in_domain.data[0] >= limits.in_domain_threshold;
console.log(isDigit ? `${verdict}, fake_probability = ${p.toFixed(4)}` : `not a digit (${reasons[reason.data[0]]})`);
