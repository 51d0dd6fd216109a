// A file's bytes, with word of how many have come.

/**
 * @param {string | URL} address
 * @param {(bytes: number) => void} received called with the size of each part that arrives
 * @param {RequestInit} options
 * @returns {Promise<Uint8Array>}
 * @throws {MissingError} the server answered, but not with the file
 */
export async function download(address, received, options = {}) {
  const response = await fetch(address, options);
  if (!response.ok) throw new MissingError(address, response.status);
  const counter = new TransformStream({
    transform(part, stream) {
      received(part.byteLength);
      stream.enqueue(part);
    },
  });
  return new Uint8Array(await new Response(response.body.pipeThrough(counter)).arrayBuffer());
}

/** The server has no such file to give. */
export class MissingError extends Error {
  constructor(address, status) {
    super(`${address} is not there (${status})`);
    this.status = status;
  }
}
