// Picture files that are chosen, dropped or pasted anywhere on the page.

/** The files and folders that were dropped, or none. @param {DataTransferItemList | null} dropped */
export function entriesOf(dropped) {
  return Array.from(dropped ?? [], (item) => item.webkitGetAsEntry?.()).filter(Boolean);
}

/** @param {File} file */
export function isZip({ name, type }) {
  return /\.zip$/i.test(name) || /^application\/(x-)?zip/.test(type);
}

/**
 * @param {object} area
 * @param {HTMLElement} area.zone gets the class `drop-over` while files are dragged over the page
 * @param {HTMLInputElement[]} area.inputs
 * @param {() => boolean} [area.ready] whether dropped and pasted files are wanted
 * @param {(files: File[], dropped: DataTransferItemList | null) => void} area.take
 *   dropped: files and folders, to be read before `take` returns
 */
export function takeFiles({ zone, inputs, ready = () => true, take }) {
  for (const input of inputs) {
    input.addEventListener("change", () => {
      if (input.files.length) take([...input.files], null);
      // Otherwise choosing the same file again would be no change.
      input.value = "";
    });
  }
  const wanted = (event) => event.dataTransfer.types.includes("Files") && ready();
  document.addEventListener("dragover", (event) => {
    if (!wanted(event)) return;
    event.preventDefault();
    zone.classList.add("drop-over");
  });
  document.addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) zone.classList.remove("drop-over");
  });
  document.addEventListener("drop", (event) => {
    zone.classList.remove("drop-over");
    if (!wanted(event)) return;
    event.preventDefault();
    take([...event.dataTransfer.files], event.dataTransfer.items);
  });
  document.addEventListener("paste", (event) => {
    const files = event.clipboardData?.files;
    if (!files?.length || !ready()) return;
    event.preventDefault();
    take([...files], null);
  });
}
