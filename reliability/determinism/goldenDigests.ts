/**
 * What every kernel makes of a thousand inputs, and where a training ends, as hashes: the same in every engine that runs
 * JavaScript and WebAssembly. Nothing here touches Node, so that a page can compute it too.
 */
import fc from "fast-check";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import type { Backend, RunInputs } from "../../src/graph/backend.ts";
import { input } from "../../src/graph/build.ts";
import { makeGraph } from "../../src/graph/graph.ts";
import type { ComputedOp } from "../../src/graph/node.ts";
import { littleEndianBytes } from "../../src/record/littleEndian.ts";
import { sha256OfBytes } from "../../src/record/sha256.ts";
import { computedOps, drawOperands, nodeOf, trials } from "../../test/backends/trials.ts";
import { train } from "../../test/train/population.ts";

/** Hashes by what they are of. */
export type Digests = Readonly<Record<string, string>>;

/** Shapes of each op, and models that each is computed for with inputs of their own: a thousand in all. */
const [shapes, models] = [4, 250];
/** Of the table: another seed would be another table. */
const seed = 24;
/** Two models share vectors and the fifth has one for itself. */
const population = 5;
const training = { steps: 200, batch: 8, sequences: 500 };

/** The bits of numbers, in which every NaN is the same: its sign and payload differ between processors. */
function bitsOf(values: ArrayLike<number>): Uint8Array {
  const floats = Float32Array.from(values, (value) => (Number.isNaN(value) ? 0 : value));
  const bits = new Uint32Array(floats.buffer);
  for (let i = 0; i < floats.length; i++) if (Number.isNaN(values[i])) bits[i] = 0x7fc00000;
  return littleEndianBytes(floats);
}

/** Results of one op for all its inputs, in one hash. */
async function opDigest(backend: Backend, op: ComputedOp): Promise<string> {
  const parts: Uint8Array[] = [];
  for (const trial of fc.sample(trials(op), { seed, numRuns: shapes })) {
    const drawn = Array.from({ length: models }, (_, model) => drawOperands(trial, model));
    const leaves = drawn[0].map(({ shape, dtype }, i) => input(`x${i}`, shape, dtype));
    const inputs: Record<string, RunInputs[string]> = {};
    leaves.forEach(({ dtype }, i) => {
      const all = drawn.flatMap((operands) => operands[i].values);
      inputs[`x${i}`] = dtype === "int32" ? Int32Array.from(all) : Float32Array.from(all);
    });
    const session = backend.open({ models, states: {} });
    const graph = makeGraph({ outputs: { out: nodeOf(op, leaves, trial.attrs) } });
    parts.push(bitsOf((await session.compile(graph).run(inputs)).out));
    session.close();
  }
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return sha256OfBytes(whole);
}

/** Everything that the table holds, computed here and now. */
export async function goldenDigests(backend: Backend = wasmBackend()): Promise<Digests> {
  const digests: Record<string, string> = {};
  for (const op of computedOps) digests[op] = await opDigest(backend, op);
  const members = Array.from({ length: population }, (_, model) => ({
    seed: model,
    rate: 1e-3 * (model + 1),
  }));
  const { hashes, losses } = await train(members, { backend, ...training });
  hashes.forEach((hash, model) => {
    digests[`training, model ${model}`] = hash;
  });
  digests["training, losses"] = sha256OfBytes(
    littleEndianBytes(Float64Array.from(losses.flatMap((ofStep) => [...ofStep]))),
  );
  return digests;
}

/** Inputs of each op, and ops. */
export const extent = { inputs: shapes * models, ops: computedOps.length, steps: training.steps };
