/** A graph compiled for a session on the card: a dispatch a step, all of a run in one submission. */
import { ArgumentError } from "../../base/errors.ts";
import type { RunInputs, TensorData } from "../../graph/backend.ts";
import type { Graph } from "../../graph/graph.ts";
import { checkedInput, checkIndices, indexLimits } from "../checks.ts";
import { lower } from "./lower.ts";
import { planSlots, USAGE } from "./memory.ts";
import { pipelineOf } from "./pipelines.ts";
import { type Held, type Place, type Span, spansOf } from "./place.ts";
import { GRID_ROW, runVectors, shaderOf, WORKGROUP } from "./shader.ts";
import type { Tensor } from "./step.ts";

/** A run whose inputs are checked. */
export interface Begun {
  /** Waits for the kernels; the first time only. */
  readonly prepared: Promise<void> | undefined;
  /** Hands the run to the card; what it returns waits for the outputs. */
  submit(): () => Promise<Record<string, TensorData>>;
}

/** Checks what a run is given. */
export type Begin = (inputs: RunInputs) => Begun;

/** Steps and their buffers, once the kernels are there. */
interface Ready {
  readonly pipelines: readonly GPUComputePipeline[];
  readonly inputs: readonly GPUBuffer[];
  readonly spans: readonly { readonly numbers: GPUBuffer; readonly groups: readonly GPUBindGroup[] }[];
  readonly scratch: readonly GPUBuffer[];
}

/** Invocations are counted in 32 bits. */
const MAX_INVOCATIONS = 2 ** 31;

/**
 * @throws ArgumentError if one model needs a tensor that the card cannot bind
 */
export function compileProgram(graph: Graph, place: Place): Begin {
  const { gpu, memory, models, limit, perBuffer, held } = place;
  const { device } = gpu;
  // a step that writes elsewhere than it reads may touch two more
  const maxTensors = Math.min(8, gpu.limits.maxStorageBuffersPerShaderStage - 2);
  const lowered = lower(graph, { maxTensors });
  const { steps } = lowered;
  const inputs = [...lowered.inputs.values()];
  const slots = planSlots(lowered);
  const largest = Math.max(1, ...slots.sizes, ...inputs.map(({ size }) => size));
  checkSize("webgpu backend", largest, limit);
  const most = Math.max(1, ...steps.map(({ items }) => items));
  const perRun = Math.max(
    1,
    Math.min(perBuffer, Math.floor(limit / (4 * largest)), Math.floor(MAX_INVOCATIONS / most)),
  );
  const spans = spansOf(models, perBuffer, perRun);
  const widest = Math.min(models, perRun);
  const limits = indexLimits(graph);
  const shaders = steps.map((step) => shaderOf(step, inputs));
  const pipelines = Promise.all(shaders.map(({ code }) => pipelineOf(device, code)));
  pipelines.catch(() => {});
  const numbersBytes = runVectors(inputs.length) * 16;
  let ready: Ready | undefined;

  const prepare = async () => {
    const made = await pipelines;
    const scratch = memory.scratch(slots.sizes.map((size) => 4 * size * widest));
    const given = inputs.map(({ size }) => memory.buffer(4 * size * widest));
    const constants = new Map(lowered.constants.map((tensor) => [tensor, constantBuffer(place, tensor)]));
    const bufferOf = (tensor: Tensor, span: Span): GPUBuffer => {
      if (tensor.kind === "state") return (held.get(tensor.name) as Held).buffers[span.buffer];
      if (tensor.kind === "input") return given[inputs.indexOf(tensor)];
      if (tensor.kind === "constant") return constants.get(tensor) as GPUBuffer;
      return scratch[slots.slotOf.get(tensor) as number];
    };
    const bound = spans.map((span) => {
      const numbers = memory.buffer(numbersBytes, USAGE.uniform | USAGE.copyTarget);
      const groups = made.map((pipeline, i) => {
        const buffers = [numbers, ...shaders[i].tensors.map((tensor) => bufferOf(tensor, span))];
        const bytes = [numbersBytes, ...shaders[i].tensors.map((tensor) => boundBytes(tensor, span, place))];
        return device.createBindGroup({
          layout: pipeline.getBindGroupLayout(0),
          entries: buffers.map((buffer, binding) => ({
            binding,
            resource: { buffer, size: Math.min(buffer.size, Math.ceil(bytes[binding] / 16) * 16) },
          })),
        });
      });
      return { numbers, groups };
    });
    ready = { pipelines: made, inputs: given, spans: bound, scratch };
  };
  let preparing: Promise<void> | undefined;

  /** One span's inputs, steps and outputs. */
  const submitSpan = (index: number, values: readonly RunInputs[string][], outputBytes: number) => {
    const { pipelines: made, inputs: given, spans: bound, scratch } = ready as Ready;
    const span = spans[index];
    const from = span.buffer * perBuffer + span.first;
    const isShared = inputs.map(({ size }, i) => values[i].length === size && models !== 1);
    const numbers = new Uint32Array(numbersBytes / 4);
    numbers.set([span.count, span.first]);
    inputs.forEach(({ size }, i) => {
      numbers[4 + i] = isShared[i] ? 0 : size;
    });
    device.queue.writeBuffer(bound[index].numbers, 0, numbers);
    inputs.forEach(({ size, dtype }, i) => {
      if (isShared[i] && index > 0) return; // it is there already
      const kind = dtype === "int32" ? Int32Array : Float32Array;
      const part = isShared[i] ? values[i] : values[i].subarray(from * size, (from + span.count) * size);
      device.queue.writeBuffer(
        given[i],
        0,
        part instanceof kind ? (part as Float32Array<ArrayBuffer>) : kind.from(part),
      );
    });
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    steps.forEach(({ items }, i) => {
      const groups = Math.ceil((items * span.count) / WORKGROUP);
      pass.setPipeline(made[i]);
      pass.setBindGroup(0, bound[index].groups[i]);
      pass.dispatchWorkgroups(Math.min(groups, GRID_ROW), Math.ceil(groups / GRID_ROW));
    });
    pass.end();
    const staging = outputBytes === 0 ? undefined : memory.takeStaging(outputBytes);
    let at = 0;
    if (staging !== undefined)
      for (const { tensor } of lowered.outputs.values()) {
        const bytes = 4 * tensor.size * span.count;
        encoder.copyBufferToBuffer(scratch[slots.slotOf.get(tensor) as number], 0, staging, at, bytes);
        at += bytes;
      }
    device.queue.submit([encoder.finish()]);
    return staging;
  };

  return (given) => {
    const values = inputs.map(({ name }) => {
      const checked = checkedInput(graph.inputs.get(name) as never, given, models);
      checkIndices(name, checked, limits.get(name));
      return checked;
    });
    const submit = () => {
      place.residence.bringHome();
      const perModel = [...lowered.outputs.values()].reduce(
        (bytes, { tensor }) => bytes + 4 * tensor.size,
        0,
      );
      const stagings = spans.map(({ count }, i) => submitSpan(i, values, perModel * count));
      return async () => {
        const results: Record<string, TensorData> = {};
        for (const [name, { tensor }] of lowered.outputs)
          results[name] = new Float32Array(models * tensor.size);
        if (perModel === 0) await device.queue.onSubmittedWorkDone();
        for (const [index, staging] of stagings.entries()) {
          if (staging === undefined) continue;
          const { buffer, first, count } = spans[index];
          await staging.mapAsync(1, 0, perModel * count);
          const mapped = staging.getMappedRange(0, perModel * count);
          let at = 0;
          for (const [name, { tensor }] of lowered.outputs) {
            const kind = tensor.dtype === "int32" ? Int32Array : Float32Array;
            const part = new kind(mapped, at, tensor.size * count);
            results[name].set(part, (buffer * perBuffer + first) * tensor.size);
            at += part.byteLength;
          }
          staging.unmap();
          memory.giveBack(staging);
        }
        return results;
      };
    };
    if (ready === undefined) preparing ??= prepare();
    return { prepared: ready === undefined ? preparing : undefined, submit };
  };
}

/** Throws where one model's tensor is more than can be bound. */
export function checkSize(where: string, elements: number, limit: number): void {
  if (4 * elements <= limit) return;
  const megabytes = (bytes: number) => `${(bytes / 2 ** 20).toPrecision(3)} MB`;
  throw new ArgumentError({
    where,
    rule: `this card takes tensors of at most ${megabytes(limit)} a model`,
    got: megabytes(4 * elements),
    wayOut: "Take a smaller batch or model, or --backend wasm.",
  });
}

/** Bytes of a tensor that a span's steps may touch. */
function boundBytes(tensor: Tensor, span: Span, { models, perBuffer }: Place): number {
  if (tensor.kind === "constant") return 4 * tensor.size;
  if (tensor.kind !== "state") return 4 * tensor.size * span.count;
  return 4 * tensor.size * Math.min(perBuffer, models - span.buffer * perBuffer);
}

function constantBuffer({ gpu, memory }: Place, { size, dtype, values = [] }: Tensor): GPUBuffer {
  const kind = dtype === "int32" ? Int32Array : Float32Array;
  const numbers = values.length === 1 ? new kind(size).fill(values[0]) : kind.from(values);
  const buffer = memory.buffer(4 * size);
  gpu.device.queue.writeBuffer(buffer, 0, numbers);
  return buffer;
}
