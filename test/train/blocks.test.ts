import fc from "fast-check";
import { expect, test } from "vitest";
import { referenceBackend } from "../../src/backends/reference/referenceBackend.ts";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { inTurn } from "../../src/base/inTurn.ts";
import { randomStream } from "../../src/base/random.ts";
import { patterns } from "../../src/data/patterns.ts";
import type { Backend } from "../../src/graph/backend.ts";
import { presets } from "../../src/model/config.ts";
import { initialWeights } from "../../src/model/init.ts";
import { weightShapes } from "../../src/model/weights.ts";
import { blockSize } from "../../src/train/blocks.ts";
import { type Optimizer, optimizerStates, optimizers, stepNumbers } from "../../src/train/optimizers.ts";
import { accumulatorStates, blockStep, updateStep, wholeStep } from "../../src/train/stepGraph.ts";

/** float64, sums over the batch in another order. */
const FLOAT64 = 1e-12;
/** float32: three steps, each with a rounding of every sum over the batch. */
const FLOAT32 = 2e-5;

const config = { ...presets.original, nLayers: 1, dMlp: 16 };
const [BATCH, POS, STEPS] = [10, 7, 3];

/** Losses and weights of three steps, each batch whole or in blocks of a size (the last one short). */
async function steps(
  backend: Backend,
  optimizer: Optimizer,
  clip: number | undefined,
  { block, scored }: { block?: number; scored?: Uint8Array } = {},
) {
  const shapes = weightShapes(config);
  const states = {
    ...Object.fromEntries(shapes),
    ...optimizerStates(optimizer, shapes),
    ...accumulatorStates(shapes),
  };
  const session = backend.open({ models: 1, states });
  const initial = initialWeights(config, { scheme: "pytorch" }, randomStream("blocks"));
  for (const [name, values] of Object.entries(initial)) session.write(name, values);
  const spec = { config, optimizer, clip };
  const losses = await inTurn(
    Array.from({ length: STEPS }, (_, i) => i),
    async (_, at) => {
      const { inputs, targets } = patterns(config).sample(randomStream("blocks", at), BATCH);
      const numbers = stepNumbers(optimizer, at + 1, [0.01]);
      if (block === undefined)
        return (
          await session
            .compile(wholeStep(spec, BATCH, POS, { scored }))
            .run({ tokens: inputs, targets, ...numbers })
        ).loss[0];
      let loss = 0;
      for (let start = 0; start < BATCH; start += block) {
        const size = Math.min(block, BATCH - start);
        const cut = (of: Int32Array) => of.subarray(start * POS, (start + size) * POS);
        const program = session.compile(blockStep(spec, size, POS, BATCH, { scored }));
        loss += (await program.run({ tokens: cut(inputs), targets: cut(targets) })).loss[0];
      }
      await session.compile(updateStep(spec)).run(numbers);
      return loss;
    },
  );
  const weights = (await inTurn([...shapes.keys()], async (name) => [...(await session.read(name))])).flat();
  const left = (
    await inTurn(Object.keys(accumulatorStates(shapes)), async (name) => [...(await session.read(name))])
  ).flat();
  session.close();
  return { losses, weights, left };
}

const worst = (a: readonly number[], b: readonly number[]) =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);

test.each([
  ["momentum", optimizers.sgd, undefined],
  ["momentum, clipped", optimizers.sgd, 0.5],
  // a large eps: where a gradient is only rounding, Adam would make a step of it
  ["AdamW, clipped", { ...optimizers.adamw, eps: 1e-3 }, 0.5],
] as const)("a step in blocks is the step of the whole batch (%s)", async (_, optimizer, clip) => {
  for (const [backend, tolerance] of [
    [referenceBackend, FLOAT64],
    [wasmBackend(), FLOAT32],
  ] as const) {
    const whole = await steps(backend, optimizer, clip);
    for (const block of [1, 4, 10]) {
      const cut = await steps(backend, optimizer, clip, { block });
      expect(worst(cut.losses, whole.losses)).toBeLessThan(tolerance);
      expect(worst(cut.weights, whole.weights)).toBeLessThan(tolerance);
      expect(cut.left.every((value) => value === 0)).toBe(true);
    }
  }
});

test("a step in blocks is the step of the whole batch where only some positions count", async () => {
  const scored = Uint8Array.of(0, 0, 0, 0, 1, 1, 1);
  const { sgd } = optimizers;
  const whole = await steps(referenceBackend, sgd, 0.5, { scored });
  const cut = await steps(referenceBackend, sgd, 0.5, { scored, block: 4 });
  expect(worst(cut.losses, whole.losses)).toBeLessThan(FLOAT64);
  expect(worst(cut.weights, whole.weights)).toBeLessThan(FLOAT64);
  expect(worst(whole.losses, (await steps(referenceBackend, sgd, 0.5)).losses)).toBeGreaterThan(0.001);
});

const sizes = fc.record({
  nLayers: fc.integer({ min: 0, max: 12 }),
  nHeads: fc.integer({ min: 1, max: 16 }),
  dModel: fc.integer({ min: 1, max: 1024 }),
  dMlp: fc.integer({ min: 1, max: 4096 }),
  dVocab: fc.integer({ min: 2, max: 50_000 }),
});

test("a block is a whole number of sequences from 1 to the batch, and no larger for a larger model", () => {
  fc.assert(
    fc.property(
      sizes,
      fc.integer({ min: 1, max: 512 }),
      fc.integer({ min: 1, max: 1024 }),
      fc.constantFrom("nLayers", "nHeads", "dModel", "dMlp", "dVocab"),
      (of, batch, nPos, grown) => {
        const model = { ...presets.original, ...of };
        const block = blockSize(model, batch, nPos);
        expect(Number.isInteger(block) && block >= 1 && block <= batch).toBe(true);
        expect(blockSize({ ...model, [grown]: 2 * model[grown] }, batch, nPos)).toBeLessThanOrEqual(block);
        expect(blockSize(model, batch, nPos)).toBe(block);
      },
    ),
    { numRuns: 500, seed: 1 },
  );
});

test("the original's batch is one block; one of a wide model over long sequences is cut", () => {
  expect(blockSize(presets.original, 32, 7)).toBe(32);
  const char = {
    ...presets.gpt,
    nLayers: 4,
    nHeads: 4,
    dModel: 128,
    dHead: 32,
    dMlp: 512,
    dVocab: 96,
    nCtx: 128,
  };
  expect(blockSize(char, 16, 128)).toBeLessThan(16);
});
