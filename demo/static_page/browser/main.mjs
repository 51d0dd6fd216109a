// Starts the page: a picture is decoded, scored by the model and shown in the panel.

import { pictureBox } from "./box.mjs";
import { decode, PictureError } from "./decode.mjs";
import { offerExamples } from "./examples.mjs";
import { takeFiles } from "./files.mjs";
import { worksOffline } from "./offline.mjs";
import { mebibytes } from "./on-demand.mjs";
import { canvasPixels, canvasReadable, drawingPad } from "./pad.mjs";
import { offerFile, showAnswer, showNothing, showRefusal, showStale, showWaiting } from "./panel.mjs";
import { crop, showPreview } from "./picture.mjs";
import { text, writePage } from "./texts.mjs";
import { verdictOf } from "./verdict.mjs";
import { views } from "./views.mjs";

const MODEL = "discriminator_from_image.onnx";

/** Pictures to try, with the keys of their names. */
const EXAMPLES = {
  "handwritten.png": "example.handwritten",
  "generated.png": "example.generated",
  "perceptron.png": "example.perceptron",
  "photo.jpeg": "example.photo",
  "screenshot.png": "example.screenshot",
  "printed.png": "example.printed",
  "letter.png": "example.letter",
  "two.jpeg": "example.two",
};

/** By view, the kinds of optional files without which it is left out. */
const NEEDED = { check: [], generate: ["generator"], learn: ["history", "record", "grids"] };

const part = (id) => document.getElementById(id);

async function load() {
  // A static import would let nobody draw or choose a picture before the runtime has loaded.
  const { openEngine } = await import("./engine.mjs");
  const { version, files } = await manifest;
  const total = Object.values(files).reduce((sum, { size }) => sum + size, 0);
  let arrived = 0;
  const score = await openEngine(MODEL, (bytes) => {
    if (failed) return;
    arrived += bytes;
    part("ready").textContent = text("static.loading", { some: mebibytes(arrived), all: mebibytes(total) });
  });
  part("ready").textContent = text("static.ready", { model: MODEL, version });
  part("detector").hidden = files[MODEL].core !== "discriminator";
  part("tutorial").hidden = files[MODEL].core !== "mlp_discriminator";
  return { score, thresholds: files[MODEL] };
}

/** Why a picture has no answer, as a sentence. */
function reasonOf(error, loaded) {
  if (error instanceof PictureError) return error.message;
  return text(loaded ? "static.not-judged" : "static.not-loaded");
}

writePage();

let loaded = null;
let failed = false;
let newest = 0;
let latest = null;
const manifest = fetch("manifest.json").then((response) => response.json());
const engine = load();

/**
 * Judge a picture and show the answer, if no other picture has followed.
 *
 * @param {string} name
 * @param {() => Image | Promise<Image>} read
 * @param {object} [how]
 * @param {{name: string, address: string}} [how.file] the picture as a file to download, if this page made it
 * @param {"drawn" | "sent"} [how.place] what the stage shows, where it shows this picture
 * @param {number[] | null} [how.chosen] after the first answer, the box that a person wants, or null for all
 */
async function judge(name, read, { file, place, chosen } = {}) {
  const turn = ++newest;
  const first = chosen === undefined;
  if (first) box.hide();
  if (first && place !== "drawn") part("picture").hidden = true;
  if (loaded) showStale();
  else showWaiting(name);
  try {
    const image = await read();
    if (turn !== newest) return;
    const shown = first && (place === "drawn" || (place === "sent" && (await showSent(image))));
    const { score, thresholds } = await engine;
    if (turn !== newest) return;
    const scores = await score(chosen ? crop(image, chosen) : image);
    if (turn !== newest) return;
    const verdict = verdictOf(scores, thresholds);
    showAnswer(name, verdict, scores, thresholds, Boolean(chosen));
    if (file) offerFile(file.name, file.address);
    if (verdict !== "not a digit") latest = scores.pixels;
    if (!shown) return;
    const [height, width] = image.shape;
    const source = part(place === "sent" ? "picture" : "pad");
    judgeBox = (wanted) => judge(name, read, { place, chosen: wanted });
    box.show({ height, width, boxes: scores.boxes, source, movable: place === "sent" });
  } catch (error) {
    if (turn === newest) showRefusal(name, reasonOf(error, loaded));
  }
}

/** Show a picture over the pad; returns whether that was possible. */
async function showSent(image) {
  try {
    await showPreview(part("picture"), image);
    part("picture").hidden = false;
  } catch {
    // A phone may lack the memory. The answer comes all the same.
  }
  return !part("picture").hidden;
}

let judgeBox = null;
const box = pictureBox({
  stage: part("stage"),
  bar: part("box-bar"),
  texts: {
    label: text("box.label"),
    hint: text("box.hint"),
    automatic: text("box.automatic"),
    crops: text("box.crops"),
    crop: text("box.crop", { number: "{number}", count: "{count}" }),
    top: text("box.top"),
    left: text("box.left"),
    bottom: text("box.bottom"),
    right: text("box.right"),
  },
  choose: (chosen) => judgeBox(chosen),
});

function emptyStage() {
  newest++;
  part("picture").hidden = true;
  box.hide();
}

const tools = { undo: part("undo"), brush: part("brush"), clear: part("clear") };
const clearPad = drawingPad(part("pad"), tools, {
  started() {
    // A stroke on a picture begins a new drawing.
    if (!part("picture").hidden) clearPad();
    emptyStage();
  },
  drawn() {
    if (!canvasReadable()) return showRefusal(text("check.drawing"), text("check.refuse-canvas"));
    judge(text("check.drawing"), () => canvasPixels(part("pad")), { place: "drawn" });
  },
  cleared() {
    emptyStage();
    showNothing();
  },
});
part("choose").addEventListener("click", () => part("file").click());
part("photograph").addEventListener("click", () => part("camera").click());
function take(file) {
  tabs.go("check");
  clearPad();
  judge(file.name, () => decode(file), { place: "sent" });
  // On a phone the answer is above the button.
  part("result").scrollIntoView({ block: "nearest" });
}

takeFiles({
  zone: part("drop"),
  inputs: [part("file"), part("camera")],
  take: ([file]) => take(file),
});

offerExamples(
  part("examples"),
  Object.entries(EXAMPLES).map(([file, key]) => ({ caption: text(key), address: file })),
  take,
);

const openers = {
  check: async () => () => {},
  // Static imports would delay Check.
  generate: async () => {
    const [{ generateView }, generators] = await Promise.all([import("./generate.mjs"), onDemandOf("generator")]);
    return generateView({
      engine,
      generators,
      address: tabs.address,
      check(name, pixels, file) {
        tabs.go("check");
        judge(name, () => ({ data: pixels, shape: [28, 28, 1] }), { file });
        part("result").focus();
      },
    });
  },
  learn: async () => {
    const [{ learnView }, [model], [record], [grids]] = await Promise.all([
      import("./learn.mjs"),
      ...NEEDED.learn.map(onDemandOf),
    ]);
    return learnView({
      engine,
      files: { model, record, grids },
      latest: () => latest,
      draw() {
        tabs.go("check");
        part("pad").focus();
      },
    });
  },
};
const opening = new Map();
let asked = null;

async function onDemandOf(kind) {
  const { on_demand } = await manifest;
  return on_demand.filter((file) => file.kind === kind);
}

async function open(view, query) {
  asked = { view, query };
  const mine = asked;
  part("unopened").textContent = "";
  part("reopen").hidden = true;
  if (!opening.has(view)) opening.set(view, openers[view]());
  const opened = await opening.get(view).catch(() => null);
  if (opened) {
    part(`view-${view}`).inert = false;
    opened(query);
    return;
  }
  // So that it is tried again the next time.
  opening.delete(view);
  if (mine !== asked) return;
  part("unopened").textContent = text("static.view-not-fetched");
  part("reopen").hidden = false;
}

const tabs = views(part("tabs"), open);
part("reopen").addEventListener("click", () => open(asked.view, asked.query));

// Without a touch screen this button would open the same file dialogue as the other.
part("photograph").hidden = navigator.maxTouchPoints === 0;

// The views other than Check follow when they are opened.
for (const section of document.querySelectorAll("[inert]:not([role=tabpanel])")) section.inert = false;

manifest.then(
  ({ on_demand }) => {
    const kinds = on_demand.map((file) => file.kind);
    tabs.start(Object.keys(NEEDED).filter((view) => NEEDED[view].every((kind) => kinds.includes(kind))));
  },
  // The promise of the engine fails too, and reports the reason.
  () => tabs.start(["check"]),
);

engine.then(
  async (opened) => {
    loaded = opened;
    // Storing the files must not compete with the first answer.
    await worksOffline({ kept: part("offline"), update: part("update"), renew: part("renew") }).catch((error) =>
      // Browsers may forbid it, for example in a private window. The page works without it.
      console.info(`Not kept for offline use: ${error.message}`),
    );
  },
  (error) => {
    failed = true;
    part("ready").textContent = text("static.not-loaded-why", { reason: error.message });
  },
);
