/** The executors of the page. */
import { wasmBackend } from "../../../src/backends/wasm/index.ts";
import { openGpu } from "../../../src/backends/webgpu/device.ts";
import { webgpuBackend } from "../../../src/backends/webgpu/index.ts";
import type { Backend } from "../../../src/graph/backend.ts";
import type { Computer } from "../lab/computer.ts";

/**
 * The executor, and the card that it computes on; null where the processor does.
 *
 * @throws ArgumentError in a sentence where there is no card, or it cannot be used
 */
export async function executor(computer: Computer): Promise<{ backend: Backend; adapter: string | null }> {
  if (computer === "wasm") return { backend: wasmBackend(), adapter: null };
  const gpu = await openGpu();
  return { backend: webgpuBackend(gpu), adapter: gpu.describe };
}
