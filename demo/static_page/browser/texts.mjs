// The page's sentences in the language of the browser.

import { TEXTS } from "./sentences.mjs";

const CHINESE = navigator.language.toLowerCase().startsWith("zh");
const COLUMN = CHINESE ? "zh" : "en";

/** The language of the page, as the `lang` attribute and number formats want it. */
export const LANGUAGE = CHINESE ? "zh-CN" : "en";

/**
 * Return a text without its markup.
 *
 * @param {string} key
 * @param {Record<string, string | number>} values for the names in braces
 */
export function text(key, values = {}) {
  return contentOf(key, values).textContent;
}

/** Replace an element's content with a text and its markup. */
export function write(element, key, values = {}) {
  element.replaceChildren(contentOf(key, values));
}

function contentOf(key, values) {
  const template = document.createElement("template");
  template.innerHTML = TEXTS[key][COLUMN];
  const nodes = document.createNodeIterator(template.content, NodeFilter.SHOW_TEXT);
  // After parsing, so that values are not read as HTML.
  for (let node = nodes.nextNode(); node; node = nodes.nextNode()) {
    node.data = node.data.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  }
  return template.content;
}

/** Fill in every text that the HTML names: `data-text` as an element's content, `data-label` as its label. */
export function writePage() {
  document.documentElement.lang = LANGUAGE;
  for (const element of document.querySelectorAll("[data-text]")) write(element, element.dataset.text);
  for (const element of document.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", text(element.dataset.label));
  }
}
