/** WebGPU of a page or a web worker. */
import { ArgumentError } from "../../base/errors.ts";

/**
 * The browser's own WebGPU.
 *
 * @throws ArgumentError if it has none; pages that came over plain HTTP from another machine are given none either
 */
export async function webGpu(): Promise<GPU> {
  const gpu: GPU | undefined = globalThis.navigator?.gpu;
  if (gpu !== undefined) return gpu;
  throw new ArgumentError({
    where: "webgpu backend",
    rule: "this browser gives the page no WebGPU",
    wayOut: "Take a newer browser, and the page from HTTPS or from localhost; or the wasm backend.",
  });
}
