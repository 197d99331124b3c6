/** The tests that every backend must pass: ops one by one, populations, programs with states, and refusals. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { referenceBackend } from "../../src/backends/reference/referenceBackend.ts";
import { inTurn } from "../../src/base/inTurn.ts";
import type { Backend, RunInputs, TensorData } from "../../src/graph/backend.ts";
import { input } from "../../src/graph/build.ts";
import { makeGraph } from "../../src/graph/graph.ts";
import { type ComputedOp, type OpAttrs, type Shape, showShape, sizeOf } from "../../src/graph/node.ts";
import { magnitude } from "./naive.ts";
import { describePrograms } from "./programs.ts";
import { computedOps, drawOperands, nodeOf, sampleTensors, type Tensor, trials } from "./trials.ts";

/** How far a result may be from the oracle's: |got − want| ≤ absolute + relative · magnitude. */
export interface Tolerance {
  /** Relative to the sum of the magnitudes that may cancel in a result, see {@link magnitude}. */
  relative: number;
  /** For results that underflow. */
  absolute: number;
  /**
   * Whether a model's bits may depend on how many models it is among, as where a vector spans models; never on what the
   * others hold. By default they may not.
   */
  dependsOnPopulation?: true;
}

/** What one model's result of one op should be. */
export type Oracle = (
  op: ComputedOp,
  operands: readonly Tensor[],
  attrs: OpAttrs[ComputedOp],
  shape: Shape,
) => ArrayLike<number> | Promise<ArrayLike<number>>;

const SHAPES = 20;
const SEED = 20;
const POPULATIONS = [1, 3, 5]; // one model, less than four lanes of SIMD, more than four

const referenceOracle: Oracle = async (op, operands, attrs) =>
  (await runOp(referenceBackend, op, [operands], attrs)).out;

/** Runs one op with its operands as inputs, for a population that is given model by model. */
export async function runOp(
  backend: Backend,
  op: ComputedOp,
  models: readonly (readonly Tensor[])[],
  attrs: OpAttrs[ComputedOp],
): Promise<{ out: TensorData; shape: Shape }> {
  const leaves = models[0].map(({ shape, dtype }, i) => input(`x${i}`, shape, dtype));
  const node = nodeOf(op, leaves, attrs);
  const inputs: Record<string, RunInputs[string]> = {};
  leaves.forEach((leaf, i) => {
    const all = models.flatMap((operands) => operands[i].values);
    inputs[`x${i}`] = leaf.dtype === "int32" ? Int32Array.from(all) : Float64Array.from(all);
  });
  const session = backend.open({ models: models.length, states: {} });
  const out = (await session.compile(makeGraph({ outputs: { out: node } })).run(inputs)).out;
  session.close();
  return { out, shape: node.shape };
}

/** Operands with every float replaced by NaN; indices stay, for NaN is none. */
function poisoned(operands: readonly Tensor[]): Tensor[] {
  return operands.map((x) => (x.dtype === "int32" ? x : { ...x, values: x.values.map(() => Number.NaN) }));
}

/** The bits of numbers, so that −0 is not 0 and NaN is NaN. */
function bitsOf(values: TensorData): string {
  return Array.from(values, (value) => (Object.is(value, -0) ? "-0" : String(value))).join(" ");
}

/**
 * Registers the tests of a backend.
 *
 * @param oracle  what results are compared with; the reference backend, unless that is what is tested
 */
export function describeBackend(
  backend: Backend,
  tolerance: Tolerance,
  oracle: Oracle = referenceOracle,
): void {
  const check = async (
    op: ComputedOp,
    models: readonly (readonly Tensor[])[],
    attrs: OpAttrs[ComputedOp],
  ) => {
    const { out, shape } = await runOp(backend, op, models, attrs);
    const size = sizeOf(shape);
    expect(out.length).toBe(models.length * size);
    await inTurn(models, async (operands, model) => {
      const own = out.subarray(model * size, (model + 1) * size);
      const want = await oracle(op, operands, attrs, shape);
      const scale = magnitude(op, operands, attrs, shape);
      for (let i = 0; i < size; i++) {
        const allowed = scale[i] === 0 ? 0 : tolerance.absolute + tolerance.relative * scale[i];
        const near = own[i] === want[i] || Math.abs(own[i] - want[i]) <= allowed;
        if (near || (Number.isNaN(own[i]) && Number.isNaN(want[i]))) continue;
        const operandsShown = operands.map((x) => `${showShape(x.shape)} ${x.values.join(" ")}`).join(" | ");
        expect.fail(
          `${op} ${JSON.stringify(attrs)} of ${operandsShown}: element ${i} of model ${model} of ${models.length} ` +
            `is ${own[i]}, should be ${want[i]} ± ${allowed}`,
        );
      }
    });
    return { out, size };
  };

  /** Whatever company a model is in, its result has the same bits. */
  const checkIndependence = async (
    op: ComputedOp,
    models: readonly (readonly Tensor[])[],
    attrs: OpAttrs[ComputedOp],
  ) => {
    const { out, size } = await check(op, models, attrs);
    const chosen = models.length - 1;
    const own = (all: TensorData) => bitsOf(all.subarray(chosen * size, (chosen + 1) * size));
    const among = models.map((operands, model) => (model === chosen ? operands : poisoned(operands)));
    expect(own((await runOp(backend, op, among, attrs)).out)).toBe(own(out));
    const alone = await check(op, [models[chosen]], attrs);
    if (!tolerance.dependsOnPopulation) expect(bitsOf(alone.out)).toBe(own(out));
  };

  describe(`${backend.name} backend`, () => {
    for (const op of computedOps) {
      test(`${op} gives what it should on every sample, alone and in a population`, async () => {
        for (const { operands, attrs } of sampleTensors(op)) {
          for (const models of POPULATIONS) {
            // model 0 has the sample, the others have it scaled: indices and infinities stay
            const population = Array.from({ length: models }, (_, model) =>
              operands.map((x) =>
                x.dtype === "int32" ? x : { ...x, values: x.values.map((value) => value * 0.5 ** model) },
              ),
            );
            await check(op, population, attrs);
          }
        }
      });

      test(`${op} gives what it should on random shapes, whatever the other models hold`, async () => {
        await fc.assert(
          fc.asyncProperty(trials(op), fc.constantFrom(...POPULATIONS), async (trial, models) => {
            const population = Array.from({ length: models }, (_, model) => drawOperands(trial, model));
            await checkIndependence(op, population, trial.attrs);
          }),
          { numRuns: SHAPES, seed: SEED },
        );
      });
    }

    test("softmax gives exactly 0 to a score of −∞", async () => {
      const scores: Tensor = { shape: [3], dtype: "float32", values: [0.3, Number.NEGATIVE_INFINITY, -2] };
      expect((await runOp(backend, "softmax", [[scores], [scores]], {})).out[4]).toBe(0);
    });

    test("maximum, minimum and relu pass NaN on; greater, select and gate decide against it", async () => {
      const of = (...values: number[]): Tensor => ({ shape: [values.length], dtype: "float32", values });
      const [a, b] = [of(Number.NaN, 1), of(1, Number.NaN)];
      const run = async (op: ComputedOp, ...operands: Tensor[]) => [
        ...(await runOp(backend, op, [operands], {})).out,
      ];
      expect(await run("maximum", a, b)).toEqual([Number.NaN, Number.NaN]);
      expect(await run("minimum", a, b)).toEqual([Number.NaN, Number.NaN]);
      expect(await run("relu", a)).toEqual([Number.NaN, 1]);
      expect(await run("greater", a, b)).toEqual([0, 0]);
      expect(await run("select", a, of(2, 3), of(4, 5))).toEqual([4, 3]);
      expect(await run("gate", of(2, 3), a)).toEqual([0, 3]);
    });
  });

  describePrograms(backend, tolerance);
}
