// The view Generate: a grid of digits, each with its probability. The options are in the address.

import { make } from "./make.mjs";
import { isKept, LoadError, mebibytes } from "./on-demand.mjs";
import { VERDICTS } from "./panel.mjs";
import { canvasOf, pngOf } from "./picture.mjs";
import { text } from "./texts.mjs";
import { verdictOf } from "./verdict.mjs";

const LARGEST_COUNT = 64;
const LARGEST_SEED = 2 ** 32 - 1;
const ANY = "any";

const part = (id) => document.getElementById(id);
const option = (name) => part(`option-${name}`);

/**
 * @param {object} page
 * @param {Promise<{score: Function, thresholds: object}>} page.engine
 * @param {(import("./on-demand.mjs").File & {latent: number, chooses_digit: boolean})[]} page.generators
 * @param {(query: URLSearchParams) => void} page.address writes the options into the address
 * @param {(name: string, pixels: Uint8Array, file: {name: string, address: string}) => void} page.check
 * @returns {(query: URLSearchParams) => void} called when the view is shown
 */
export function generateView({ engine, generators, address, check }) {
  let newest = 0;
  let shown = null;
  let saved = null;

  const chosen = () => generators.find(({ name }) => nameOf(name) === option("generator").value);

  function fillOptions() {
    option("generator").replaceChildren(
      ...generators.map(({ name, chooses_digit }) => {
        const key = chooses_digit ? "static.you-choose" : "static.it-chooses";
        return new Option(text(key, { name: nameOf(name) }), nameOf(name));
      }),
    );
    const digits = Array.from({ length: 10 }, (_, digit) => new Option(digit, digit));
    option("digit").replaceChildren(new Option(text("generate.any"), ANY), ...digits);
  }

  async function follow() {
    const generator = chosen();
    option("digit").disabled = !generator.chooses_digit;
    if (!generator.chooses_digit) option("digit").value = ANY;
    const kept = await isKept(generator);
    if (generator !== chosen()) return;
    const values = { file: generator.name, size: mebibytes(generator.size) };
    part("generator-size").textContent = text(kept ? "static.is-here" : "static.will-load", values);
  }

  function options() {
    const digit = option("digit").value;
    return {
      generator: option("generator").value,
      digit: digit === ANY ? null : Number(digit),
      count: option("count").valueAsNumber,
      seed: option("seed").valueAsNumber,
    };
  }

  async function run() {
    const turn = ++newest;
    const asked = options();
    const query = queryOf(asked);
    shown = query.toString();
    address(query);
    part("copy").hidden = false;
    const tell = (sentence) => {
      if (turn === newest) part("generate-status").textContent = sentence;
    };
    try {
      // The runtime is loaded together with the model that judges.
      const { score, thresholds } = await engine;
      const digits = await make(chosen(), asked, tell);
      if (turn !== newest) return;
      follow();
      await judgeGrid(digits, { asked, score, thresholds, tell, current: () => turn === newest });
    } catch (error) {
      tell(error instanceof LoadError ? error.message : text("static.failed-make"));
      if (turn === newest) shown = null;
    }
  }

  async function judgeGrid(digits, { asked, score, thresholds, tell, current }) {
    const cells = digits.map((pixels, index) => cellOf(pixels, index, asked));
    part("digit-grid").replaceChildren(...cells.map(({ item }) => item));
    part("digit-grid").hidden = part("grid-note").hidden = false;
    const tally = { fake: 0, unsure: 0, real: 0, "not a digit": 0 };
    for (const [index, pixels] of digits.entries()) {
      tell(text("static.making", { number: index + 1, count: digits.length }));
      const scores = await score({ data: pixels, shape: [28, 28, 1] });
      if (!current()) return;
      const verdict = verdictOf(scores, thresholds);
      tally[verdict]++;
      showVerdict(cells[index], verdict, scores.fakeProbability);
      // Lets the browser draw after each digit, so that the page does not freeze on a slow device.
      await new Promise((resolve) => setTimeout(resolve));
    }
    tell(text("static.made", { count: digits.length, ...tally, none: tally["not a digit"] }));
  }

  function cellOf(pixels, index, asked) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "grid-digit";
    const [spoken, number, verdict] = ["unseen", "grid-number", "grid-verdict"].map((name) => {
      const line = document.createElement("span");
      line.className = name;
      line.textContent = "…";
      return line;
    });
    spoken.textContent = text("static.cell", { number: index + 1 });
    button.append(canvasOf(pixels), spoken, number, verdict);
    button.addEventListener("click", () => open(pixels, index, asked));
    item.append(button);
    return { item, button, number, verdict };
  }

  async function open(pixels, index, asked) {
    const name = text("static.generated-name", { ...asked, number: index + 1 });
    if (saved) URL.revokeObjectURL(saved);
    saved = URL.createObjectURL(await pngOf(pixels));
    const digit = asked.digit ?? ANY;
    const file = `${asked.generator}-digit-${digit}-seed-${asked.seed}-${index + 1}-of-${asked.count}.png`;
    check(name, pixels, { name: file, address: saved });
  }

  fillOptions();
  follow();
  option("generator").addEventListener("change", follow);
  part("options").addEventListener("submit", (event) => {
    event.preventDefault();
    run();
  });
  part("make-new").addEventListener("click", () => {
    option("seed").value = crypto.getRandomValues(new Uint32Array(1))[0];
    if (part("options").reportValidity()) run();
  });
  part("copy").addEventListener("click", async () => {
    const copied = await copy(location.href);
    part("generate-status").textContent = text(copied ? "share.copied" : "static.not-copied");
  });

  return (query) => {
    if (query.size === 0 || query.toString() === shown) return;
    const asked = optionsOf(query, generators);
    if (!asked) {
      newest++;
      part("generate-status").textContent = text("static.wrong-link");
      return;
    }
    option("generator").value = asked.generator;
    follow();
    option("digit").value = asked.digit ?? ANY;
    option("count").value = asked.count;
    option("seed").value = asked.seed;
    run();
  };
}

function showVerdict(cell, verdict, fakeProbability) {
  cell.button.dataset.tone = VERDICTS[verdict].tone;
  cell.number.textContent = verdict === "not a digit" ? "–" : fakeProbability.toFixed(4);
  cell.verdict.textContent = text(VERDICTS[verdict].name);
}

const nameOf = (file) => file.replace(".onnx", "");

function queryOf({ generator, digit, count, seed }) {
  return new URLSearchParams({ digit: digit ?? ANY, seed, count, generator });
}

/** Read the options in an address, with defaults for those that are missing; null if any is invalid. */
function optionsOf(query, generators) {
  const whole = (key, usual, smallest, largest) => {
    const value = query.get(key) ?? String(usual);
    const number = Number(value);
    return /^\d{1,10}$/.test(value) && number >= smallest && number <= largest ? number : NaN;
  };
  const named = query.get("generator") ?? nameOf(generators[0].name);
  const generator = generators.find(({ name }) => nameOf(name) === named);
  const asksAny = (query.get("digit") ?? ANY) === ANY;
  const digit = asksAny ? null : whole("digit", 0, 0, 9);
  const [count, seed] = [whole("count", 16, 1, LARGEST_COUNT), whole("seed", 0, 0, LARGEST_SEED)];
  const refused = !generator || (!asksAny && !generator.chooses_digit) || [digit, count, seed].some(Number.isNaN);
  return refused ? null : { generator: named, digit, count, seed };
}

async function copy(address) {
  try {
    await navigator.clipboard.writeText(address);
    return true;
  } catch {
    return false;
  }
}
