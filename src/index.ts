/**
 * Palimpsest: grow populations of small transformers, look inside them through training, and measure what persists.
 *
 * The parts by what they are for: `graph` and `model` describe networks, `train` grows them, `data` has the tasks and
 * probes, `backends` execute. Statistics are in `palimpsest/stats`, tuning and persistence in `palimpsest/features`.
 *
 * @module palimpsest
 */
export {
  graphToOnnx,
  type OnnxOptions,
  onnxBackend,
  type RuntimeLoader,
  type WebRuntimeOptions,
  webRuntime,
} from "./backends/onnx/index.ts";
export { referenceBackend } from "./backends/reference/referenceBackend.ts";
export { type WasmOptions, wasmBackend } from "./backends/wasm/index.ts";
export { DeviceError, type Gpu, type GpuLoader, type GpuOptions, openGpu } from "./backends/webgpu/device.ts";
export { type WebgpuOptions, webgpuBackend } from "./backends/webgpu/index.ts";
export { nodeGpu, type WebgpuPackage } from "./backends/webgpu/nodeRuntime.ts";
export { webGpu } from "./backends/webgpu/webRuntime.ts";
export * from "./base/errors.ts";
export { type RandomStream, randomStream, type StreamKey, threefry2x32 } from "./base/random.ts";
export * from "./data/index.ts";
export type { Backend, Program, Session, SessionOptions } from "./graph/backend.ts";
export * as ops from "./graph/build.ts";
export { gradient } from "./graph/gradient.ts";
export { type Graph, makeGraph } from "./graph/graph.ts";
export type { Node, Shape } from "./graph/node.ts";
export * from "./model/index.ts";
export * from "./pretrained/index.ts";
export * from "./train/index.ts";
