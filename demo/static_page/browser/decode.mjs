// Decodes a picture file for the page, with reasons in its language.

import { decode as decodeBytes, LARGEST_PIXELS, PictureError as Refusal, throughCanvas } from "./decoder.mjs";
import { canvasReadable } from "./pad.mjs";
import { LANGUAGE, text } from "./texts.mjs";

const LARGEST_FILE_BYTES = 32 * 2 ** 20;

/** A picture that cannot be judged; the message is a sentence for the page. */
export class PictureError extends Error {}

const REASONS = {
  unknown: "static.file-unreadable",
  damaged: "static.file-damaged",
  large: "static.pixels-many",
  metadata: "static.file-metadata",
  memory: "static.memory",
  compressed: "static.file-compressed",
  heic: "static.file-heic",
  avif: "static.file-avif",
  canvas: "check.refuse-canvas",
};

async function readThroughCanvas(...picture) {
  if (!canvasReadable()) throw new Refusal("canvas");
  return throughCanvas(...picture);
}

/**
 * Decode a picture file, as `decoder.mjs` describes.
 *
 * @param {Blob} file
 * @returns {Promise<import("./decoder.mjs").Image>}
 * @throws {PictureError}
 */
export async function decode(file) {
  if (file.size === 0) throw new PictureError(text("static.file-empty"));
  if (file.size > LARGEST_FILE_BYTES) throw new PictureError(text("static.file-large"));
  try {
    return await decodeBytes(new Uint8Array(await file.arrayBuffer()), readThroughCanvas);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw new PictureError(text(REASONS[error.code], { limit: LARGEST_PIXELS.toLocaleString(LANGUAGE) }));
  }
}
