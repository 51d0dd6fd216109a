// onnxruntime's WebAssembly, compiled while it comes.

import { stream } from "./download.mjs";
import start from "./ort-wasm-simd-threaded.mjs";

const RUNTIME = "ort-wasm-simd-threaded.wasm.gzip";
let compiled;

/**
 * Download and compile it. @param {(bytes: number) => void} received called with the size of each part that arrives
 */
export async function compileRuntime(received) {
  const compressed = await stream(RUNTIME, received);
  // Compressed by us rather than by the server: not every static host compresses WebAssembly.
  const parts = compressed.pipeThrough(new DecompressionStream("gzip"));
  const answer = new Response(parts, { headers: { "Content-Type": "application/wasm" } });
  compiled = await WebAssembly.compileStreaming(answer);
}

/** What onnxruntime starts in place of its own file, which would fetch the WebAssembly uncompressed. */
export default function startRuntime(configuration) {
  return new Promise((resolve, reject) => {
    start({
      ...configuration,
      instantiateWasm(imports, receive) {
        // Its own promise never settles where this one fails.
        WebAssembly.instantiate(compiled, imports).then((instance) => receive(instance, compiled), reject);
      },
    }).then(resolve, reject);
  });
}
