/** A population on a graphics card: states stay there, a run sends inputs and fetches outputs. */
import { integerIn } from "../../base/check.ts";
import { ArgumentError } from "../../base/errors.ts";
import type { Call, Program, Session, SessionOptions, TensorData } from "../../graph/backend.ts";
import { sizeOf } from "../../graph/node.ts";
import { checkStates, checkWrite, heldState } from "../checks.ts";
import { checkGpu, type Gpu } from "./device.ts";
import { openMemory } from "./memory.ts";
import { type Begin, checkSize, compileProgram, type Held, type Place } from "./program.ts";

/**
 * Opens a session on an open device.
 *
 * @param maxBindingBytes  takes the card for smaller than it is
 * @throws ArgumentError if one model has a state that the card cannot bind
 */
export function openSession(
  gpu: Gpu,
  { models, states, clock = () => 0 }: SessionOptions,
  maxBindingBytes: number = Number.POSITIVE_INFINITY,
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
  const place: Place = { gpu, memory, models, limit, perBuffer, held };
  const begins = new WeakMap<Program, Begin>();
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
    const begun = calls.map(({ program, inputs }) => {
      const begin = begins.get(program);
      if (begin !== undefined) return begin(inputs);
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
        for (const readBack of fetches) results.push(await readBack());
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
      const program: Program = { run: async (inputs) => (await runInTurn([{ program, inputs }]))[0] };
      begins.set(program, compileProgram(graph, place));
      return program;
    },
    runInTurn,
    write(name, values) {
      const { shape, buffers } = heldState(held, name);
      checkWrite(name, values.length, models, shape);
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
