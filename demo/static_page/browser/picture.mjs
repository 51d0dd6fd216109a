// Shows 28 × 28 pixels on a canvas, or converts them to a file.

const SIDE = 28;

/** Draw pixels. @param {HTMLCanvasElement} canvas 28 × 28 @param {Uint8Array} pixels grey, 0 is black */
export function showPicture(canvas, pixels) {
  const image = new ImageData(SIDE, SIDE);
  pixels.forEach((value, index) => image.data.set([value, value, value, 255], 4 * index));
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** Return a new canvas with the pixels. */
export function canvasOf(pixels) {
  const canvas = document.createElement("canvas");
  canvas.className = "pixels";
  canvas.width = canvas.height = SIDE;
  showPicture(canvas, pixels);
  return canvas;
}

/** Convert the pixels to a PNG. @returns {Promise<Blob>} */
export function pngOf(pixels) {
  return new Promise((resolve) => canvasOf(pixels).toBlob(resolve, "image/png"));
}
