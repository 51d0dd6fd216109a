// The view Watch it learn: a slider over the snapshots of the tutorial's pair.

import { chart } from "./chart.mjs";
import { isKept, LoadError, mebibytes, onDemand } from "./on-demand.mjs";
import { showPicture } from "./picture.mjs";
import { LANGUAGE, text, write } from "./texts.mjs";

const PACE_MILLISECONDS = 900;
const CALM_PACE_MILLISECONDS = 2000;

const part = (id) => document.getElementById(id);
const counted = (step) => step.toLocaleString(LANGUAGE);

/**
 * @param {object} page
 * @param {Promise<object>} page.engine loads the runtime
 * @param {Record<"record" | "grids" | "model", import("./on-demand.mjs").File>} page.files
 * @param {() => Uint8Array | null} page.latest pixels of the digit checked last
 * @param {() => void} page.draw opens the drawing pad
 * @returns {() => void} called when the view is shown
 */
export function learnView({ engine, files, latest, draw }) {
  let history = null;
  let grids = null;
  let markLosses = null;
  let session = null;
  let judged = { pixels: null, probabilities: null, mark: null };
  let player = null;
  let watching = false;

  const index = () => part("step").valueAsNumber;
  const last = () => history.steps.length - 1;

  async function load() {
    part("learn-retry").hidden = true;
    const tell = (sentence) => {
      part("learn-status").textContent = sentence;
    };
    try {
      const record = await onDemand(files.record, tell);
      const picture = await onDemand(files.grids, tell);
      grids = await createImageBitmap(new Blob([picture], { type: "image/png" }));
      history = JSON.parse(new TextDecoder().decode(record));
      tell("");
    } catch (error) {
      tell(reasonOf(error, files.grids));
      part("learn-retry").hidden = false;
      return false;
    }
    showHistory();
    return true;
  }

  function showHistory() {
    const { steps } = history;
    write(part("pair"), "static.pair", { snapshots: steps.length, last: counted(steps.at(-1)) });
    part("step").max = last();
    part("history").width = grids.width;
    part("history").height = grids.height / steps.length;
    const { curve } = history;
    const lineOf = (kind) => {
      const dots = history[`${kind}_loss`];
      return { kind, steps: [steps[0], ...curve.step], values: [dots[0], ...curve[`${kind}_loss`]], dots };
    };
    const lines = ["discriminator", "generator"].map(lineOf);
    const points = steps.map((step, each) => {
      const losses = [history.discriminator_loss, history.generator_loss].map((values) => values[each].toFixed(3));
      return `${counted(step)}: ${losses.join(", ")}`;
    });
    // Shown first, because a chart takes its width from the page.
    part("learn").hidden = part("pair").hidden = false;
    markLosses = chart(part("losses-chart"), {
      lines,
      steps,
      top: Math.ceil(Math.max(...lines.flatMap(({ values, dots }) => [...values, ...dots]))),
      guide: Math.log(2),
      label: text("static.losses-chart", { points: points.join("; ") }),
    });
  }

  function showStep() {
    const step = history.steps[index()];
    const values = { step: counted(step), last: counted(history.steps.at(-1)) };
    part("step-is").textContent = text("static.step", values);
    part("step").setAttribute("aria-valuetext", text("static.step", values));
    const canvas = part("history");
    canvas.getContext("2d").drawImage(grids, 0, -index() * canvas.height);
    canvas.setAttribute("aria-label", text("static.grid-at", values));
    const [discriminator, generator] = [history.discriminator_loss, history.generator_loss].map((losses) =>
      losses[index()].toFixed(3),
    );
    write(part("losses-at"), "static.losses-at", { ...values, discriminator, generator });
    markLosses(step);
    if (!judged.probabilities) return;
    write(part("yours-at"), "static.yours-at", values);
    part("yours-probability").textContent = judged.probabilities[index()].toFixed(4);
    judged.mark(step);
  }

  async function offer() {
    const pixels = latest();
    part("yours-none").hidden = pixels !== null;
    if (pixels === null || judged.pixels === pixels || watching) return;
    if (session) {
      await judge(pixels);
      return;
    }
    const kept = await isKept(files.model);
    if (kept) {
      await watch();
      return;
    }
    part("yours-load").textContent = text("static.yours-load", { size: mebibytes(files.model.size) });
    part("yours-ask").hidden = false;
  }

  async function watch() {
    watching = true;
    part("yours-ask").hidden = true;
    const tell = (sentence) => {
      part("yours-status").textContent = sentence;
    };
    try {
      await engine;
      const { openSession } = await import("./engine.mjs");
      const weights = await onDemand(files.model, tell);
      tell(text("static.opening-file", { file: files.model.name }));
      session ??= await openSession(weights);
      await judge(latest());
      tell("");
    } catch (error) {
      tell(reasonOf(error, files.model));
      part("yours-load").textContent = text("static.retry");
      part("yours-ask").hidden = false;
    } finally {
      watching = false;
    }
  }

  async function judge(pixels) {
    const { Tensor } = await import("./engine.mjs");
    const answer = await session.run({ pixels: new Tensor("uint8", pixels, [1, 28, 28]) });
    const probabilities = Array.from(answer.fake_probability.data);
    const { steps } = history;
    const points = steps.map((step, each) => `${counted(step)}: ${probabilities[each].toFixed(4)}`);
    part("yours").hidden = false;
    showPicture(part("yours-pixels"), pixels);
    const mark = chart(part("yours-chart"), {
      lines: [{ kind: "yours", steps, values: probabilities, dots: probabilities }],
      steps,
      top: 1,
      guide: 0.5,
      label: text("static.yours-chart", { points: points.join("; ") }),
    });
    judged = { pixels, probabilities, mark };
    showStep();
  }

  function pause() {
    clearInterval(player);
    player = null;
    part("play").textContent = text("learn.play");
  }

  function play() {
    if (index() === last()) part("step").value = 0;
    else part("step").stepUp();
    showStep();
    part("play").textContent = text("learn.pause");
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    player = setInterval(
      () => {
        // Stop when another view is open.
        if (!part("learn").getClientRects().length) return pause();
        part("step").stepUp();
        showStep();
        return index() === last() ? pause() : undefined;
      },
      calm ? CALM_PACE_MILLISECONDS : PACE_MILLISECONDS,
    );
  }

  part("play").addEventListener("click", () => (player === null ? play() : pause()));
  part("step").addEventListener("input", () => {
    pause();
    showStep();
  });
  part("yours-go").addEventListener("click", draw);
  part("yours-load").addEventListener("click", watch);

  async function opened() {
    if (!history && !(await load())) return;
    showStep();
    await offer();
  }
  part("learn-retry").addEventListener("click", opened);
  return opened;
}

function reasonOf(error, file) {
  return error instanceof LoadError ? error.message : text("static.not-fetched", { file: file.name });
}
