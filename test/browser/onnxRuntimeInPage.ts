/**
 * Stands for `onnxruntime-node` in the page of onnx.test.ts: `onnxruntime-web`, its files in a folder of the page's own.
 * It is told to take two threads, and has to see for itself that the page, which is not isolated, can have but one.
 */
import { webRuntime } from "../../src/backends/onnx/webRuntime.ts";

const runtime = await webRuntime(() => import("onnxruntime-web/wasm"), { files: "ort" })(2);

export default { ...(runtime as object), fillsOutputs: false };
