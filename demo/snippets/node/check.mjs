// node check.mjs digit.png: is it fake? Needs onnxruntime-node, sharp, and the model in this folder.
import { readFileSync } from "node:fs";
import { InferenceSession, Tensor } from "onnxruntime-node";
import sharp from "sharp";

if (process.argv.length < 3) {
  console.error("usage: node check.mjs digit.png");
  process.exit(2);
}
const model = "discriminator_from_image.onnx";
const limits = JSON.parse(readFileSync("manifest.json")).files[model];

const picture = sharp(process.argv[2], { ignoreIcc: true }).autoOrient().toColourspace("srgb").raw();
const { data, info } = await picture.toBuffer({ resolveWithObject: true });
const image = new Tensor("uint8", data, [info.height, info.width, info.channels]);

const session = await InferenceSession.create(model);
const { fake_probability, in_domain, reason } = await session.run({ image });
const p = fake_probability.data[0];
const verdict = p >= limits.fake_threshold ? "fake" : p <= limits.real_threshold ? "real" : "unsure";
const reasons = ["not handwriting", "blank", "several digits", "too small", "cut off"];
const isDigit = in_domain.data[0] >= limits.in_domain_threshold;
console.log(isDigit ? `${verdict}, fake_probability = ${p.toFixed(4)}` : `not a digit (${reasons[reason.data[0]]})`);
