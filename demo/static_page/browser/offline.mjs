// Stores the page for use without a network, and offers a newer version if there is one.

/**
 * @param {{kept: HTMLElement, update: HTMLElement, renew: HTMLElement}} parts
 *   kept: shown once every file is stored; update: shown if a newer version is ready, with its button renew
 */
export async function worksOffline({ kept, update, renew }) {
  const workers = navigator.serviceWorker;
  // Missing over plain http, except on localhost.
  if (!workers) return;
  const registration = await workers.register("service-worker.js", { updateViaCache: "none" });

  function offer() {
    if (registration.waiting && registration.active) update.hidden = false;
  }
  renew.addEventListener("click", () => {
    workers.addEventListener("controllerchange", () => location.reload());
    registration.waiting.postMessage("take over");
  });
  registration.addEventListener("updatefound", () => {
    registration.installing.addEventListener("statechange", offer);
  });
  offer();
  await workers.ready;
  kept.hidden = false;
}
