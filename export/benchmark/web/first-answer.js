// Hands PICTURE (base64) to a page as soon as the page accepts one, and records when the answer is shown.

document.addEventListener("DOMContentLoaded", () => {
  const input = document.querySelector("input[type=file]");
  let handed = false;
  function check() {
    if (!handed && !input.disabled) {
      handed = true;
      const bytes = Uint8Array.from(atob(PICTURE), (character) => character.charCodeAt(0));
      const chosen = new DataTransfer();
      chosen.items.add(new File([bytes], "digit.png", { type: "image/png" }));
      input.files = chosen.files;
      input.dispatchEvent(new Event("change"));
    }
    const { dataset } = document.documentElement;
    if (!dataset.answered && document.querySelector("#fake-probability, output").textContent) {
      dataset.answered = performance.now();
    }
  }
  const everything = { subtree: true, childList: true, characterData: true, attributes: true };
  new MutationObserver(check).observe(document.body, everything);
  check();
});
