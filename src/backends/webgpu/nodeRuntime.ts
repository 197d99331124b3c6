/** WebGPU in Node: Dawn, Chromium's own, from the optional npm package `webgpu`. */
import { ArgumentError } from "../../base/errors.ts";

/** What the backend needs of the package. */
export interface WebgpuPackage {
  create(options: string[]): GPU;
}

/**
 * The package's WebGPU.
 *
 * @param load  brings the package
 * @throws ArgumentError if the package is not installed, or has nothing for this machine
 */
export async function nodeGpu(load: () => Promise<WebgpuPackage> = () => import("webgpu")): Promise<GPU> {
  try {
    return (await load()).create([]);
  } catch (error) {
    const { code, message } = error as Error & { readonly code?: string };
    const isMissing = code === "ERR_MODULE_NOT_FOUND";
    throw new ArgumentError({
      where: "webgpu backend",
      rule: isMissing ? "the npm package webgpu is not installed" : "the npm package webgpu cannot be loaded",
      got: isMissing ? undefined : message.split("\n")[0],
      wayOut: isMissing ? "npm install webgpu, or take --backend wasm." : "Take --backend wasm.",
    });
  }
}
