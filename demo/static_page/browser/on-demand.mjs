// Files that only some views need: downloaded when a view asks, verified, and kept for the next time.

import { download, MissingError } from "./download.mjs";
import { text } from "./texts.mjs";

const CACHE = "touchstone-on-demand";
const MEBIBYTE = 2 ** 20;

/** A file could not be loaded. The message is a sentence for the page. */
export class LoadError extends Error {}

/**
 * @typedef {{name: string, sha256: string, size: number}} File a file in the page's manifest
 */

export const mebibytes = (bytes) => (bytes / MEBIBYTE).toFixed(1);

/** Whether a file is already on this device. @param {File} file */
export async function isKept(file) {
  return (await lookUp(file)) !== undefined;
}

/**
 * Return a file, from this device or else from the server.
 *
 * @param {File} file
 * @param {(sentence: string) => void} tell reports the progress of the download
 * @returns {Promise<Uint8Array>}
 * @throws {LoadError}
 */
export async function onDemand(file, tell) {
  const kept = await lookUp(file);
  if (kept) return new Uint8Array(await kept.arrayBuffer());
  // The browser's cache may hold the file of another version of the page.
  for (const cache of ["default", "reload"]) {
    const content = await receive(file, cache, tell);
    if (await isExactly(content, file.sha256)) {
      await keep(file, content);
      return content;
    }
  }
  throw new LoadError(text("static.not-this-version", { file: file.name }));
}

async function receive(file, cache, tell) {
  let arrived = 0;
  const received = (bytes) => {
    arrived += bytes;
    tell(text("static.loading-file", { file: file.name, some: mebibytes(arrived), all: mebibytes(file.size) }));
  };
  try {
    return await download(file.name, received, { cache });
  } catch (error) {
    if (error instanceof MissingError) {
      throw new LoadError(text("static.not-there", { file: file.name, status: error.status }));
    }
    throw new LoadError(text("static.not-fetched", { file: file.name }));
  }
}

async function isExactly(content, sha256) {
  // Missing over plain http, except on localhost.
  if (!globalThis.crypto?.subtle) return true;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("") === sha256;
}

// With the checksum, so that a file is not downloaded again if a newer version of the page has the same.
const addressOf = ({ name, sha256 }) => `${new URL(name, document.baseURI)}?sha256=${sha256}`;

async function lookUp(file) {
  try {
    return await (await caches.open(CACHE)).match(addressOf(file));
  } catch {
    // Browsers may forbid it, for example in a private window, and have none over plain http.
    return undefined;
  }
}

async function keep(file, content) {
  try {
    const cache = await caches.open(CACHE);
    await cache.delete(addressOf(file), { ignoreSearch: true });
    await cache.put(addressOf(file), new Response(content));
  } catch {
    // Then it is downloaded again the next time.
  }
}
