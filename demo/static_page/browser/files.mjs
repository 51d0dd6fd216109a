// The ways to hand over a picture file: choose, photograph, drop, paste.

/**
 * @param {{area: HTMLElement, buttons: [HTMLElement, HTMLInputElement][]}} parts each button opens its input
 * @param {(file: File) => void} take
 */
export function takeFiles({ area, buttons }, take) {
  for (const [button, input] of buttons) {
    button.addEventListener("click", () => input.click());
    input.addEventListener("change", () => {
      if (input.files.length) take(input.files[0]);
      // Or choosing the same file again would be no change.
      input.value = "";
    });
  }
  document.addEventListener("dragover", (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    area.classList.add("drop-over");
  });
  document.addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) area.classList.remove("drop-over");
  });
  document.addEventListener("drop", (event) => {
    area.classList.remove("drop-over");
    if (!event.dataTransfer.files.length) return;
    event.preventDefault();
    take(event.dataTransfer.files[0]);
  });
  document.addEventListener("paste", (event) => {
    const file = event.clipboardData?.files[0];
    if (!file) return;
    event.preventDefault();
    take(file);
  });
}
