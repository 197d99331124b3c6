import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { unitClassNames } from "../../src/features/index.ts";
import { renderFigureHtml } from "../../src/figures/index.ts";
import type { GroupTold, LayerTold } from "../../src/studies/chanceCorrected/compare.ts";
import { chanceCorrected } from "../../src/studies/chanceCorrected/index.ts";
import type { PersistenceTold } from "../../src/studies/chanceCorrected/measure.ts";
import { kappaOfMeans } from "../../src/studies/chanceCorrected/overArms.ts";
import { decide } from "../../src/studies/protocol/rule.ts";

const { plan, arms, measure, conclude } = chanceCorrected;
const seeds = [0, 1, 2, 3, 4, 5];
const size = { seeds, quick: true };
const wiggle = (seed: number) => 0.02 * Math.sin(2 * seed + 1); // seeds differ, or no interval has a width

interface Planted {
  /** Kappa of each group. */
  kappa: readonly number[];
  /** Tuning r of layer 0 and of layer 1, and with a stranger. */
  r: readonly [number, number];
  stranger: number;
}

function toldOf({ kappa, r, stranger }: Planted, seed: number): PersistenceTold {
  const size = unitClassNames.length;
  const counts = Float64Array.from({ length: size ** 2 }, (_, at) => (at % (size + 1) === 0 ? 8 : 1));
  const layers = r.map(
    (of, layer): LayerTold => ({
      ...{ r: of + wiggle(seed), strangerR: stranger + wiggle(seed + layer) },
      ...{ recovered: 0.9, matched: 0.8, strangerRecovered: 0.02, strangerMatched: 0.4 },
      transitions: [0, 1, 2, 3].map(() => ({ own: counts, stranger: counts.map(() => 2) })),
      ...{ subspace: 0.9 + wiggle(seed), subspaceStranger: 0.7 },
    }),
  );
  const screened = { token: { selective: 1, chance: 0.01 }, position: { selective: 1, chance: 0.01 } };
  return {
    diverged: false,
    groups: kappa.map(
      (of, group): GroupTold => ({
        ...{ maintained: 0.4 + 0.6 * of, nullShuffle: 0.4, nullStranger: 0.4 + wiggle(seed) },
        kappa: of + wiggle(seed + group),
        ...{ r: r[group < 2 ? 0 : 1] + wiggle(seed + group), strangerR: stranger, twinR: 0.95 },
      }),
    ),
    kappaUntrained: kappa,
    layers,
    screened: [
      [screened, screened],
      [screened, screened],
    ],
  };
}

const persistent: Planted = { kappa: [0.9, 0.8, 0.5, 0.3], r: [0.85, 0.7], stranger: 0 };
const findings = (original: Planted, causal = original) =>
  conclude(
    new Map([
      ["original", seeds.map((seed) => toldOf(original, seed))],
      ["causal", seeds.map((seed) => toldOf(causal, seed))],
    ]),
    size,
  );
const verdicts = (...planted: Parameters<typeof findings>) => {
  const { outcomes } = findings(...planted);
  return Object.fromEntries(plan.rules.map((rule) => [rule.about, decide(rule, outcomes).verdict]));
};

test("kappas beyond chance in all groups, less in layer 1, and unrelated strangers give the expected verdicts", () => {
  expect(verdicts(persistent)).toEqual({
    C2: "supported",
    C5: "supported",
    C3: "supported",
    C7: "refuted",
  });
});

test("one group at chance in the masked arm alone refutes C5 and leaves C2", () => {
  const { C2, C5 } = verdicts(persistent, { ...persistent, kappa: [0.9, 0.8, 0.5, 0] });
  expect([C2, C5]).toEqual(["supported", "refuted"]);
});

test("a small kappa that is not zero decides nothing, and a deeper layer that keeps more refutes C3", () => {
  expect(verdicts({ ...persistent, kappa: [0.9, 0.8, 0.5, 0.15] }).C2).toBe("undecided");
  expect(verdicts({ ...persistent, kappa: [0.5, 0.3, 0.9, 0.8] }).C3).toBe("refuted");
  expect(verdicts({ ...persistent, stranger: 0.2 }).C7).toBe("supported");
});

test("a diverged seed is left out and named", () => {
  const told = seeds.map((seed) => toldOf(persistent, seed));
  const broken = { ...toldOf(persistent, 0), diverged: true };
  const { outcomes, notes } = conclude(
    new Map([
      ["original", [...told.slice(1), broken]],
      ["causal", told],
    ]),
    size,
  );
  expect(outcomes.find(({ name }) => name === "kappa original L0 token")?.seeds).toBe(5);
  expect(outcomes.find(({ name }) => name === "kappa causal L0 token")?.seeds).toBe(6);
  expect(notes[0]).toBe("1 seeds of original diverged and are left out.");
});

test("kappa of means is the kappa of the mean rate and the mean chance, with the delta method's spread", () => {
  const [rates, chances] = [
    [0.8, 1, 0.6, 0.8],
    [0.5, 0.9, 0.3, 0.5],
  ];
  const values = kappaOfMeans(rates, chances);
  const mean = (of: readonly number[]) => of.reduce((a, b) => a + b) / of.length;
  expect(mean(values)).toBeCloseTo((0.8 - 0.55) / 0.45, 12);
  // central differences of the kappa of weighted means in the weight of each seed
  const kappa = (weights: readonly number[]) => {
    const total = weights.reduce((a, b) => a + b);
    const [p, c] = [rates, chances].map((of) => of.reduce((sum, x, i) => sum + x * weights[i], 0) / total);
    return (p - c) / (1 - c);
  };
  const step = 1e-5;
  values.forEach((value, at) => {
    const weights = (by: number) => rates.map((_, i) => 1 + (i === at ? by : 0));
    const slope = (kappa(weights(step)) - kappa(weights(-step))) / (2 * step);
    expect(value - mean(values)).toBeCloseTo(4 * slope, 6);
  });
});

const context = { backend: wasmBackend(), progress: () => {} };
const [original] = arms(size);
const short = {
  ...original,
  blocks: 4,
  growth: { ...original.growth, steps: 4, checkpoints: [0, 4] },
  permuted: { blocks: 2, permutations: 19 },
};

test("what a seed tells does not depend on the seeds beside it", async () => {
  const whole = await measure(short, [0, 1, 2], context);
  expect([...(await measure(short, [0], context)), ...(await measure(short, [1, 2], context))]).toEqual(
    whole,
  );
});

test("networks that are not trained keep everything, and share nothing with strangers", async () => {
  const still = { ...short, growth: { ...short.growth, rate: 1e-9 } };
  for (const { diverged, groups, layers } of await measure(still, [0, 1, 2, 3], context)) {
    expect(diverged).toBe(false);
    for (const { kappa, r, twinR } of groups) {
      expect(kappa).toBe(1);
      expect(Math.min(r, twinR)).toBeGreaterThan(1 - 1e-6);
    }
    for (const { recovered, strangerRecovered, subspace, subspaceStranger, transitions } of layers) {
      expect(recovered).toBe(1);
      expect(strangerRecovered).toBeLessThan(0.15); // 64 units: one in 64 on average
      // rectifiers come after: the pre-activations of an untrained layer are linear in its stream
      expect(subspace).toBeGreaterThan(1 - 1e-6);
      expect(subspaceStranger).toBeLessThan(0.97);
      const { own } = transitions[0];
      const stays = unitClassNames.reduce((sum, _, at) => sum + own[at * (unitClassNames.length + 1)], 0);
      expect(stays).toBe(64);
    }
  }
});

test("every figure and table is made of planted numbers and holds nothing undefined", () => {
  const { document } = parseHTML("<html><body></body></html>");
  const { figures, tables } = findings(persistent);
  expect(figures.map(({ name }) => name)).toEqual([
    "maintained",
    "kappas",
    "tuning-correlation",
    "class-moves",
    "layer-keeps",
  ]);
  for (const figure of figures) {
    const html = renderFigureHtml(figure, document);
    expect(html).toContain("<b>Null:</b>");
    expect(html.match(/.{0,30}(NaN|Infinity|undefined).{0,20}/g)).toBeNull();
  }
  for (const { columns, rows } of tables) for (const row of rows) expect(row.length).toBe(columns.length);
});
