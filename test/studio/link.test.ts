/** Links, sizes and shares: plain data that decides what a page computes. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { UserError } from "../../src/base/errors.ts";
import { tasks } from "../../src/data/registry.ts";
import { presetNamed, presets } from "../../src/model/config.ts";
import { initSchemes } from "../../src/model/init.ts";
import { optimizers } from "../../src/train/optimizers.ts";
import { divergedAfter, divergedWith } from "../../studio/src/lab/divergence.ts";
import { LossHistory } from "../../studio/src/lab/lossHistory.ts";
import { shares } from "../../studio/src/lab/shares.ts";
import { linkOf, type Shared, sharedOf } from "../../studio/src/state/link.ts";
import {
  armOf,
  checkedSettings,
  defaultSettings,
  type RunSettings,
} from "../../studio/src/state/runSettings.ts";
import { checkedSize, keptBytes, mostBytes } from "../../studio/src/state/runSize.ts";
import { fitsTask, ownSize } from "../../studio/src/state/taskSize.ts";
import { runText } from "../../studio/src/views/controls/runText.ts";

const SEED = 20251123;
const seeded = { seed: SEED, numRuns: 300 };

const nameOf = <T extends object>(table: T) =>
  fc.constantFrom(...(Object.keys(table) as (keyof T & string)[]));
const positive = fc.double({ min: 1e-7, max: 1e3, noNaN: true });

const settings: fc.Arbitrary<RunSettings> = fc
  .record({
    preset: nameOf(presets),
    task: nameOf(tasks),
    init: fc.record({ scheme: nameOf(initSchemes), embeddingScale: positive }),
    lr: positive,
    optimizer: nameOf(optimizers),
    steps: fc.integer({ min: 1, max: 5000 }),
    sequences: fc.integer({ min: 1, max: 2000 }),
    batch: fc.integer({ min: 1, max: 64 }),
    seeds: fc.oneof(
      fc.integer({ min: 2, max: 32 }),
      fc.uniqueArray(fc.nat({ max: 1_000_000 }), { minLength: 2, maxLength: 20 }),
    ),
    probe: fc.constantFrom("trained" as const, "full" as const),
    dMlp: fc.integer({ min: 1, max: 128 }),
    positions: fc.constantFrom("learned" as const, "sinusoidal" as const, "none" as const),
  })
  .map(({ dMlp, positions, ...rest }) => ({
    ...rest,
    changes: { dMlp, positions, ...ownSize(rest.task) },
  }));

const shared: fc.Arbitrary<Shared> = fc
  .record({
    settings,
    changes: fc.array(
      fc.record({ part: fc.nat({ max: 100 }), lr: positive, steps: fc.integer({ min: 1, max: 5000 }) }),
      { maxLength: 4 },
    ),
    at: fc.option(fc.integer({ min: 1, max: 5000 })),
    view: fc.dictionary(
      fc.stringMatching(/^view[A-Za-z]{0,8}$/),
      fc.jsonValue().filter((value) => !JSON.stringify(value).includes("__proto__")),
      { maxKeys: 4 },
    ),
  })
  .map(({ settings: first, changes, at, view }) => {
    let now = first;
    const branches = changes.map(({ part, lr, steps }) => {
      const step = Math.floor((now.steps * part) / 100);
      now = { ...now, lr, steps };
      return { step, settings: now };
    });
    // JSON has one zero
    return JSON.parse(JSON.stringify({ settings: first, branches, at, view })) as Shared;
  });

test("what a link holds is what it was made of, whatever the run, its branches and the view", () => {
  fc.assert(
    fc.property(shared, (one) => {
      const link = linkOf(one);
      expect(sharedOf(link)).toEqual(one);
      // as a browser has it in its address
      expect(sharedOf(new URL(`http://host/#${link}`).hash)).toEqual(one);
      expect(linkOf(sharedOf(link))).toBe(link);
    }),
    seeded,
  );
});

test("the default is the empty link", () => {
  const beginning: Shared = { settings: defaultSettings, branches: [], at: null, view: {} };
  expect(linkOf(beginning)).toBe("");
  expect(sharedOf("")).toEqual(beginning);
});

/** A part of a link that has a known name, and nearly a value. */
const nearly = fc.oneof(
  fc
    .tuple(
      fc.constantFrom(...Object.keys(defaultSettings), "branches", "at", "view", "__proto__", "constructor"),
      fc.oneof(
        fc.json(),
        fc.string(),
        fc.constantFrom(
          '[{"step":4}]',
          '[{"step":1e9}]',
          '{"dModel":1e9}',
          '{"__proto__":{"dModel":4}}',
          '{"nCtx":4}',
          "NaN",
          "-1",
          "1e999",
          "null",
        ),
      ),
    )
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`),
  fc.string(),
);

test("a random address is followed, or refused in a sentence", () => {
  fc.assert(
    fc.property(fc.array(nearly, { maxLength: 5 }), (parts) => {
      const hash = `#${parts.join("&")}`;
      try {
        const { settings: found } = sharedOf(hash);
        expect(checkedSettings(found)).toEqual(found);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        expect(error.message).toMatch(/\.$/);
      }
    }),
    { seed: SEED, numRuns: 2000 },
  );
});

test("models are shared out in multiples of four, as evenly as these allow, and none is left", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 256 }), fc.integer({ min: 1, max: 16 }), (models, workers) => {
      const sizes = shares(models, workers);
      expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(models);
      expect(sizes.length).toBeLessThanOrEqual(workers);
      for (const size of sizes.slice(0, -1)) expect(size % 4).toBe(0);
      const groups = sizes.map((size) => Math.ceil(size / 4));
      expect(Math.max(...groups) - Math.min(...groups)).toBeLessThanOrEqual(1);
      expect(Math.min(...sizes)).toBeGreaterThan(0);
    }),
    seeded,
  );
});

test("every task has a size of its own, in which every preset can learn it", () => {
  for (const task of Object.keys(tasks))
    for (const preset of Object.keys(presets) as RunSettings["preset"][]) {
      const size = ownSize(task);
      expect(fitsTask(task, size)).toBe(true);
      const changes = fitsTask(task, presetNamed(preset)) ? {} : size;
      expect(checkedSettings({ ...defaultSettings, preset, task, changes }).task).toBe(task);
    }
  expect(fitsTask("modularAddition", presetNamed("original"))).toBe(false);
});

test("what a page cannot hold is refused before anything is computed", () => {
  const arm = (part: Partial<RunSettings>) => armOf({ ...defaultSettings, ...part });
  expect(checkedSize(arm({ seeds: 256 })).models.length).toBe(256);
  expect(() => checkedSize(arm({ changes: { dVocab: 128, nCtx: 64 } }))).toThrow(
    // 16 seeds, 2 layers of 64 units, 128 tokens, 63 positions
    `got ${16 * 2 * 64 * 128 * 63}. Choose fewer of them`,
  );
  const wide = arm({ changes: { dModel: 1024, dHead: 512, dMlp: 16 } });
  expect(keptBytes(wide.spec, 16)).toBeGreaterThan(mostBytes.run);
  expect(() => checkedSize(wide)).toThrow("Choose smaller networks, fewer seeds or fewer steps");
});

test("a run in a few words says what differs from the beginning, or from where it branched off", () => {
  const text = (part: Partial<RunSettings>, origin: unknown = null) =>
    runText({ settings: { ...defaultSettings, ...part }, origin, recording: null } as Parameters<
      typeof runText
    >[0]);
  expect(text({})).toBe("original");
  expect(text({ preset: "causal", lr: 0.1, seeds: [4, 1], changes: { dMlp: 8 } })).toBe(
    "causal, lr 0.1, seeds 4,1, dMlp 8",
  );
  const parent = { name: "run 1", settings: { ...defaultSettings, lr: 0.1 } };
  expect(text({ lr: 0.2 }, { parent, step: 32 })).toBe("from run 1 at step 32, lr 0.2");
});

test("losses are columns that grow, and a branch's are its own", () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.tuple(fc.double(), fc.double()), { maxLength: 200 }), { maxLength: 8 }),
      fc.nat({ max: 900 }),
      (stretches, cut) => {
        const history = new LossHistory(2);
        for (const rows of stretches) history.add(rows);
        const rows = stretches.flat();
        const columns = (some: readonly (readonly number[])[]) =>
          [0, 1].map((i) => some.map((row) => row[i]));
        const told = history.first(Number.POSITIVE_INFINITY);
        expect(told.map((column) => [...column])).toEqual(columns(rows));
        const branch = history.forked(cut);
        branch.add([[1, 2]]);
        history.add([[3, 4]]);
        const before = rows.slice(0, cut);
        expect(branch.first(rows.length + 1).map((column) => [...column])).toEqual(
          columns([...before, [1, 2]]),
        );
        expect(history.first(rows.length + 1).map((column) => column[rows.length])).toEqual([3, 4]);
      },
    ),
    seeded,
  );
});

test("a model diverged when its loss first was no finite number, or its weights were none", () => {
  const losses = [
    [1, 1, 1],
    [1, Number.NaN, 1],
    [Number.POSITIVE_INFINITY, Number.NaN, 1],
  ];
  const known = divergedAfter([null, null, null], losses, 10);
  expect(known).toEqual([12, 11, null]);
  expect(divergedAfter(known, [[1, 1, Number.NaN]], 13)).toEqual([12, 11, 13]);
  expect(divergedWith(known, { w: Float32Array.of(1, 2, 3, 4, 5, Number.NaN) }, 20)).toEqual([12, 11, 20]);
  expect(divergedWith(known, { w: Float32Array.of(1, 2, 3, 4, 5, 6) }, 20)).toEqual([12, 11, null]);
});
