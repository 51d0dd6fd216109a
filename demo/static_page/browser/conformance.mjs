// Runs the conformance pack in this browser: conformance.html?folder=URL&model=URL

import { conformance } from "./compare.mjs";
import { decode, throughCanvas } from "./decoder.mjs";
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
  const decoded = async ({ file }) => {
    const response = await fetchOne(new URL(file, folder));
    return decode(new Uint8Array(await response.arrayBuffer()), throughCanvas);
  };
  const array = async ({ file }) => {
    const response = await fetch(new URL(`arrays/${file}.bin`, folder));
    return response.ok ? new Uint8Array(await response.arrayBuffer()) : null;
  };
  return conformance(pictures, thresholds, score, decoded, array);
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
