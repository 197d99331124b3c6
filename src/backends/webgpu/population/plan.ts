/** Which graphs one workgroup can take through all their steps, and the kernel for them. */
import type { Graph } from "../../../graph/graph.ts";
import { lower } from "../lower.ts";
import type { Lowered } from "../step.ts";
import { intervalsOf } from "./intervals.ts";
import { bindings, type Kernel, outputSize, printKernel } from "./kernel.ts";
import { type Layout, layOut } from "./layout.ts";

/** How a population kernel may use the card. */
export interface PopulationOptions {
  /**
   * Bytes of workgroup memory that it takes at most; default 16 KiB, which every device has, and with which several
   * workgroups share a multiprocessor.
   */
  groupBytes?: number;
  /** Invocations of a workgroup at most, a power of two; default 256. */
  invocations?: number;
  /** Runs in one dispatch at most; default 64. */
  runs?: number;
  /** Workgroups that are given to the card at once, each of which takes one model after the other; default 1024. */
  workgroups?: number;
  /**
   * Elements that the steps of one dispatch load and store at most, about: the system ends what takes the card more than
   * some seconds. Default 4e10, a second of a card that trains a hundredth as fast as a large one.
   */
  accesses?: number;
}

/** What is asked of a device. */
export type PopulationLimits = Pick<
  GPUSupportedLimits,
  | "maxComputeInvocationsPerWorkgroup"
  | "maxComputeWorkgroupSizeX"
  | "maxComputeWorkgroupStorageSize"
  | "maxStorageBuffersPerShaderStage"
  | "maxUniformBufferBindingSize"
>;

/** A graph that is trained model by model in one kernel. */
export interface PopulationPlan {
  readonly lowered: Lowered;
  readonly layout: Layout;
  readonly kernel: Kernel;
  /** The constants one after the other, each from a whole vector on, as bits. */
  readonly constants: Uint32Array<ArrayBuffer>;
  /** Elements of all inputs of one model, and of all outputs. */
  readonly inputSize: number;
  readonly outputSize: number;
}

/** Steps above which the kernel takes a compiler too long. */
const MAX_STEPS = 600;
/** Characters of WGSL, likewise. */
const MAX_CODE = 600_000;
/** Elements loaded and stored in one run, above which a single workgroup takes too long: about 0.1 s of a large card. */
const MAX_ACCESSES = 1e9;
const DEFAULT_GROUP_BYTES = 16384;
const DEFAULT_INVOCATIONS = 256;

/**
 * The kernel of a graph, or in words why it is run step by step, each step a kernel of its own. The reason depends on the
 * graph and the card alone, never on the number of models: both ways give the same numbers, but for their last digits.
 *
 * @param limit  bytes that may be bound at once
 */
export function planPopulation(
  graph: Graph,
  limits: PopulationLimits,
  limit: number,
  { groupBytes = DEFAULT_GROUP_BYTES, invocations = DEFAULT_INVOCATIONS }: PopulationOptions = {},
): { plan: PopulationPlan; reason: null } | { plan: null; reason: string } {
  const no = (reason: string) => ({ plan: null, reason });
  if (graph.updates.size === 0) return no("it trains nothing");
  const needed = bindings.length - 2; // two are uniform
  if (limits.maxStorageBuffersPerShaderStage < needed)
    return no(`it binds ${needed} buffers, the card ${limits.maxStorageBuffersPerShaderStage}`);
  const most = Math.min(
    invocations,
    limits.maxComputeInvocationsPerWorkgroup,
    limits.maxComputeWorkgroupSizeX,
  );
  const lowered = lower(graph, { parallel: most });
  const { steps } = lowered;
  if (steps.length > MAX_STEPS) return no(`it has ${steps.length} steps, more than ${MAX_STEPS}`);
  if (steps.some(({ writes }) => writes.some(({ dtype }) => dtype !== "float32")))
    return no("it computes whole numbers");
  const intervals = intervalsOf(steps);
  const layout = layOut(lowered, intervals, Math.min(groupBytes, limits.maxComputeWorkgroupStorageSize));
  if (layout.accesses > MAX_ACCESSES)
    return no(
      `one model's run moves ${layout.accesses.toPrecision(2)} numbers, more than the ${MAX_ACCESSES} that one workgroup should`,
    );
  const inputSize = [...lowered.inputs.values()].reduce((total, { size }) => total + size, 0);
  const { scratch, perModel } = layout;
  const rows = [4 * scratch.fours, scratch.singles, 4 * perModel.fours, perModel.singles, inputSize];
  const largest = Math.max(...rows, outputSize(lowered));
  if (4 * largest > limit)
    return no(`one model needs ${4 * largest} bytes in one buffer, of which the card binds ${limit}`);
  let size = 64;
  while (size * 2 <= most && steps.some(({ items }) => items > size)) size *= 2;
  const { places, bits } = packed(lowered);
  const kernel = printKernel({ lowered, intervals, layout, size, constants: places });
  if (kernel.code.length > MAX_CODE)
    return no(`its kernel has ${kernel.code.length} characters, more than ${MAX_CODE}`);
  if (kernel.program.byteLength > limits.maxUniformBufferBindingSize)
    return no(`its ${steps.length} steps touch more tensors than fit into a uniform buffer`);
  return {
    plan: { lowered, layout, kernel, constants: bits, inputSize, outputSize: outputSize(lowered) },
    reason: null,
  };
}

/**
 * Why a graph is not trained in one kernel on a card, in words that can be said aloud; null where it is.
 *
 * @param limits  the device's
 */
export function reasonAgainst(
  graph: Graph,
  limits: GPUSupportedLimits,
  options: PopulationOptions = {},
): string | null {
  const limit = Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize);
  return planPopulation(graph, limits, limit, options).reason;
}

/** Constants one after the other. */
function packed({ constants }: Lowered) {
  const places = new Map<Lowered["constants"][number], number>();
  let vectors = 0;
  for (const tensor of constants) {
    places.set(tensor, vectors);
    vectors += Math.ceil(tensor.size / 4);
  }
  const bits = new Uint32Array(4 * vectors);
  for (const [tensor, at] of places) {
    const { size, dtype, values = [] } = tensor;
    const kind = dtype === "int32" ? Int32Array : Float32Array;
    const numbers = values.length === 1 ? new kind(size).fill(values[0]) : kind.from(values);
    bits.set(new Uint32Array(numbers.buffer), 4 * at);
  }
  return { places, bits };
}
