/** The `onnx` backend: graphs written as ONNX models and run by ONNX Runtime, for models with large matrices. */
import { integerIn } from "../../base/check.ts";
import type { Backend } from "../../graph/backend.ts";
import { loadRuntime, nodeRuntime, type RuntimeLoader } from "./runtime.ts";
import { openSession } from "./session.ts";

export { graphToOnnx } from "./graphToOnnx.ts";

/** Options of {@link onnxBackend}. */
export interface OnnxOptions {
  /** Cores that one operator may use; by default all that the runtime finds. */
  threads?: number;
  /** Where ONNX Runtime comes from; by default the package `onnxruntime-node`. */
  load?: RuntimeLoader;
}

/**
 * The backend, once ONNX Runtime is loaded.
 *
 * Results have the same bits whenever the same population runs on the same machine with the same number of threads, and
 * no model's numbers reach another's. Between machines, and between ONNX Runtime and the other backends, they differ by
 * rounding.
 *
 * @throws ArgumentError if ONNX Runtime cannot be loaded, or `threads` is no whole number from 1 on
 */
export async function onnxBackend({ threads, load = nodeRuntime }: OnnxOptions = {}): Promise<Backend> {
  if (threads !== undefined) integerIn("onnx backend, threads", threads, 1);
  const runtime = await loadRuntime(load);
  return {
    ...({ name: "onnx", precision: "float32", wholeBatches: true } as const),
    open: (options) => openSession(runtime, threads, options),
  };
}
