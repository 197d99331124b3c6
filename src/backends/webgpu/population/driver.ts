/**
 * The population driver: one kernel that trains, one model a workgroup, and many runs in one dispatch.
 *
 * A step of training a small model is some hundred short loops, each of which needs what the ones before it wrote. As
 * dispatches of their own they wait for each other across the whole card, and hand every number through its memory. Here
 * a workgroup takes one model through all of them and waits for nobody but itself: its invocations share the work items
 * of a step, and meet at a barrier where one step needs another ({@link intervalsOf}). What is reached most often lies in
 * the workgroup's own memory, weights first as a rule ({@link layOut}); the rest lies in storage, a row of scratch for
 * each workgroup. Since nothing is handed from model to model, runs need no waiting either: the inputs of many are
 * stacked, and the workgroup takes its model through all of them before it takes the next model.
 *
 * The steps are those of the general driver, and so are the numbers, but for last digits: sums that are cut into parts
 * are cut by how many invocations there are. All steps and loops are in an order that is fixed by the graph, no two
 * invocations of an interval write the same place, and no model reads what is another's; so the same card gives the same
 * bits twice, whatever the other models hold, how many they are, and how the runs are divided among dispatches.
 */
import type { RunInputs, TensorData } from "../../../graph/backend.ts";
import type { Graph } from "../../../graph/graph.ts";
import { checkedInput, checkIndices, indexLimits } from "../../checks.ts";
import { USAGE } from "../memory.ts";
import { pipelineOf } from "../pipelines.ts";
import { type Place, spansOf } from "../place.ts";
import type { Tensor } from "../step.ts";
import { type Binding, bindings, HEAD, numberVectors } from "./kernel.ts";
import type { PopulationOptions, PopulationPlan } from "./plan.ts";
import { openStateArena, type StateArena } from "./stateArena.ts";

/** Runs whose inputs are checked. */
export interface BegunRuns {
  /** Waits for the kernel; the first time only. */
  readonly prepared: Promise<void> | undefined;
  /** Hands the runs to the card; what it returns waits for the outputs of each. */
  submit(): () => Promise<Record<string, TensorData>[]>;
}

/** Checks what some runs of one program, one after the other, are given. */
export type BeginRuns = (runs: readonly RunInputs[]) => BegunRuns;

type Values = RunInputs[string];

/** Models that one dispatch trains, of the span of that number. */
interface Part {
  readonly span: number;
  /** From the first of the span on. */
  readonly first: number;
  readonly count: number;
}

interface Ready {
  readonly pipeline: GPUComputePipeline;
  readonly buffers: Readonly<Partial<Record<Binding, GPUBuffer>>>;
  readonly arena: StateArena;
}

const DEFAULT_RUNS = 64;
const DEFAULT_WORKGROUPS = 1024;
const DEFAULT_ACCESSES = 4e10;
/** Bytes of all rows of scratch: of a network that needs a lot, fewer are trained at once. */
const MAX_SCRATCH = 2 ** 30;

/** Compiles a graph that has a plan. */
export function compilePopulation(
  graph: Graph,
  plan: PopulationPlan,
  place: Place,
  options: PopulationOptions = {},
): BeginRuns {
  const { gpu, memory, models, limit, perBuffer } = place;
  const { device } = gpu;
  const { lowered, layout, kernel, constants } = plan;
  const inputs = [...lowered.inputs.values()];
  const limits = indexLimits(graph);
  const fitting = (elements: number) => Math.floor(limit / 4 / Math.max(1, elements));
  const { perModel, scratch } = layout;
  const perSpan = Math.min(perBuffer, fitting(4 * perModel.fours), fitting(perModel.singles));
  const spans = spansOf(models, perBuffer, perSpan);
  const atOnce = options.accesses ?? DEFAULT_ACCESSES;
  const perDispatch = Math.max(
    1,
    Math.min(
      ...[models, perSpan, fitting(plan.inputSize), fitting(plan.outputSize)],
      Math.floor(atOnce / layout.accesses),
    ),
  );
  const runsAtOnce = Math.max(
    1,
    Math.min(
      options.runs ?? DEFAULT_RUNS,
      Math.floor(atOnce / layout.accesses / perDispatch),
      fitting(perDispatch * plan.inputSize),
      fitting(perDispatch * plan.outputSize),
    ),
  );
  const rows = Math.min(
    ...[perDispatch, options.workgroups ?? DEFAULT_WORKGROUPS],
    ...[fitting(4 * scratch.fours), fitting(scratch.singles)],
    Math.max(1, Math.floor(MAX_SCRATCH / (16 * scratch.fours + 4 * scratch.singles + 1))),
  );
  const parts = spans.flatMap(({ count }, span): Part[] =>
    Array.from({ length: Math.ceil(count / perDispatch) }, (_, i) => ({
      ...{ span, first: i * perDispatch },
      count: Math.min(perDispatch, count - i * perDispatch),
    })),
  );
  const compiled = pipelineOf(device, kernel.code);
  let ready: Ready | undefined;

  const prepare = async () => {
    const pipeline = await compiled;
    const [scratchFours, singles] = memory.scratch([16 * scratch.fours * rows, 4 * scratch.singles * rows]);
    const constantBuffer = memory.buffer(constants.byteLength);
    device.queue.writeBuffer(constantBuffer, 0, constants);
    const program = memory.buffer(kernel.program.byteLength, USAGE.uniform | USAGE.copyTarget);
    device.queue.writeBuffer(program, 0, kernel.program);
    ready = {
      pipeline,
      arena: openStateArena(place, layout, spans),
      buffers: {
        numbers: memory.buffer(16 * numberVectors(inputs.length), USAGE.uniform | USAGE.copyTarget),
        ...{ scratchFours, scratch: singles, constants: constantBuffer, program },
        inputs: memory.buffer(4 * plan.inputSize * perDispatch * runsAtOnce),
        outputs: memory.buffer(4 * plan.outputSize * perDispatch * runsAtOnce),
      },
    };
  };
  let preparing: Promise<void> | undefined;

  const isShared = (values: Values, { size }: Tensor) => values.length === size && models !== 1;

  /** One dispatch: some runs of some models. Returns what their outputs are read through. */
  const dispatch = (part: Part, runs: readonly (readonly Values[])[]): GPUBuffer | undefined => {
    const { pipeline, buffers, arena } = ready as Ready;
    const span = spans[part.span];
    const from = span.buffer * perBuffer + span.first + part.first;
    const own = inputs.map((tensor, i) => runs.some((values) => !isShared(values[i], tensor)));
    const counts = inputs.map(({ size }, i) => size * (own[i] ? part.count : 1));
    const perRun = counts.reduce((total, count) => total + count, 0);
    const numbers = new Uint32Array(4 * numberVectors(inputs.length));
    numbers.set([
      span.count,
      part.first,
      part.first + part.count,
      runs.length,
      Math.min(rows, part.count),
      perRun,
    ]);
    const stacked = new ArrayBuffer(4 * perRun * runs.length);
    let before = 0;
    inputs.forEach((tensor, i) => {
      const { size, dtype } = tensor;
      numbers.set([before, own[i] ? size : 0], HEAD + 2 * i);
      runs.forEach((values, run) => {
        const kind = dtype === "int32" ? Int32Array : Float32Array;
        const target = new kind(stacked, 4 * (run * perRun + before), counts[i]);
        if (!isShared(values[i], tensor))
          target.set(values[i].subarray(from * size, (from + part.count) * size));
        else for (let at = 0; at < counts[i]; at += size) target.set(values[i], at);
      });
      before += counts[i];
    });
    device.queue.writeBuffer(buffers.numbers as GPUBuffer, 0, numbers);
    device.queue.writeBuffer(buffers.inputs as GPUBuffer, 0, stacked);
    const all = { ...buffers, ...arena.buffers(part.span) };
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(
      0,
      device.createBindGroup({
        layout: pipeline.getBindGroupLayout(0),
        entries: kernel.bound.map((name) => ({
          binding: bindings.indexOf(name),
          resource: { buffer: all[name] as GPUBuffer, size: Math.min(limit, (all[name] as GPUBuffer).size) },
        })),
      }),
    );
    pass.dispatchWorkgroups(Math.min(rows, part.count));
    pass.end();
    const bytes = 4 * plan.outputSize * part.count * runs.length;
    const staging = bytes === 0 ? undefined : memory.takeStaging(bytes);
    if (staging !== undefined) encoder.copyBufferToBuffer(buffers.outputs as GPUBuffer, 0, staging, 0, bytes);
    device.queue.submit([encoder.finish()]);
    return staging;
  };

  /** Where each output lies among those of a model. */
  const outputPlaces = (() => {
    const places = new Map<Tensor, number>();
    let before = 0;
    for (const { tensor } of lowered.outputs.values()) {
      if (places.has(tensor)) continue;
      places.set(tensor, before);
      before += tensor.size;
    }
    return places;
  })();

  return (given) => {
    const values = given.map((runInputs) =>
      inputs.map(({ name }) => {
        const checked = checkedInput(graph.inputs.get(name) as never, runInputs, models);
        checkIndices(name, checked, limits.get(name));
        return checked;
      }),
    );
    const submit = () => {
      (ready as Ready).arena.take();
      const pending: { part: Part; start: number; count: number; staging: GPUBuffer | undefined }[] = [];
      for (const part of parts)
        for (let start = 0; start < values.length; start += runsAtOnce) {
          const runs = values.slice(start, start + runsAtOnce);
          pending.push({ part, start, count: runs.length, staging: dispatch(part, runs) });
        }
      return async () => {
        const results = values.map(() => {
          const of: Record<string, TensorData> = {};
          for (const [name, { tensor }] of lowered.outputs) of[name] = new Float32Array(models * tensor.size);
          return of;
        });
        if (plan.outputSize === 0) await device.queue.onSubmittedWorkDone();
        for (const { part, start, count, staging } of pending) {
          if (staging === undefined) continue;
          const bytes = 4 * plan.outputSize * part.count * count;
          await staging.mapAsync(1, 0, bytes);
          const mapped = new Float32Array(staging.getMappedRange(0, bytes));
          const { buffer, first } = spans[part.span];
          const from = buffer * perBuffer + first + part.first;
          for (let run = 0; run < count; run++)
            for (const [name, { tensor }] of lowered.outputs) {
              const place = outputPlaces.get(tensor) as number;
              const at = (run * plan.outputSize + place) * part.count;
              const numbers = mapped.subarray(at, at + part.count * tensor.size);
              results[start + run][name].set(numbers, from * tensor.size);
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
