// Pictures to try: a click sends one, as if it had been chosen.

/**
 * @param {HTMLElement} list
 * @param {{caption: string, address: string}[]} examples
 * @param {(file: File) => void} take its name is the caption
 */
export function offerExamples(list, examples, take) {
  for (const { caption, address } of examples) {
    const button = document.createElement("button");
    button.type = "button";
    const picture = document.createElement("img");
    picture.src = address;
    picture.alt = "";
    button.append(picture, caption);
    button.addEventListener("click", async () => {
      const content = await (await fetch(address)).blob();
      take(new File([content], caption, { type: content.type }));
    });
    list.append(button);
  }
}
