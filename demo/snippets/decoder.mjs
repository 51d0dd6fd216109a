// Decodes picture files in Node and in browsers to the same pixels as the app. PNG and BMP are read here; other
// formats go to sharp or to the browser, without the metadata that these would each treat in a way of their own.

export const LARGEST_PIXELS = 67_000_000;
const LONGEST_SIDE = 65_535;
const MOST_CHUNKS = 100_000;

const REASONS = {
  unknown: "This is no picture that can be read; use PNG, JPEG, WebP, AVIF, BMP or GIF.",
  damaged: "The picture is damaged or cut short; save or download it again.",
  large: "The picture has more than 67 million pixels, or more than 65,535 on a side; make it smaller.",
  metadata: "The picture carries too much beside its pixels; save it again without that.",
  memory: "The picture is too large for this browser's memory; make it smaller and try again.",
  compressed: "The BMP is compressed, which programs read differently; save it as PNG.",
  heic: "HEIC cannot be read here; save the picture as JPEG or PNG.",
  avif: "This AVIF would have other colours here than elsewhere; save it as PNG or JPEG.",
};

/** A picture that is refused. `code` is a key of `REASONS`, the message the sentence. */
export class PictureError extends Error {
  constructor(code) {
    super(REASONS[code]);
    this.name = "PictureError";
    this.code = code;
  }
}

/**
 * Decode a picture file.
 *
 * @typedef {{data: Uint8Array, shape: [number, number, number]}} Image
 *   shape: height, width, channels, which are 1 (grey), 3 (RGB) or 4 (RGBA)
 *
 * @param {Uint8Array} file
 * @param {(file: Uint8Array, format: string) => Promise<Image>} read `throughSharp(sharp)` or `throughCanvas`
 * @returns {Promise<Image>} upright
 * @throws {PictureError}
 */
export async function decode(file, read) {
  const format = formatOf(file);
  if (format === null) throw new PictureError("unknown");
  if (format === "HEIC") throw new PictureError("heic");
  try {
    if (format === "PNG") {
      const { image, exif } = await decodePng(file);
      return turned(brightened(image), orientationOf(exif));
    }
    if (format === "BMP") return brightened(decodeBmp(file));
    const { bare, exif } = BARE[format](file);
    return turned(brightened(await read(bare, format)), orientationOf(exif));
  } catch (error) {
    // Broken bytes end in errors of many kinds.
    throw error instanceof PictureError ? error : new PictureError("damaged");
  }
}

/** Read JPEG, WebP, AVIF and GIF with Node's package sharp. */
export function throughSharp(sharp) {
  return async (file, format) => {
    const picture = sharp(file, { ignoreIcc: true, failOn: "truncated", limitInputPixels: false });
    const { width, height, space } = await picture.metadata();
    refuseSize(width, height);
    const printed = space === "cmyk";
    const raw = (
      printed ? picture.pipelineColourspace(space).toColourspace(space) : picture.toColourspace("srgb")
    ).raw();
    const { data, info } = await raw.toBuffer({ resolveWithObject: true });
    const image = grey({ data, shape: [info.height, info.width, info.channels] });
    if (format === "AVIF" && !withoutColour(image)) throw new PictureError("avif");
    if (format === "GIF") return withTransparentRest(image, file);
    return printed ? withoutBlack(image) : image;
  };
}

/** Read JPEG, WebP, AVIF and GIF with the browser. */
export async function throughCanvas(file, format) {
  // Chromium stretches the range of the opacity.
  if (format === "AVIF" && metaOf(file).includes("auxiliary:alpha")) throw new PictureError("avif");
  const options = { colorSpaceConversion: "none", premultiplyAlpha: "none" };
  const bitmap = await createImageBitmap(new Blob([file]), options);
  try {
    refuseSize(bitmap.width, bitmap.height);
    return { data: pixelsOf(bitmap), shape: [bitmap.height, bitmap.width, 4] };
  } finally {
    bitmap.close();
  }
}

// Phones refuse a canvas above 16.7 million pixels, so pixels are read through a smaller one, tile by tile.
const TILE = 2048;

function pixelsOf(bitmap) {
  const { width, height } = bitmap;
  const canvas = document.createElement("canvas");
  canvas.width = Math.min(width, TILE);
  canvas.height = Math.min(height, TILE);
  // Outside the graphics card, which may round, and with enough bits to divide by the opacity again.
  const context = canvas.getContext("2d", { willReadFrequently: true, colorType: "float16" });
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
    throw new PictureError("memory");
  }
}

// Containers

const text = (bytes) => Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
const viewOf = (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** The format that the first bytes claim, or null. */
function formatOf(file) {
  const start = text(file.subarray(0, 256));
  if (start.startsWith("\x89PNG\r\n\x1a\n")) return "PNG";
  if (start.startsWith("ÿØÿ")) return "JPEG";
  if (/^GIF8[79]a/.test(start)) return "GIF";
  if (start.startsWith("BM")) return "BMP";
  if (/^RIFF[^]{4}WEBP/.test(start)) return "WebP";
  if (start.slice(4, 8) !== "ftyp") return null;
  const brands = start.slice(8, viewOf(file).getUint32(0));
  if (/avi[fs]/.test(brands)) return "AVIF";
  return /he[iv][cxms]/.test(brands) ? "HEIC" : null;
}

/** By format: the file without metadata, and its EXIF block, if that says how to turn the picture. */
const BARE = {
  JPEG(file) {
    const view = viewOf(file);
    const parts = [file.subarray(0, 2)];
    let exif = null;
    let at = 2;
    // Up to the first scan.
    while (view.getUint8(at) === 0xff && view.getUint8(at + 1) !== 0xda) {
      const marker = view.getUint8(at + 1);
      if (marker === 0xff) {
        at++;
        continue;
      }
      const alone = marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8);
      const segment = file.subarray(at, at + 2 + (alone ? 0 : view.getUint16(at + 2)));
      if (marker === 0xe1 && text(segment.subarray(4, 10)) === "Exif\0\0") exif ??= segment.subarray(10);
      // Of the applications' segments, JFIF's and Adobe's say which colours the numbers are.
      if (marker < 0xe1 || marker === 0xee || (marker > 0xef && marker !== 0xfe)) parts.push(segment);
      at += segment.length;
    }
    return { bare: joined([...parts, file.subarray(at)]), exif };
  },

  WebP(file) {
    const bare = file.slice();
    if (text(file.subarray(12, 16)) !== "VP8X") return { bare, exif: null };
    const view = viewOf(file);
    const flags = file[20];
    const parts = [];
    let exif = null;
    for (let at = 12; at + 8 <= file.length;) {
      const name = text(file.subarray(at, at + 4));
      const size = view.getUint32(at + 4, true);
      const chunk = bare.subarray(at, at + 8 + size + (size % 2));
      if (name === "EXIF" && flags & 0x08) exif ??= chunk.subarray(8, 8 + size);
      else if (!["EXIF", "XMP ", "ICCP"].includes(name)) parts.push(chunk);
      at += chunk.length;
    }
    // No metadata; and in an animation, what the first frame leaves free is transparent.
    bare[20] = (flags & 0x12) | (flags & 0x02 ? 0x10 : 0);
    const body = joined([bare.subarray(0, 12), ...parts]);
    viewOf(body).setUint32(4, body.length - 8, true);
    return { bare: body, exif };
  },

  AVIF(file) {
    // Bit depths above 8 are rounded differently.
    if (/av1C[^]{2}[@-\x7f\xc0-\xff]/.test(metaOf(file))) throw new PictureError("avif");
    // A sequence's still image, not its first frame. All decoders apply the container's own orientation.
    const bare = file.slice();
    if (text(file.subarray(8, 12)) === "avis") bare[11] = "f".charCodeAt(0);
    return { bare, exif: null };
  },

  GIF: (file) => ({ bare: file, exif: null }),
};

/** The box of an AVIF that describes its images, as text. */
function metaOf(file) {
  const view = viewOf(file);
  for (let at = 0; at + 8 <= file.length;) {
    const size = view.getUint32(at);
    if (text(file.subarray(at + 4, at + 8)) === "meta") return text(file.subarray(at, at + (size || file.length)));
    at += size === 1 ? Number(view.getBigUint64(at + 8)) : size || file.length;
  }
  return "";
}

/** Orientation 1 to 8 of an EXIF block; 1 where it is missing or damaged. */
function orientationOf(exif) {
  if (exif === null) return 1;
  const block = text(exif.subarray(0, 6)) === "Exif\0\0" ? exif.subarray(6) : exif;
  const order = text(block.subarray(0, 2));
  if (!["II", "MM"].includes(order)) return 1;
  const little = order === "II";
  const view = viewOf(block);
  try {
    const start = view.getUint32(4, little);
    const count = view.getUint16(start, little);
    for (let at = start + 2; at < start + 2 + 12 * count; at += 12) {
      if (view.getUint16(at, little) !== 0x0112) continue;
      const read = { 3: "getUint16", 4: "getUint32" }[view.getUint16(at + 2, little)];
      const value = read && view.getUint32(at + 4, little) === 1 ? view[read](at + 8, little) : 1;
      return value >= 1 && value <= 8 ? value : 1;
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return 1;
}

/** A new array, if there is memory for it. */
function room(length, Kind = Uint8Array) {
  try {
    return new Kind(length);
  } catch {
    throw new PictureError("memory");
  }
}

function joined(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function refuseSize(width, height) {
  if (width * height > LARGEST_PIXELS || Math.max(width, height) > LONGEST_SIDE) throw new PictureError("large");
}

// PNG

const PNG_CHANNELS = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
const PNG_DEPTHS = { 0: [1, 2, 4, 8, 16], 2: [8, 16], 3: [1, 2, 4, 8], 4: [8, 16], 6: [8, 16] };
/** Left, top, and steps across and down of each pass. */
const ADAM7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
];
const WHOLE = [[0, 0, 1, 1]];

const CHECKSUMS = Uint32Array.from({ length: 256 }, (_, value) => {
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

function checksum(bytes) {
  let value = -1;
  for (let index = 0; index < bytes.length; index++) value = CHECKSUMS[(value ^ bytes[index]) & 255] ^ (value >>> 8);
  return ~value >>> 0;
}

/** A PNG's chunks on which pixels depend, and its EXIF block. Others are not there, above all broken ones. */
function pngChunks(file) {
  const view = viewOf(file);
  const chunks = { parts: [] };
  let at = 8;
  for (let number = 0; number < MOST_CHUNKS; number++) {
    const length = view.getUint32(at);
    const name = text(file.subarray(at + 4, at + 8));
    const body = file.subarray(at + 8, at + 8 + length);
    const whole = view.getUint32(at + 8 + length) === checksum(file.subarray(at + 4, at + 8 + length));
    const critical = !(file[at + 4] & 0x20);
    const known = whole && ["IHDR", "PLTE", "IDAT", "IEND"].includes(name);
    if ((critical && !known) || (number === 0) !== (name === "IHDR")) throw new PictureError("damaged");
    if (name === "IEND") return chunks;
    if (name === "IDAT") chunks.parts.push(body);
    else if (whole && (name === "eXIf" || !chunks.parts.length)) chunks[name] ??= body;
    at += 12 + length;
  }
  throw new PictureError("metadata");
}

async function decodePng(file) {
  const { IHDR, PLTE, tRNS, eXIf, parts } = pngChunks(file);
  const header = viewOf(IHDR);
  const [width, height, depth, colour] = [header.getUint32(0), header.getUint32(4), IHDR[8], IHDR[9]];
  refuseSize(width, height);
  if (!width || !height || !PNG_DEPTHS[colour]?.includes(depth)) throw new PictureError("damaged");
  const channels = PNG_CHANNELS[colour];
  const bits = depth * channels;
  const passes = (IHDR[12] ? ADAM7 : WHOLE)
    .map(([left, top, across, down]) => {
      const columns = Math.ceil((width - left) / across);
      return {
        left,
        top,
        across,
        down,
        columns,
        rows: Math.ceil((height - top) / down),
        line: Math.ceil((columns * bits) / 8),
      };
    })
    .filter(({ columns, rows }) => columns > 0 && rows > 0);
  const packed = await inflated(
    parts,
    passes.reduce((sum, { rows, line }) => sum + rows * (line + 1), 0),
  );
  const samples = room(width * height * channels, depth === 16 ? Uint16Array : Uint8Array);
  let at = 0;
  for (const pass of passes) {
    const { left, top, across, down, columns, rows, line } = pass;
    unfilter(packed, at, rows, line, Math.max(1, bits >> 3));
    for (let row = 0; row < rows; row++, at += line) {
      at++;
      let to = ((top + row * down) * width + left) * channels;
      if (depth === 8 && across === 1) {
        samples.set(packed.subarray(at, at + line), to);
        continue;
      }
      for (let column = 0; column < columns; column++, to += (across - 1) * channels) {
        for (let index = column * channels; index < (column + 1) * channels; index++) {
          if (depth === 16) samples[to++] = (packed[at + 2 * index] << 8) | packed[at + 2 * index + 1];
          else samples[to++] = sampleAt(packed, at, index, depth);
        }
      }
    }
  }
  const shape = [height, width];
  const image = colour === 3 ? coloured(samples, shape, PLTE, tRNS) : scaled(samples, shape, depth, colour, tRNS);
  return { image, exif: eXIf ?? null };
}

/** Unpack exactly `size` bytes. What may follow is no part of the picture. */
async function inflated(parts, size) {
  const whole = room(size);
  const reader = new Blob(parts).stream().pipeThrough(new DecompressionStream("deflate")).getReader();
  for (let at = 0; at < size;) {
    const { done, value } = await reader.read();
    if (done) throw new PictureError("damaged");
    whole.set(value.subarray(0, size - at), at);
    at += value.length;
  }
  reader.cancel().catch(() => {});
  return whole;
}

/** Undo the filters of rows in place. Each row follows the number of its filter; `step` bytes lie between neighbours. */
function unfilter(packed, at, rows, line, step) {
  for (let row = 0; row < rows; row++, at += line + 1) {
    const filter = packed[at];
    const above = at - line - 1;
    if (filter > 4) throw new PictureError("damaged");
    for (let index = 1; filter && index <= line; index++) {
      const left = index > step ? packed[at + index - step] : 0;
      const up = row ? packed[above + index] : 0;
      let guess = filter === 1 ? left : filter === 2 ? up : (left + up) >> 1;
      if (filter === 4) {
        const corner = row && index > step ? packed[above + index - step] : 0;
        const [toLeft, toUp, toCorner] = [
          Math.abs(up - corner),
          Math.abs(left - corner),
          Math.abs(left + up - 2 * corner),
        ];
        guess = toLeft <= toUp && toLeft <= toCorner ? left : toUp <= toCorner ? up : corner;
      }
      packed[at + index] += guess;
    }
  }
}

/** The sample of 1 to 8 bits at a place in a row that begins at `at`. */
function sampleAt(bytes, at, place, depth) {
  return (bytes[at + ((place * depth) >> 3)] >> (8 - depth - ((place * depth) & 7))) & (2 ** depth - 1);
}

/** The image of a palette's indices; one that it lacks is black. */
function coloured(indices, shape, palette, opacity) {
  const channels = opacity ? 4 : 3;
  const data = room(indices.length * channels);
  indices.forEach((index, pixel) => {
    for (let channel = 0; channel < 3; channel++) data[pixel * channels + channel] = palette[3 * index + channel] ?? 0;
    if (opacity) data[pixel * channels + 3] = opacity[index] ?? 255;
  });
  return { data, shape: [...shape, channels] };
}

/** The image of samples of any depth. transparent: the chunk that names the one transparent colour. */
function scaled(samples, shape, depth, colour, transparent) {
  const [given, opaque] = [PNG_CHANNELS[colour], colour === 0 || colour === 2];
  const colours = colour & 2 ? 3 : 1;
  const none =
    opaque && transparent
      ? Array.from({ length: colours }, (_, channel) => viewOf(transparent).getUint16(2 * channel))
      : null;
  const channels = none || !opaque ? 4 : colours;
  if (depth === 8 && channels === given) return { data: samples, shape: [...shape, channels] };
  // Of 16 bits the upper 8, or those that the brightest sample uses.
  let brightest = 0;
  if (depth === 16 && opaque && !none) for (const sample of samples) brightest |= sample;
  const unused = Math.clz32(brightest) - 16;
  const shift = unused < 16 && unused >= LEAST_BITS ? unused : 0;
  const level =
    depth === 16 ? (sample) => ((sample << shift) >> 8) & 255 : (sample) => (sample * 255) / (2 ** depth - 1);
  const data = room((samples.length / given) * channels);
  for (let from = 0, to = 0; from < samples.length; from += given, to += channels) {
    for (let channel = 0; channel < Math.min(channels, 3); channel++) {
      data[to + channel] = level(samples[from + (channel % colours)]);
    }
    if (none) data[to + 3] = none.every((value, channel) => value === samples[from + channel]) ? 0 : 255;
    else if (!opaque) data[to + 3] = level(samples[from + given - 1]);
  }
  return { data, shape: [...shape, channels] };
}

// BMP

/** By bits a pixel: masks of red, green, blue and alpha, in the layouts that the app reads. */
const BMP_MASKS = {
  16: ["f800 7e0 1f", "7c00 3e0 1f"],
  24: ["ff0000 ff00 ff"],
  32: [
    "ff0000 ff00 ff 0",
    "ff000000 ff0000 ff00 0",
    "ff000000 ff00 ff 0",
    "ff000000 ff0000 ff00 ff",
    "ff ff00 ff0000 ff000000",
    "ff0000 ff00 ff ff000000",
    "ff000000 ff00 ff ff0000",
    "0 0 0 0",
  ],
};

function decodeBmp(file) {
  const view = viewOf(file);
  const header = view.getUint32(14, true);
  const old = header === 12;
  if (![12, 40, 52, 56, 64, 108, 124].includes(header)) throw new PictureError("damaged");
  const width = old ? view.getUint16(18, true) : view.getUint32(18, true);
  const down = old ? view.getUint16(20, true) : view.getInt32(22, true);
  const height = Math.abs(down);
  const bits = view.getUint16(old ? 24 : 28, true);
  const compression = old ? 0 : view.getUint32(30, true);
  if (![0, 3].includes(compression)) throw new PictureError("compressed");
  refuseSize(width, height);
  const depths = compression === 3 ? [16, 24, 32] : [1, 4, 8, 16, 24, 32];
  if (!width || !height || !depths.includes(bits)) throw new PictureError("damaged");
  const start = view.getUint32(10, true);
  const line = ((width * bits + 31) >> 5) << 2;
  if (start + line * height > file.length) throw new PictureError("damaged");
  const rows = Array.from({ length: height }, (_, row) => start + line * (down < 0 ? row : height - 1 - row));
  if (bits <= 8) {
    const count = (old ? 0 : view.getUint32(46, true)) || 2 ** bits;
    if (count > 65536) throw new PictureError("damaged");
    const [palette, entry] = [14 + header, old ? 3 : 4];
    const colour = (_, at) => file[palette + entry * Math.floor(at / 3) + 2 - (at % 3)];
    const indices = new Uint8Array(width * height);
    let to = 0;
    for (const row of rows)
      for (let column = 0; column < width; column++) indices[to++] = sampleAt(file, row, column, bits);
    return coloured(indices, [height, width], Uint8Array.from({ length: 3 * Math.min(count, 256) }, colour));
  }
  const bytes = bits >> 3;
  const bands = bmpBands(view, header, bits, compression === 3);
  const data = room(width * height * bands.length);
  let to = 0;
  let seen = bands.length < 4;
  for (const row of rows) {
    for (let at = row; at < row + width * bytes; at += bytes) {
      let pixel = 0;
      for (let byte = at + bytes - 1; byte >= at; byte--) pixel = (pixel << 8) | file[byte];
      for (const { shift, most } of bands) data[to++] = (((pixel >>> shift) & most) * 255) / most;
      seen ||= data[to - 1] !== 0;
    }
  }
  // Programs without transparency leave these bytes 0 and mean an opaque picture.
  if (!seen) for (let at = 3; at < data.length; at += 4) data[at] = 255;
  return { data, shape: [height, width, bands.length] };
}

/** Shift and largest value of red, green, blue and perhaps alpha in the pixels of a BMP. */
function bmpBands(view, header, bits, masked) {
  let masks = bits === 16 ? [0x7c00, 0x3e0, 0x1f] : [0xff0000, 0xff00, 0xff];
  if (masked) {
    const count = bits === 32 && header > 52 ? 4 : 3;
    const given = Array.from({ length: count }, (_, index) => view.getUint32(54 + 4 * index, true));
    const layout = given.map((mask) => mask.toString(16)).join(" ") + (bits === 32 && count === 3 ? " 0" : "");
    if (!BMP_MASKS[bits].includes(layout)) throw new PictureError("damaged");
    masks = given.some(Boolean) ? given.filter(Boolean) : [...masks, 0xff000000];
  }
  return masks.map((mask) => {
    const shift = 31 - Math.clz32(mask & -mask);
    return { shift, most: mask >>> shift };
  });
}

// Pixels

/** A picture is made brighter if no sample uses any of so many upper bits: if all are below 32 of 255. */
const LEAST_BITS = 3;

/** Shift the samples of an opaque picture that uses none of the upper bits, so that it uses all. */
function brightened(image) {
  const { data, shape } = image;
  const channels = shape[2];
  let brightest = 0;
  for (let at = 0; at < data.length; at++) {
    if (channels < 4 || at % 4 < 3) brightest |= data[at];
    else if (data[at] < 255) return image;
  }
  const unused = Math.clz32(brightest) - 24;
  if (unused < LEAST_BITS || unused === 8) return image;
  return { data: data.map((value, at) => (channels < 4 || at % 4 < 3 ? value << unused : value)), shape };
}

/** Turn an image as an EXIF orientation asks. */
function turned(image, orientation) {
  if (orientation === 1) return image;
  const [height, width, channels] = image.shape;
  const lying = orientation > 4;
  const [mirrored, upturned] = [[2, 3, 7, 8].includes(orientation), [3, 4, 6, 7].includes(orientation)];
  const [rows, columns] = lying ? [width, height] : [height, width];
  const data = room(image.data.length);
  let to = 0;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const x = lying ? row : column;
      const y = lying ? column : row;
      let from = ((upturned ? height - 1 - y : y) * width + (mirrored ? width - 1 - x : x)) * channels;
      for (let channel = 0; channel < channels; channel++) data[to++] = image.data[from++];
    }
  }
  return { data, shape: [rows, columns, channels] };
}

/** Turn grey with alpha, which the model does not take, into RGBA. */
function grey({ data, shape: [height, width, channels] }) {
  if (channels !== 2) return { data, shape: [height, width, channels] };
  return {
    data: Uint8Array.from({ length: 2 * data.length }, (_, at) => data[2 * (at >> 2) + (at % 4 === 3)]),
    shape: [height, width, 4],
  };
}

function withoutColour({ data, shape: [, , channels] }) {
  for (let at = 0; channels > 2 && at < data.length; at += channels) {
    if (data[at] !== data[at + 1] || data[at] !== data[at + 2]) return false;
  }
  return true;
}

/** Convert CMYK to RGB by products rounded down, as browsers do. */
function withoutBlack({ data, shape: [height, width] }) {
  const colours = new Uint8Array(height * width * 3);
  for (let from = 0, to = 0; from < data.length; from += 4) {
    for (let channel = 0; channel < 3; channel++)
      colours[to++] = ((255 - data[from + channel]) * (255 - data[from + 3])) / 255;
  }
  return { data: colours, shape: [height, width, 3] };
}

/** Make a GIF transparent where its first frame leaves it free, as browsers do. */
function withTransparentRest(image, file) {
  const [height, width, channels] = image.shape;
  const view = viewOf(file);
  let at = 13 + (file[10] & 0x80 ? 3 << ((file[10] & 7) + 1) : 0);
  while (view.getUint8(at) === 0x21) for (at += 2; view.getUint8(at++); at += view.getUint8(at - 1));
  const [left, top, wide, high] = [1, 3, 5, 7].map((offset) => view.getUint16(at + offset, true));
  if (left === 0 && top === 0 && wide >= width && high >= height) return image;
  const data = new Uint8Array(height * width * 4);
  for (let row = top; row < Math.min(top + high, height); row++) {
    for (let column = left; column < Math.min(left + wide, width); column++) {
      const pixel = row * width + column;
      for (let channel = 0; channel < 4; channel++)
        data[4 * pixel + channel] = channel < channels ? image.data[pixel * channels + channel] : 255;
    }
  }
  return { data, shape: [height, width, 4] };
}
