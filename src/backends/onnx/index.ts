/** The `onnx` backend: graphs written as ONNX models and run by ONNX Runtime, for models with large matrices. */
import { integerIn } from "../../base/check.ts";
import type { Backend } from "../../graph/backend.ts";
import { loadRuntime, nodeRuntime, type RuntimeLoader } from "./runtime.ts";
import { openSession } from "./session.ts";

export { graphToOnnx } from "./graphToOnnx.ts";
export type { RuntimeLoader } from "./runtime.ts";
export { type WebRuntimeOptions, webRuntime } from "./webRuntime.ts";

/** Options of {@link onnxBackend}. */
export interface OnnxOptions {
  /** Cores that one operator may use; by default as many as the runtime chooses, in a page as {@link webRuntime} says. */
  threads?: number;
  /** Where ONNX Runtime comes from; by default the package `onnxruntime-node`; a page gives {@link webRuntime}. */
  load?: RuntimeLoader;
}

/**
 * The backend, once ONNX Runtime is loaded.
 *
 * Results have the same bits whenever the same graph runs for the same population on the same machine with the same number
 * of threads, and no model's numbers reach another's. Between machines, between ONNX Runtime and the other backends, and
 * between a pass whose attention scores or patterns are read and one where they are not (rewrites.ts), they differ by
 * rounding.
 *
 * @throws ArgumentError if ONNX Runtime cannot be loaded, or `threads` is no whole number from 1 on
 */
export async function onnxBackend({ threads, load = nodeRuntime }: OnnxOptions = {}): Promise<Backend> {
  if (threads !== undefined) integerIn("onnx backend, threads", threads, 1);
  const runtime = await loadRuntime(load, threads);
  return {
    ...({ name: "onnx", precision: "float32", wholeBatches: true } as const),
    open: (options) => openSession(runtime, threads, options),
  };
}
