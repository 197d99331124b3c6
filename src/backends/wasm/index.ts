/** The `wasm` backend: populations in the SIMD lanes of WebAssembly. */
import { ArgumentError } from "../../base/errors.ts";
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

/**
 * The backend; kernels are compiled once a process.
 *
 * @throws ArgumentError if the machine's WebAssembly lacks the vector instructions they are made of
 */
export function wasmBackend(options: WasmOptions = {}): Backend {
  const relaxed = options.relaxed ?? false;
  let module = compiled.get(relaxed);
  if (module === undefined) {
    module = compile(relaxed);
    compiled.set(relaxed, module);
  }
  const kernels = module;
  return {
    name: relaxed ? "wasm-relaxed" : "wasm",
    precision: "float32",
    open: (session) => openSession(kernels, session),
  };
}

function compile(relaxed: boolean): WebAssembly.Module {
  try {
    return new WebAssembly.Module(kernelBytes({ relaxed }));
  } catch (error) {
    throw new ArgumentError({
      where: relaxed ? "wasm backend, relaxed" : "wasm backend",
      rule: `this machine's WebAssembly cannot run the ${relaxed ? "relaxed" : "SIMD"} kernels`,
      got: String(error),
      wayOut: relaxed
        ? "Leave relaxed off, or start Node 20 with --experimental-wasm-relaxed-simd; later versions need no flag."
        : "Use Node 20 or later, or a browser from 2023 on; or take the reference backend, which is slow.",
    });
  }
}
