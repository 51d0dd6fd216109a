// Decodes a picture file to pixels, as exactly as a browser can.

import { LANGUAGE, text } from "./texts.mjs";

const LARGEST_FILE_BYTES = 32 * 2 ** 20;
const LARGEST_PIXELS = 67_000_000;

// Phones refuse a canvas above 16.7 million pixels, so pixels are read through a smaller one, tile by tile.
const TILE = 2048;

/** A picture that cannot be judged; the message is a sentence for the page. */
export class PictureError extends Error {}

/**
 * Decode a picture file to RGBA, upright. Like the Python decoder it ignores the colour profile.
 *
 * Opaque 8-bit pictures are exact. A canvas stores colours multiplied by alpha, so the colours of translucent
 * pixels may be rounded.
 *
 * @param {Blob} file
 * @returns {Promise<{data: Uint8Array, shape: [number, number, number]}>} shape: height, width, channels
 * @throws {PictureError}
 */
export async function decode(file) {
  if (file.size === 0) throw new PictureError(text("static.file-empty"));
  if (file.size > LARGEST_FILE_BYTES) {
    throw new PictureError(text("static.file-large"));
  }
  const bitmap = await open(file);
  try {
    if (bitmap.width * bitmap.height > LARGEST_PIXELS) {
      const limit = LARGEST_PIXELS.toLocaleString(LANGUAGE);
      throw new PictureError(text("static.pixels-many", { limit }));
    }
    return { data: readPixels(bitmap), shape: [bitmap.height, bitmap.width, 4] };
  } finally {
    bitmap.close();
  }
}

async function open(file) {
  try {
    return await createImageBitmap(file, {
      colorSpaceConversion: "none",
      premultiplyAlpha: "none",
      imageOrientation: "from-image",
    });
  } catch {
    throw new PictureError(text("static.file-unreadable"));
  }
}

function readPixels(bitmap) {
  const { width, height } = bitmap;
  const canvas = document.createElement("canvas");
  canvas.width = Math.min(width, TILE);
  canvas.height = Math.min(height, TILE);
  // Keeps the canvas out of the graphics card, which may round.
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingEnabled = false;
  // Replaces the previous tile instead of drawing over it.
  context.globalCompositeOperation = "copy";
  try {
    const pixels = new Uint8Array(width * height * 4);
    for (let top = 0; top < height; top += TILE) {
      for (let left = 0; left < width; left += TILE) {
        const wide = Math.min(TILE, width - left);
        const high = Math.min(TILE, height - top);
        context.drawImage(bitmap, left, top, wide, high, 0, 0, wide, high);
        const tile = context.getImageData(0, 0, wide, high).data;
        for (let row = 0; row < high; row++) {
          const line = tile.subarray(row * wide * 4, (row + 1) * wide * 4);
          pixels.set(line, ((top + row) * width + left) * 4);
        }
      }
    }
    return pixels;
  } catch {
    throw new PictureError(text("static.memory"));
  }
}
