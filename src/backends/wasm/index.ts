/** The `wasm` backend: populations in the SIMD lanes of WebAssembly, or few models one by one. */
import { ArgumentError } from "../../base/errors.ts";
import type { Backend } from "../../graph/backend.ts";
import { exactKernels, relaxedKernels } from "./kernels.generated.ts";
import { LANE_LAYOUT, type LayoutName, layoutFor, SINGLE_LAYOUT } from "./layout.ts";
import { openSession } from "./session.ts";

/** Options of {@link wasmBackend}. */
export interface WasmOptions {
  /**
   * Let the machine fuse multiply and add: about a fifth faster, but results then differ between machines and are no
   * longer bitwise equal to the exact mode.
   */
  relaxed?: boolean;
  /** How a population lies in memory: by default what is faster for its size. Either gives the same bits. */
  layout?: LayoutName;
}

const LAYOUTS = { lanes: LANE_LAYOUT, single: SINGLE_LAYOUT };

/** The kernels' bytes for one layout. */
export function kernelBytes(
  layout: LayoutName,
  { relaxed = false }: WasmOptions = {},
): Uint8Array<ArrayBuffer> {
  const text = atob((relaxed ? relaxedKernels : exactKernels)[layout]);
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** The bytes of all kernels that a run may use, for the engine's fingerprint in a manifest. */
export function engineBytes(options: WasmOptions = {}): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([...kernelBytes("lanes", options), ...kernelBytes("single", options)]);
}

const compiled = new Map<boolean, Record<LayoutName, WebAssembly.Module>>();

/**
 * The backend; kernels are compiled once a process.
 *
 * @throws ArgumentError if the machine's WebAssembly lacks the vector instructions they are made of
 */
export function wasmBackend(options: WasmOptions = {}): Backend {
  const relaxed = options.relaxed ?? false;
  let kernels = compiled.get(relaxed);
  if (kernels === undefined) {
    kernels = { lanes: compile("lanes", relaxed), single: compile("single", relaxed) };
    compiled.set(relaxed, kernels);
  }
  const modules = kernels;
  return {
    name: relaxed ? "wasm-relaxed" : "wasm",
    precision: "float32",
    open: (session) => {
      const layout = options.layout === undefined ? layoutFor(session.models) : LAYOUTS[options.layout];
      return openSession(modules[layout.name], layout, session);
    },
  };
}

function compile(layout: LayoutName, relaxed: boolean): WebAssembly.Module {
  try {
    return new WebAssembly.Module(kernelBytes(layout, { relaxed }));
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
