// Loads onnxruntime's WebAssembly, compiling it while it downloads.

import { stream } from "./download.mjs";
import start from "./ort-wasm-simd-threaded.mjs";

const RUNTIME = "ort-wasm-simd-threaded.wasm.gzip";
let compiled;

/** Download and compile it. @param {(bytes: number) => void} received called with the size of each part */
export async function compileRuntime(received) {
  const compressed = await stream(RUNTIME, received);
  // Compressed when the page was assembled, because not every static host compresses WebAssembly.
  const parts = compressed.pipeThrough(new DecompressionStream("gzip"));
  const answer = new Response(parts, { headers: { "Content-Type": "application/wasm" } });
  compiled = await WebAssembly.compileStreaming(answer);
}

/** Replaces onnxruntime's own module, which would download the WebAssembly uncompressed. */
export default function startRuntime(configuration) {
  return new Promise((resolve, reject) => {
    start({
      ...configuration,
      instantiateWasm(imports, receive) {
        // The promise of `start` never settles if this one fails.
        WebAssembly.instantiate(compiled, imports).then((instance) => receive(instance, compiled), reject);
      },
    }).then(resolve, reject);
  });
}
