// Shows pixels on a canvas, converts them to a file, and cuts parts out of pictures.

const SIDE = 28;
const LARGEST_PREVIEW = 1024;

/** @typedef {{data: Uint8Array, shape: [number, number, number]}} Image shape: height, width, channels */

/** Return the part of a picture in a box. @param {Image} image @param {number[]} box top, left, bottom, right */
export function crop({ data, shape: [, width, channels] }, [top, left, bottom, right]) {
  const length = (right - left) * channels;
  const part = new Uint8Array((bottom - top) * length);
  for (let row = top; row < bottom; row++) {
    const start = (row * width + left) * channels;
    part.set(data.subarray(start, start + length), (row - top) * length);
  }
  return { data: part, shape: [bottom - top, right - left, channels] };
}

/** Draw a picture on a canvas, which takes its shape. @param {HTMLCanvasElement} canvas @param {Image} image RGBA */
export async function showPreview(canvas, image) {
  const [height, width] = image.shape;
  const scale = Math.min(1, LARGEST_PREVIEW / Math.max(height, width));
  const [resizeHeight, resizeWidth] = [height, width].map((side) => Math.max(1, Math.round(side * scale)));
  const whole = new ImageData(rgba(image), width, height);
  const bitmap = await createImageBitmap(whole, { resizeHeight, resizeWidth, resizeQuality: "medium" });
  canvas.height = resizeHeight;
  canvas.width = resizeWidth;
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  bitmap.close();
}

/** Return a picture's pixels with four channels. */
function rgba({ data, shape: [height, width, channels] }) {
  if (channels === 4) return new Uint8ClampedArray(data.buffer, data.byteOffset, data.length);
  const pixels = new Uint8ClampedArray(4 * height * width).fill(255);
  for (let pixel = 0; pixel < height * width; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      pixels[4 * pixel + channel] = data[pixel * channels + Math.min(channel, channels - 1)];
    }
  }
  return pixels;
}

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
