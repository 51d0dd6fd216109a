// Runs the conformance pack in this browser: conformance.html?folder=URL&model=URL

import { compare } from "./compare.mjs";
import { decode } from "./decode.mjs";
import { openEngine } from "./engine.mjs";

const MODEL = "discriminator_from_image.onnx";

async function fetchOne(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address} is not there (${response.status})`);
  return response;
}

async function run(folder, model) {
  const { pictures } = await (await fetchOne(new URL("expected.json", folder))).json();
  const { files } = await (await fetchOne(new URL("manifest.json", model))).json();
  const thresholds = files[model.pathname.split("/").at(-1)];
  const score = await openEngine(model);
  const report = [];
  for (const picture of pictures) {
    const array = await fetch(new URL(`arrays/${picture.file}.bin`, folder));
    if (array.ok) {
      const data = new Uint8Array(await array.arrayBuffer());
      report.push(await compare(picture, "array", () => score({ data, shape: picture.array.shape }), thresholds));
    }
    const answer = async () => score(await decode(await (await fetchOne(new URL(picture.file, folder))).blob()));
    report.push(await compare(picture, "file", answer, thresholds));
  }
  return report;
}

const asked = new URL(location).searchParams;
const folder = new URL(`${asked.get("folder") ?? "conformance"}/`.replace(/\/+$/, "/"), location);
const shown = document.getElementById("report");
try {
  const report = await run(folder, new URL(asked.get("model") ?? MODEL, location));
  shown.textContent = JSON.stringify(report, null, 1);
} catch (error) {
  shown.textContent = JSON.stringify({ error: error.message });
} finally {
  shown.dataset.done = "";
}
