/** The one place that knows every executor by name; each is loaded only when it is asked for. */
import { unknownName } from "../base/errors.ts";
import type { Backend } from "../graph/backend.ts";
import type { Gpu } from "./webgpu/device.ts";

/** Names that `--backend` takes. */
export const backendNames = ["wasm", "onnx", "webgpu", "reference"] as const;
export type BackendName = (typeof backendNames)[number];

/**
 * Width of the residual stream from which `auto` takes `onnx`: from there on both a forward pass and a training step are
 * faster with it, for one model and for eight (`node bench/onnxCrossing.mjs`; the table is in docs/performance.md). A
 * study asks without a width, whatever its arms have, so that its numbers stay those of `wasm`, the same bits on every
 * machine.
 */
const ONNX_FROM_D_MODEL = 128;

/**
 * The backend that a choice comes to: `auto` is the fastest for the model's width.
 *
 * @param dModel  width of the residual stream; `auto` takes a model without one to be small
 */
export function chosenBackend(
  choice: BackendName | "auto",
  { dModel = 0 }: { dModel?: number } = {},
): BackendName {
  if (choice !== "auto") return choice;
  // never a card: its bits are its own, and nobody's numbers change because a machine has one
  return dModel >= ONNX_FROM_D_MODEL ? "onnx" : "wasm";
}

/** Whether a backend computes on the graphics card: a machine has one, and one thread hands it the work of all models. */
export function isOnCard(backend: string): boolean {
  return backend === "webgpu";
}

/** How a backend is to run. */
export interface BackendOptions {
  /** wasm only: let the machine fuse multiply and add, giving up equal bits between machines. */
  relaxed?: boolean;
  /** onnx only: cores that one operator may use; by default all. */
  threads?: number;
}

/** A card that is open, and the backend on it. */
export interface OpenCard {
  readonly gpu: Gpu;
  readonly backend: Backend;
}

/** The card of this process: whoever asks gets the same device, which is open until the process ends. */
let card: Promise<OpenCard> | undefined;

/**
 * Opens the graphics card, or gives the one that is open; one that was lost is opened anew.
 *
 * Only from the main thread: where a thread that uses a card is ended, Dawn ends the process.
 *
 * @throws ArgumentError if there is none, or it cannot be used, with what to do
 */
export function openCard(): Promise<OpenCard> {
  card = openedAgain(card);
  return card;
}

async function openedAgain(before: typeof card): Promise<OpenCard> {
  const held = await before?.catch(() => undefined);
  if (held !== undefined && held.gpu.lost() === null) return held;
  const [{ openGpu }, { nodeGpu }, { webgpuBackend }] = await Promise.all([
    import("./webgpu/device.ts"),
    import("./webgpu/nodeRuntime.ts"),
    import("./webgpu/index.ts"),
  ]);
  const gpu = await openGpu({ load: nodeGpu });
  return { gpu, backend: webgpuBackend(gpu) };
}

/**
 * The backend of a name.
 *
 * @throws NameError with the nearest match
 * @throws ArgumentError if what the backend needs is not installed, with what to do
 */
export async function backendNamed(
  name: string,
  { relaxed = false, threads }: BackendOptions = {},
): Promise<Backend> {
  if (name === "wasm") return (await import("./wasm/index.ts")).wasmBackend({ relaxed });
  if (name === "onnx") return (await import("./onnx/index.ts")).onnxBackend({ threads });
  if (name === "webgpu") return (await openCard()).backend;
  if (name === "reference") return (await import("./reference/referenceBackend.ts")).referenceBackend;
  throw unknownName("backend", name, backendNames);
}
