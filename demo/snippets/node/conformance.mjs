// Runs the conformance pack in Node and prints the report as JSON: node conformance.mjs FOLDER MODEL

import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import sharp from "sharp";

import { compare } from "../../static_page/browser/compare.mjs";

const [folder, model] = process.argv.slice(2);
if (model === undefined) {
  console.error("usage: node conformance.mjs FOLDER MODEL");
  process.exit(2);
}

const { pictures } = JSON.parse(readFileSync(join(folder, "expected.json")));
const thresholds = JSON.parse(readFileSync(join(dirname(model), "manifest.json"))).files[basename(model)];
const session = await InferenceSession.create(readFileSync(model));

async function score(data, shape) {
  const answer = await session.run({ image: new Tensor("uint8", data, shape) });
  return {
    fakeProbability: answer.fake_probability.data[0],
    logit: answer.logit.data[0],
    digitProbabilities: answer.digit_probabilities?.data ?? null,
    inDomain: answer.in_domain.data[0],
    pixels: answer.pixels.data,
  };
}

// As check.mjs reads a file.
async function scoreFile(path) {
  const picture = sharp(path, { ignoreIcc: true }).autoOrient().toColourspace("srgb").raw();
  const { data, info } = await picture.toBuffer({ resolveWithObject: true });
  return score(data, [info.height, info.width, info.channels]);
}

const report = [];
for (const picture of pictures) {
  const array = join(folder, "arrays", `${picture.file}.bin`);
  if (existsSync(array)) {
    const answer = () => score(new Uint8Array(readFileSync(array)), picture.array.shape);
    report.push(await compare(picture, "array", answer, thresholds));
  }
  report.push(await compare(picture, "file", () => scoreFile(join(folder, picture.file)), thresholds));
}
console.log(JSON.stringify(report, null, 1));
