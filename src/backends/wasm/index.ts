/** The `wasm` backend: populations in the SIMD lanes of WebAssembly. */
import type { Backend } from "../../graph/backend.ts";
import { exactKernels, relaxedKernels } from "./kernels.generated.ts";
import { openSession } from "./session.ts";

/** Options of {@link wasmBackend}. */
export interface WasmOptions {
  /**
   * Let the machine fuse multiply and add: about a fifth faster, but results then differ between machines and are no
   * longer bitwise equal to the exact mode.
   */
  relaxed?: boolean;
}

/** The kernels' bytes, for the engine's fingerprint in a manifest. */
export function kernelBytes({ relaxed = false }: WasmOptions = {}): Uint8Array<ArrayBuffer> {
  const text = atob(relaxed ? relaxedKernels : exactKernels);
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

const compiled = new Map<boolean, WebAssembly.Module>();

/** The backend; kernels are compiled once a process. */
export function wasmBackend(options: WasmOptions = {}): Backend {
  const relaxed = options.relaxed ?? false;
  let module = compiled.get(relaxed);
  if (module === undefined) {
    module = new WebAssembly.Module(kernelBytes(options));
    compiled.set(relaxed, module);
  }
  const kernels = module;
  return {
    name: relaxed ? "wasm-relaxed" : "wasm",
    precision: "float32",
    open: (session) => openSession(kernels, session),
  };
}
