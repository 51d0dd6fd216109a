// Downloads that report their progress.

/**
 * Download a file.
 *
 * @param {string | URL} address
 * @param {(bytes: number) => void} received called with the size of each part that arrives
 * @param {RequestInit} options
 * @returns {Promise<Uint8Array>}
 * @throws {MissingError} the server does not have the file
 */
export async function download(address, received, options = {}) {
  const parts = await stream(address, received, options);
  return new Uint8Array(await new Response(parts).arrayBuffer());
}

/**
 * Download a file as a stream, to be processed while it arrives.
 *
 * @param {string | URL} address
 * @param {(bytes: number) => void} received
 * @param {RequestInit} options
 * @returns {Promise<ReadableStream<Uint8Array>>}
 * @throws {MissingError}
 */
export async function stream(address, received, options = {}) {
  const response = await fetch(address, options);
  if (!response.ok) throw new MissingError(address, response.status);
  const counter = new TransformStream({
    transform(part, stream) {
      received(part.byteLength);
      stream.enqueue(part);
    },
  });
  return response.body.pipeThrough(counter);
}

/** The server answered with an error instead of the file. */
export class MissingError extends Error {
  constructor(address, status) {
    super(`${address} is not there (${status})`);
    this.status = status;
  }
}
