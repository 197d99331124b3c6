/** A population on a graphics card: states stay there, a run sends inputs and fetches outputs. */
import { integerIn } from "../../base/check.ts";
import { ArgumentError } from "../../base/errors.ts";
import type { Call, Program, RunInputs, Session, SessionOptions, TensorData } from "../../graph/backend.ts";
import type { Graph } from "../../graph/graph.ts";
import { sizeOf } from "../../graph/node.ts";
import { checkStates, checkWrite, heldState } from "../checks.ts";
import { checkGpu, type Gpu } from "./device.ts";
import { openMemory } from "./memory.ts";
import type { Held, Place } from "./place.ts";
import { type BeginRuns, compilePopulation } from "./population/driver.ts";
import { type PopulationOptions, planPopulation } from "./population/plan.ts";
import { openResidence } from "./population/stateArena.ts";
import { checkSize, compileProgram } from "./program.ts";

/** How sessions use the card. */
export interface CardOptions {
  /** Bytes that a session takes the card to bind at once, where that is less than it does: what tests do. */
  maxBindingBytes?: number;
  /**
   * How training is done in one kernel where it fits; `false` for never. By default it is done on cards only: where the
   * processor computes, such a kernel takes long to compile and gains nothing.
   */
  population?: PopulationOptions | false;
}

/**
 * Opens a session on an open device.
 *
 * @throws ArgumentError if one model has a state that the card cannot bind
 */
export function openSession(
  gpu: Gpu,
  { models, states, clock = () => 0 }: SessionOptions,
  { maxBindingBytes = Number.POSITIVE_INFINITY, population = populationOn(gpu) }: CardOptions = {},
): Session {
  integerIn("population", models, 1);
  checkGpu(gpu);
  const { device } = gpu;
  const { maxStorageBufferBindingSize, maxBufferSize } = gpu.limits;
  // whole vectors: a buffer's size is rounded up to them
  const limit = Math.floor(Math.min(maxStorageBufferBindingSize, maxBufferSize, maxBindingBytes) / 16) * 16;
  const largest = Math.max(1, ...Object.values(states).map(sizeOf));
  for (const [name, shape] of Object.entries(states))
    checkSize(`webgpu backend, state "${name}"`, sizeOf(shape), limit);
  const perBuffer = Math.min(models, Math.floor(limit / (4 * largest)));
  const memory = openMemory(device);
  /** The models of each buffer. */
  const parts = Array.from({ length: Math.ceil(models / perBuffer) }, (_, i) => ({
    first: i * perBuffer,
    count: Math.min(perBuffer, models - i * perBuffer),
  }));
  const held = new Map<string, Held>(
    Object.entries(states).map(([name, shape]) => {
      const buffers = parts.map(({ count }) => memory.buffer(4 * sizeOf(shape) * count));
      return [name, { shape, buffers }];
    }),
  );
  const residence = openResidence();
  const place: Place = { gpu, memory, models, limit, perBuffer, held, residence };
  const begins = new WeakMap<Program, BeginRuns>();
  let milliseconds = 0;
  let isRunning = false;

  /** Waits for the card; where it has failed meanwhile, what it says is no number but a sentence. */
  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      const result = await work();
      checkGpu(gpu);
      return result;
    } catch (error) {
      checkGpu(gpu);
      throw error;
    }
  };

  const runInTurn = async (calls: readonly Call[]): Promise<Record<string, TensorData>[]> => {
    const begun = groupsOf(calls).map(({ program, runs }) => {
      const begin = begins.get(program);
      if (begin !== undefined) return begin(runs);
      throw new ArgumentError({ where: "webgpu session", rule: "can only run programs that it compiled" });
    });
    if (isRunning)
      throw new ArgumentError({
        where: "webgpu session",
        rule: "one run at a time",
        wayOut: "Await each run of a session before the next.",
      });
    isRunning = true;
    try {
      return await guarded(async () => {
        await Promise.all(begun.map(({ prepared }) => prepared));
        const start = clock();
        const fetches = begun.map(({ submit }) => submit());
        const results: Record<string, TensorData>[] = [];
        for (const readBack of fetches) results.push(...(await readBack()));
        milliseconds += clock() - start;
        return results;
      });
    } finally {
      isRunning = false;
    }
  };

  return {
    models,
    compile(graph) {
      checkStates(graph, held);
      const { begin, slowerBecause } = beginRuns(graph, place, population);
      const program: Program = {
        run: async (inputs) => (await runInTurn([{ program, inputs }]))[0],
        slowerBecause,
      };
      begins.set(program, begin);
      return program;
    },
    runInTurn,
    write(name, values) {
      const { shape, buffers } = heldState(held, name);
      checkWrite(name, values.length, models, shape);
      residence.bringHome();
      const numbers = Float32Array.from(values);
      const size = sizeOf(shape);
      parts.forEach(({ first, count }, i) => {
        device.queue.writeBuffer(buffers[i], 0, numbers, first * size, count * size);
      });
    },
    async read(name) {
      const { shape, buffers } = heldState(held, name);
      const size = sizeOf(shape);
      const values = new Float32Array(models * size);
      await guarded(async () => {
        residence.bringHome();
        const fetches = parts.map(({ count }, i) => {
          const bytes = 4 * size * count;
          const staging = memory.takeStaging(bytes);
          const encoder = device.createCommandEncoder();
          encoder.copyBufferToBuffer(buffers[i], 0, staging, 0, bytes);
          device.queue.submit([encoder.finish()]);
          return { staging, bytes };
        });
        for (const [i, { staging, bytes }] of fetches.entries()) {
          await staging.mapAsync(1, 0, bytes);
          values.set(new Float32Array(staging.getMappedRange(0, bytes)), parts[i].first * size);
          staging.unmap();
          memory.giveBack(staging);
        }
      });
      return values;
    },
    kernelMilliseconds: () => milliseconds,
    memoryBytes: () => memory.bytes(),
    close: () => memory.close(),
  };
}

/** How training is done in one kernel unless a session is told: on cards only. */
export function populationOn({ isSoftware }: Gpu): PopulationOptions | false {
  return isSoftware ? false : {};
}

/** A graph as one kernel where it is trained and fits, else as one for each step. */
function beginRuns(
  graph: Graph,
  place: Place,
  options: PopulationOptions | false,
): { begin: BeginRuns; slowerBecause(): string | undefined } {
  const stepByStep = (reason?: string) => ({
    begin: beginSteps(graph, place),
    slowerBecause: () => reason,
  });
  if (options === false || graph.updates.size === 0) return stepByStep();
  const { plan, reason } = planPopulation(graph, place.gpu.limits, place.limit, options);
  if (plan === null) return stepByStep(reason);
  const inOne = compilePopulation(graph, plan, place, options);
  let instead: ReturnType<typeof stepByStep> | undefined;
  return {
    begin(runs) {
      let begun = (instead?.begin ?? inOne)(runs);
      // a driver may give up over so long a kernel; of a device that is lost, the short ones tell
      const prepared = begun.prepared?.catch(async (error: Error) => {
        instead ??= stepByStep(`the card's driver did not compile it: ${error.message.split("\n")[0]}`);
        begun = instead.begin(runs);
        await begun.prepared;
      });
      return { prepared, submit: () => begun.submit() };
    },
    slowerBecause: () => instead?.slowerBecause(),
  };
}

/** Runs one after the other, each step of each a dispatch. */
function beginSteps(graph: Graph, place: Place): BeginRuns {
  const begin = compileProgram(graph, place);
  return (runs) => {
    const begun = runs.map(begin);
    return {
      prepared: begun[0].prepared,
      submit() {
        const readBacks = begun.map(({ submit }) => submit());
        return async () => {
          const results: Record<string, TensorData>[] = [];
          for (const readBack of readBacks) results.push(await readBack());
          return results;
        };
      },
    };
  };
}

/** Consecutive calls of one program. */
function groupsOf(calls: readonly Call[]): { program: Program; runs: RunInputs[] }[] {
  const groups: { program: Program; runs: RunInputs[] }[] = [];
  for (const { program, inputs } of calls) {
    const last = groups[groups.length - 1];
    if (last?.program === program) last.runs.push(inputs);
    else groups.push({ program, runs: [inputs] });
  }
  return groups;
}
