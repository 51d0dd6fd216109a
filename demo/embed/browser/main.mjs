// The page: a picture from anywhere → pixels → the model → the panel.

import { decode, PictureError } from "./decode.mjs";
import { takeFiles } from "./files.mjs";
import { worksOffline } from "./offline.mjs";
import { drawingPad } from "./pad.mjs";
import { showAnswer, showNothing, showRefusal, showStale, showWaiting } from "./panel.mjs";
import { verdictOf } from "./verdict.mjs";

const MODEL = "discriminator_from_image.onnx";
const MEBIBYTE = 2 ** 20;

const part = (id) => document.getElementById(id);

async function load() {
  // Not by a static import, or nothing could be drawn or chosen before the runtime has come.
  const { openEngine } = await import("./engine.mjs");
  const { version, files } = await (await fetch("manifest.json")).json();
  const total = Object.values(files).reduce((sum, { size }) => sum + size, 0);
  let arrived = 0;
  const score = await openEngine(MODEL, (bytes) => {
    if (failed) return;
    arrived += bytes;
    const [some, all] = [arrived, total].map((size) => (size / MEBIBYTE).toFixed(1));
    part("ready").textContent = `Loading the model: ${some} of ${all} MiB.`;
  });
  part("ready").textContent = `${MODEL} ${version} runs in this page.`;
  part("product").hidden = files[MODEL].core !== "discriminator";
  part("tutorial").hidden = files[MODEL].core !== "mlp_discriminator";
  return { score, thresholds: files[MODEL] };
}

/** The sentence for a picture that got no answer. */
function reasonOf(error, loaded) {
  if (error instanceof PictureError) return error.message;
  return loaded ? "The model could not judge this picture." : "The model could not be loaded; reload the page.";
}

let loaded = null;
let failed = false;
let newest = 0;
const engine = load();

async function judge(name, read) {
  const turn = ++newest;
  if (loaded) showStale();
  else showWaiting(name);
  try {
    const image = await read();
    const { score, thresholds } = await engine;
    if (turn !== newest) return;
    const scores = await score(image);
    if (turn === newest) showAnswer(name, verdictOf(scores, thresholds), scores, thresholds);
  } catch (error) {
    if (turn === newest) showRefusal(name, reasonOf(error, loaded));
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
  (file) => {
    judge(file.name, () => decode(file));
    // On a phone the answer stands above the button.
    part("result").scrollIntoView({ block: "nearest" });
  },
);

// Elsewhere the camera's button would only open the same file dialogue again.
part("photograph").hidden = navigator.maxTouchPoints === 0;

for (const section of document.querySelectorAll("[inert]")) section.inert = false;

engine.then(
  async (opened) => {
    loaded = opened;
    // Only now, so that keeping the files does not compete with the first answer.
    await worksOffline({ kept: part("offline"), update: part("update"), renew: part("renew") }).catch((error) =>
      // A browser may forbid it, in a private window for one; the page works all the same.
      console.info(`Not kept for offline use: ${error.message}`),
    );
  },
  (error) => {
    failed = true;
    part("ready").textContent = `The model could not be loaded (${error.message}); reload the page.`;
  },
);
