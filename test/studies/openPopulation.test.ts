import { expect, test } from "vitest";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { armsOf } from "../../src/studies/persistence/spec.ts";
import { openPopulation } from "../../src/studies/population/openPopulation.ts";
import { optimizers } from "../../src/train/optimizers.ts";

/** A short run of the persistence study; two passes over the sequences, so that batches come again. */
function armOf(optimizer: string) {
  const settings = {
    ...{ presets: ["causal"], seeds: [0, 1, 2, 3, 4], sequences: 96, batch: 32, stepsPerEpoch: 3, steps: 7 },
    ...{
      lr: 1e-2,
      optimizer,
      task: "patterns",
      init: { scheme: "pytorch" as const },
      probe: "trained" as const,
    },
  };
  const { spec, models } = armsOf("causal", settings).main;
  return { arm: { ...spec, heldOut: 16, probe: { ...spec.probe, blocks: 2 } }, models };
}

async function finish(population: ReturnType<typeof openPopulation>) {
  const loop = population.grow({ checkpoints: [] });
  const { value, done } = await loop.next();
  if (!done) throw new Error("a loop without stops must end at once");
  return { ...value, look: await population.look() };
}

test.each(Object.keys(optimizers))(
  "training with %s goes on from a state to the same bits",
  async (optimizer) => {
    const { arm, models } = armOf(optimizer);
    const whole = await finish(openPopulation(arm, models, wasmBackend()));

    const first = openPopulation(arm, models, wasmBackend());
    const loop = first.grow({ checkpoints: [], reportEvery: 1 });
    const before: Float64Array[] = [];
    for (let step = 1; step <= 3; step++) {
      const { value } = await loop.next();
      before.push((value as { losses: Float64Array }).losses);
    }
    const state = await first.state(3);
    first.close();
    const rest = await finish(openPopulation(arm, models, wasmBackend(), { from: state }));

    expect([...before, ...rest.losses]).toEqual(whole.losses);
    expect(rest.look).toEqual(whole.look);
    expect(rest.divergedAt).toEqual(whole.divergedAt);
  },
);

test("looking on the way changes no bit of what is trained", async () => {
  const { arm, models } = armOf("adam");
  const unseen = await finish(openPopulation(arm, models, wasmBackend()));
  const looked = openPopulation(arm, models, wasmBackend());
  const loop = looked.grow({ checkpoints: [0, 1, 2, 3, 4, 5, 6, 7] });
  let next = await loop.next();
  for (; !next.done; next = await loop.next()) await looked.look();
  expect(next.value).toEqual({ losses: unseen.losses, divergedAt: unseen.divergedAt });
  expect(await looked.look()).toEqual(unseen.look);
});

test("a state beyond the last step is refused", async () => {
  const { arm, models } = armOf("sgd");
  const population = openPopulation(arm, models, wasmBackend());
  const from = await population.state(8);
  const late = openPopulation(arm, models, wasmBackend(), { from });
  await expect(late.grow({ checkpoints: [] }).next()).rejects.toThrow("from: must be");
});
