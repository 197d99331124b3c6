/** What the page of onnx.test.ts can be asked to do. Bundled with the tests that it runs. */
import { onnxBackend } from "../../src/backends/onnx/index.ts";
import { type WebRuntimeOptions, webRuntime } from "../../src/backends/onnx/webRuntime.ts";
import { attention } from "./attention.ts";
import { type Outcome, runCollected } from "./vitestInPage.ts";

/** Files of test/backends as they are: each registers its tests when it is imported. */
const files = {
  "onnx.test.ts": () => import("../backends/onnx.test.ts"),
  "onnxModels.test.ts": () => import("../backends/onnxModels.test.ts"),
};

const deeds = {
  /** Runs the tests of a file. */
  async tests(file: keyof typeof files): Promise<Outcome[]> {
    await files[file]();
    return runCollected();
  },

  /** The attention pattern by a backend of its own; a page has one ONNX Runtime, so this is for a page that ran no tests. */
  async attention({ threads, ...options }: WebRuntimeOptions & { threads?: number }): Promise<number[]> {
    const load = webRuntime(() => import("onnxruntime-web/wasm"), options);
    return [...(await attention(await onnxBackend({ threads, load })))];
  },
};

declare global {
  var onnxInPage: typeof deeds;
}
globalThis.onnxInPage = deeds;
