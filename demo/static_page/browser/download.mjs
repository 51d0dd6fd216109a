// A file's bytes, with word of how many have come.

/**
 * @param {string | URL} address
 * @param {(bytes: number) => void} received called with the size of each part that arrives
 * @param {RequestInit} options
 * @returns {Promise<Uint8Array>}
 * @throws {MissingError} the server answered, but not with the file
 */
export async function download(address, received, options = {}) {
  const parts = await stream(address, received, options);
  return new Uint8Array(await new Response(parts).arrayBuffer());
}

/**
 * The same bytes, to be worked on while they come.
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

/** The server has no such file to give. */
export class MissingError extends Error {
  constructor(address, status) {
    super(`${address} is not there (${status})`);
    this.status = status;
  }
}
