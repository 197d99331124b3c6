/** The `webgpu` backend: populations on a graphics card, in a page and in Node. */
import type { Backend } from "../../graph/backend.ts";
import type { Gpu } from "./device.ts";
import { openSession } from "./session.ts";

/** Options of {@link webgpuBackend}. */
export interface WebgpuOptions {
  /** Bytes that a session takes the card to bind at once, where that is less than it does: what tests do. */
  maxBindingBytes?: number;
}

/**
 * The backend on an open device.
 *
 * The same card gives the same bits twice, and no model's numbers reach another's; between cards, and between a card and
 * the other backends, results differ by rounding.
 */
export function webgpuBackend(gpu: Gpu, { maxBindingBytes }: WebgpuOptions = {}): Backend {
  return {
    ...({ name: "webgpu", precision: "float32" } as const),
    open: (options) => openSession(gpu, options, maxBindingBytes),
  };
}
