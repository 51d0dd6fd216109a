// The page: a picture from anywhere → pixels → the model → the panel.

import { decode, PictureError } from "./decode.mjs";
import { openEngine } from "./engine.mjs";
import { takeFiles } from "./files.mjs";
import { worksOffline } from "./offline.mjs";
import { drawingPad } from "./pad.mjs";
import { showAnswer, showNothing, showRefusal, showStale } from "./panel.mjs";
import { verdictOf } from "./verdict.mjs";

const MODEL = "discriminator_from_image.onnx";
const MEBIBYTE = 2 ** 20;

const part = (id) => document.getElementById(id);

async function load() {
  const { version, files } = await (await fetch("manifest.json")).json();
  const total = Object.values(files).reduce((sum, { size }) => sum + size, 0);
  let arrived = 0;
  const score = await openEngine(MODEL, (bytes) => {
    arrived += bytes;
    const [some, all] = [arrived, total].map((size) => (size / MEBIBYTE).toFixed(1));
    part("ready").textContent = `Loading the model: ${some} of ${all} MiB.`;
  });
  const thresholds = files[MODEL];
  part("model").textContent = `${MODEL.replace(".onnx", "")} ${version}`;
  part("ready").textContent = `${MODEL} ${version} runs in this page.`;
  return { score, thresholds };
}

const engine = load();
let newest = 0;

async function judge(name, read) {
  const turn = ++newest;
  showStale();
  try {
    const image = await read();
    const { score, thresholds } = await engine;
    if (turn !== newest) return;
    const scores = await score(image);
    if (turn === newest) showAnswer(name, verdictOf(scores, thresholds), scores, thresholds);
  } catch (error) {
    if (turn !== newest) return;
    const reason = error instanceof PictureError ? error.message : "The model could not judge this picture.";
    showRefusal(name, reason);
  }
}

const wipe = drawingPad(part("pad"), (image) => judge("Your drawing", () => image));
part("clear").addEventListener("click", () => {
  newest++;
  wipe();
  showNothing();
});
takeFiles(
  {
    area: part("drop"),
    buttons: [
      [part("choose"), part("file")],
      [part("photograph"), part("camera")],
    ],
  },
  (file) => judge(file.name, () => decode(file)),
);

engine.then(
  // Only now, so that keeping the files does not compete with the first answer.
  () =>
    worksOffline({ kept: part("offline"), update: part("update"), renew: part("renew") }).catch((error) =>
      // A browser may forbid it, in a private window for one; the page works all the same.
      console.info(`Not kept for offline use: ${error.message}`),
    ),
  (error) => {
    part("ready").textContent = `The model could not be loaded (${error.message}); reload the page.`;
  },
);
