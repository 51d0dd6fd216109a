// Runs the conformance pack in Node and prints the report as JSON: node conformance.mjs FOLDER MODEL

import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import sharp from "sharp";

import { decode, throughSharp } from "../decoder.mjs";
import { conformance } from "../../static_page/browser/compare.mjs";
import { scoresOf } from "../../static_page/browser/verdict.mjs";

const [folder, model] = process.argv.slice(2);
if (model === undefined) {
  console.error("usage: node conformance.mjs FOLDER MODEL");
  process.exit(2);
}

const { pictures } = JSON.parse(readFileSync(join(folder, "expected.json")));
const thresholds = JSON.parse(readFileSync(join(dirname(model), "manifest.json"))).files[basename(model)];
const session = await InferenceSession.create(readFileSync(model));

const score = async ({ data, shape }) => scoresOf(await session.run({ image: new Tensor("uint8", data, shape) }));

const decoded = ({ file }) => decode(readFileSync(join(folder, file)), throughSharp(sharp));

async function array({ file }) {
  const path = join(folder, "arrays", `${file}.bin`);
  return existsSync(path) ? new Uint8Array(readFileSync(path)) : null;
}

console.log(JSON.stringify(await conformance(pictures, thresholds, score, decoded, array), null, 1));
