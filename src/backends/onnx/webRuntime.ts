/** ONNX Runtime in a page, for {@link OnnxOptions.load}: its WebAssembly, on one thread where the page is not isolated. */
import type { RuntimeLoader } from "./runtime.ts";

/** Loads `onnxruntime-web`; the page's bundler puts its files where the page finds them. */
export const webRuntime: RuntimeLoader = async () => {
  const runtime = await import("onnxruntime-web/wasm");
  if (!globalThis.crossOriginIsolated) runtime.env.wasm.numThreads = 1; // threads share memory, which needs isolation
  return runtime;
};
