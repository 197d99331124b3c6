/** ONNX Runtime as far as the backend uses it: what `onnxruntime-node` and `onnxruntime-web` have in common. */
import { ArgumentError } from "../../base/errors.ts";

/** A tensor of the runtime; `data` is what it was made of, without a copy. */
export interface OnnxTensor {
  readonly data: unknown;
}

/** A model that the runtime has loaded. */
export interface OnnxSession {
  /**
   * Outputs by name, in fresh arrays.
   *
   * @param outputs  where {@link OnnxRuntime.fillsOutputs}: every output by name, a tensor to be written into, or null
   */
  run(
    inputs: Readonly<Record<string, OnnxTensor>>,
    outputs?: Readonly<Record<string, OnnxTensor | null>>,
  ): Promise<Readonly<Record<string, OnnxTensor>>>;
  release(): Promise<void>;
}

/** How a model is to be run. */
export interface OnnxSessionOptions {
  intraOpNumThreads?: number;
  logSeverityLevel?: 0 | 1 | 2 | 3 | 4;
}

/** The runtime's module. */
export interface OnnxRuntime {
  /** Whether a run writes into tensors that it is given for outputs, which saves a copy; `onnxruntime-web` leaves them. */
  readonly fillsOutputs?: boolean;
  readonly env: { logLevel?: "verbose" | "info" | "warning" | "error" | "fatal" };
  readonly Tensor: new (
    type: "float32" | "int32",
    data: Float32Array | Int32Array,
    sizes: readonly number[],
  ) => OnnxTensor;
  readonly InferenceSession: {
    create(model: Uint8Array, options: OnnxSessionOptions): Promise<OnnxSession>;
  };
}

/**
 * Brings the runtime's module; where it comes from is the environment's business.
 *
 * @param threads  cores that one operator may use, for a runtime that has to know before its first model
 */
export type RuntimeLoader = (threads?: number) => Promise<unknown>;

/** ONNX Runtime in Node: native code on all cores. The package is optional. */
export const nodeRuntime: RuntimeLoader = async () => {
  return { fillsOutputs: true, ...runtimeIn(await import("onnxruntime-node")) };
};

/**
 * The runtime that a loader brings.
 *
 * @throws ArgumentError if it cannot be loaded, with what to do
 */
export async function loadRuntime(load: RuntimeLoader, threads?: number): Promise<OnnxRuntime> {
  const loaded = await load(threads).catch((error: unknown) => {
    if (error instanceof ArgumentError) throw error; // the loader knows better what to do
    throw new ArgumentError({
      where: "onnx backend",
      rule: "ONNX Runtime cannot be loaded",
      got: String(error).split("\n")[0],
      wayOut: "npm i onnxruntime-node, or take --backend wasm.",
    });
  });
  return runtimeIn(loaded);
}

/** The runtime in what an import brought, told to keep warnings of missing graphics cards and such to itself. */
export function runtimeIn(loaded: unknown): OnnxRuntime {
  const module = loaded as OnnxRuntime & { default?: OnnxRuntime };
  const runtime = module.default ?? module; // a CommonJS module's exports are its default
  runtime.env.logLevel = "error";
  return runtime;
}
