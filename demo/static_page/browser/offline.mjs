// Keeping the page for when there is no network, and offering a newer version where there is one.

/**
 * @param {{kept: HTMLElement, update: HTMLElement, renew: HTMLElement}} parts
 *   kept: shown once every file is stored; update: shown where a newer version waits, with its button renew
 */
export async function worksOffline({ kept, update, renew }) {
  const workers = navigator.serviceWorker;
  // Absent over plain http, except from this machine.
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
