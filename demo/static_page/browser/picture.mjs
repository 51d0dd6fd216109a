// 28 × 28 pixels on a canvas, and as a file.

const SIDE = 28;

/** @param {HTMLCanvasElement} canvas 28 × 28 @param {Uint8Array} pixels grey, 0 is black */
export function showPicture(canvas, pixels) {
  const image = new ImageData(SIDE, SIDE);
  pixels.forEach((value, index) => image.data.set([value, value, value, 255], 4 * index));
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** A canvas that shows the pixels. */
export function canvasOf(pixels) {
  const canvas = document.createElement("canvas");
  canvas.className = "pixels";
  canvas.width = canvas.height = SIDE;
  showPicture(canvas, pixels);
  return canvas;
}

/** The very pixels as a PNG. @returns {Promise<Blob>} */
export function pngOf(pixels) {
  return new Promise((resolve) => canvasOf(pixels).toBlob(resolve, "image/png"));
}
