import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { randomStream } from "../../src/base/random.ts";
import { renderFigureHtml } from "../../src/figures/index.ts";
import {
  armsOf,
  baseWidth,
  type LazyOrRichArm,
  noiseArmName,
  scaledRate,
  settingNames,
  stretchCount,
} from "../../src/studies/lazyOrRich/arms.ts";
import { lazyOrRich } from "../../src/studies/lazyOrRich/index.ts";
import { noiseNames, partly, partNames, type Told } from "../../src/studies/lazyOrRich/measure.ts";
import { layers } from "../../src/studies/lazyOrRich/plan.ts";
import { decide, type Verdict } from "../../src/studies/protocol/rule.ts";
import type { StudySize } from "../../src/studies/protocol/study.ts";

const full: StudySize = { seeds: Array.from({ length: 30 }, (_, seed) => seed), quick: false };
const quick: StudySize = { seeds: [0, 1, 2], quick: true };

/** What a planted seed has: r of trained networks and of noise, and how r goes with scale and width. */
interface Planted {
  /** r trained − r isotropic by setting and layer. */
  difference?: (setting: string, layer: number) => number;
  gradient?: number;
  /** r of the trained networks of a sweep. */
  r?: (arm: LazyOrRichArm) => number;
}

/** Entries of every arm with a small spread over seeds, mean 0. */
function planted({ difference = () => -0.1, gradient = 0.2, r = () => 0.8 }: Planted): Map<string, Told[]> {
  return new Map(
    armsOf(full).map((arm) => [
      arm.name,
      arm.seeds.map((seed): Told => {
        const spread = 0.01 * ((seed % 3) - 1) * (arm.seeds.length === 30 ? 1 : 0.2);
        const isotropic = layers.map((layer) => 0.9 - 0.1 * layer);
        const trained = layers.map((layer) =>
          arm.part === "noise" ? isotropic[layer] + difference(arm.setting, layer) + spread : r(arm) + spread,
        );
        const names = [
          ...noiseNames,
          ...partNames.flatMap((part) => [partly(part, "trained"), partly(part, "isotropic")]),
        ];
        const networks = Object.fromEntries(names.map((name) => [name, isotropic]));
        return {
          diverged: false,
          loss: 1.5,
          moved: 0.3,
          r:
            arm.part === "noise"
              ? { ...networks, gradient: trained.map((value) => value - gradient), trained }
              : { trained },
          rBefore: { trained, isotropic },
          silent: [0, 1],
          overlap: Object.fromEntries(noiseNames.map((name) => [name, 0.01])),
          alignment: Object.fromEntries([...noiseNames, "trained"].map((name) => [name, [1, 1]])),
          linearity: arm.part === "noise" ? null : { error: 0.4 + spread, kernel: 0.1 + spread },
        };
      }),
    ]),
  );
}

function verdicts(told: ReadonlyMap<string, readonly Told[]>): Record<string, Verdict> {
  const { outcomes } = lazyOrRich.conclude(told, full);
  return Object.fromEntries(
    lazyOrRich.plan.rules.map((rule) => [rule.about, decide(rule, outcomes).verdict]),
  );
}

test("training that keeps more than noise everywhere supports the claim, one that keeps less or as much refutes it", () => {
  expect(verdicts(planted({ difference: () => 0.1 }))).toMatchObject({
    C6: "supported",
    "H lazy": "refuted",
  });
  expect(verdicts(planted({ difference: () => -0.1 }))).toMatchObject({ C6: "refuted", "H lazy": "refuted" });
  expect(verdicts(planted({ difference: () => 0 }))).toMatchObject({ C6: "refuted", "H lazy": "supported" });
  // a little more than noise is more, and no more than noise to within the margin
  expect(verdicts(planted({ difference: () => 0.02 }))).toMatchObject({
    C6: "supported",
    "H lazy": "supported",
  });
});

test("settings or layers that disagree decide nothing about the claim", () => {
  expect(verdicts(planted({ difference: (_, layer) => (layer === 0 ? 0.1 : -0.1) }))).toMatchObject({
    C6: "undecided",
  });
  const oneSetting = planted({ difference: (setting) => (setting === "small" ? 0.1 : -0.1) });
  expect(verdicts(oneSetting)).toMatchObject({ C6: "undecided", "H lazy": "refuted" });
  const two = planted({
    difference: (setting) => (setting === "small" || setting === "fast" ? -0.1 : -0.01),
  });
  expect(verdicts(two)).toMatchObject({ C6: "refuted", "H lazy": "undecided" });
});

test("noise among gradients that moves tuning less, as much, or more than training", () => {
  expect(verdicts(planted({ gradient: -0.1 }))).toMatchObject({ "H directed": "supported" });
  expect(verdicts(planted({ gradient: 0.1 }))).toMatchObject({ "H directed": "refuted" });
  expect(verdicts(planted({ gradient: 0.01 }))).toMatchObject({ "H directed": "refuted" });
});

test("slopes on scale and width decide their hypotheses", () => {
  const rising = (arm: LazyOrRichArm): number => {
    if (arm.part === "scale") return 0.98 - 0.2 * Math.log10(100 / (arm.growth.outputScale as number));
    const doublings = Math.log2(arm.growth.config.dModel / baseWidth);
    if (arm.name.endsWith("inverse")) return 0.7 + 0.05 * doublings;
    return arm.name.endsWith("maximal") ? 0.7 + 0.001 * doublings : 0.7;
  };
  const { outcomes } = lazyOrRich.conclude(planted({ r: rising }), full);
  const estimates = Object.fromEntries(outcomes.map(({ name, estimate }) => [name, estimate]));
  expect(estimates["scale slope adam"]).toBeCloseTo(0.2, 10);
  expect(estimates["lazy r sgd"]).toBeCloseTo(0.98, 3);
  expect(estimates["width slope inverse"]).toBeCloseTo(0.05, 10);
  expect(estimates["width slope constant"]).toBeCloseTo(0, 10);
  expect(verdicts(planted({ r: rising }))).toMatchObject({ "H scale": "supported", "H width": "supported" });
  const growing = (arm: LazyOrRichArm) =>
    arm.part === "width" ? rising({ ...arm, name: `${arm.name} inverse` }) : 1 - rising(arm) / 2;
  expect(verdicts(planted({ r: growing }))).toMatchObject({ "H scale": "refuted", "H width": "refuted" });
});

test("a network that diverged is left out and counted", () => {
  const told = planted({});
  const name = noiseArmName("masked");
  told.set(
    name,
    (told.get(name) as Told[]).map((entry, seed) => (seed === 3 ? { ...entry, diverged: true } : entry)),
  );
  const { outcomes, notes } = lazyOrRich.conclude(told, full);
  const seedsOf = (of: string) => outcomes.find((outcome) => outcome.name === of)?.seeds;
  expect(seedsOf("difference masked L0")).toBe(29);
  expect(seedsOf("gradient difference L1")).toBe(29);
  expect(seedsOf("difference original L0")).toBe(30);
  expect(notes[0]).toMatch(/^1 of \d+ trained networks diverged/);
});

test("how linear training was is told of the seeds where it was measured, and decides nothing", () => {
  const told = planted({});
  const half = new Map(
    [...told].map(([name, entries]) => [
      name,
      entries.map((entry, at) => (at < 8 ? entry : { ...entry, linearity: null })),
    ]),
  );
  const [all, some] = [told, half].map((of) => lazyOrRich.conclude(of, full));
  expect(some.outcomes).toEqual(all.outcomes);
  const [before, after] = [all, some].map(({ tables }) => tables.at(-1)?.rows ?? []);
  expect(before).toHaveLength(18);
  expect(before.map((row) => row.at(-1))).toEqual(Array(18).fill(20));
  expect(after.map((row) => row.at(-1))).toEqual(Array(18).fill(8));
  expect(after[0].slice(0, 2)).toEqual(["output scale, adam", 0.1]);
  expect(after[0][2]).toMatch(/^0\.39[0-9]{2} \[/); // 0.4 and a spread of 0.002 whose first eight sum below 0
  expect(some.notes.filter((note) => note.startsWith("How linear"))).toHaveLength(1);
});

test("the arms: two thirds of the seeds for sweeps, one arm at the base width, quarters of the path among its ends", () => {
  const arms = armsOf(full);
  expect(arms.filter(({ part }) => part === "noise").map(({ seeds }) => seeds.length)).toEqual([
    30, 30, 30, 30, 30,
  ]);
  expect(arms.filter(({ part }) => part !== "noise").every(({ seeds }) => seeds.length === 20)).toBe(true);
  const widths = arms.filter(({ part }) => part === "width").map(({ growth }) => growth.config.dModel);
  expect(widths).toEqual([16, 32, 32, 32, 64, 64, 64, 128, 128, 128]);
  for (const arm of arms) {
    if (arm.part !== "noise") continue;
    const { steps, checkpoints } = arm.growth;
    expect(checkpoints).toHaveLength(stretchCount + 1);
    expect(checkpoints.every(Number.isInteger)).toBe(true);
    expect([checkpoints[0], checkpoints.at(-1)]).toEqual([0, steps]);
  }
  expect(scaledRate("sgd", 10) * 10).toBeCloseTo(scaledRate("sgd", 1) / 10, 15);
  expect(scaledRate("adam", 10)).toBeCloseTo(scaledRate("adam", 1) / 10, 15);
});

test("a seed tells the same, bit for bit, whoever is beside it", async () => {
  const backend = wasmBackend();
  const small = (arm: LazyOrRichArm): LazyOrRichArm => {
    if (arm.part !== "noise") return { ...arm, blocks: 2, linear: { outputs: 8, seeds: [4, 7] } };
    return { ...arm, blocks: 2, draws: { tested: 1, explored: 1 }, gradients: 4 };
  };
  const chosen = armsOf(quick).filter(({ name }) =>
    ["noise original", "scale adam 10", "width 32 maximal"].includes(name),
  );
  expect(chosen).toHaveLength(3);
  for (const arm of chosen.map(small)) {
    const measured = async (seeds: readonly number[]) =>
      lazyOrRich.measure(arm, seeds, { backend, progress: () => {} });
    const together = await measured([4, 7]);
    expect([...(await measured([4])), ...(await measured([7]))]).toEqual(together);
    expect(structuredClone(together)).toEqual(together);
    for (const { r, diverged, silent } of together) {
      expect(diverged).toBe(false);
      expect(r.trained.every((value) => value > 0 && value < 1)).toBe(true);
      expect(silent.every(Number.isInteger)).toBe(true);
    }
    for (const { linearity } of together) {
      expect(linearity === null).toBe(arm.part === "noise");
      if (linearity === null) continue;
      expect(linearity.error).toBeGreaterThan(0);
      expect(linearity.error).toBeLessThan(1);
      expect(linearity.kernel).toBeGreaterThan(0);
      expect(linearity.kernel).toBeLessThan(0.5);
    }
    if (arm.part !== "noise") continue;
    expect(Object.keys(together[0].overlap)).toEqual([...noiseNames]);
    expect(together[0].overlap.opposite).toBeCloseTo(1, 6);
    expect(together[0].overlap.isotropic).toBeLessThan(0.1);
  }
});

test("findings have the outcomes of every rule, full tables, and figures that state numbers and draw", () => {
  const stream = randomStream("lazy or rich", "figures");
  const told = planted({
    difference: () => -0.1 + 0.01 * stream.normal(),
    r: () => 0.7 + 0.05 * stream.normal(),
  });
  const { outcomes, tables, figures } = lazyOrRich.conclude(told, full);
  expect(outcomes).toHaveLength(19);
  expect(new Set(outcomes.map(({ name }) => name)).size).toBe(outcomes.length);
  for (const { columns, rows, title } of tables) {
    expect(rows.length).toBeGreaterThan(3);
    for (const row of rows) {
      expect(row, title).toHaveLength(columns.length);
      expect(row.join(" ")).not.toMatch(/NaN|undefined/);
    }
  }
  expect(tables[0].rows).toHaveLength(2 * settingNames.length);
  const { document } = parseHTML("<html><body></body></html>");
  for (const figure of figures) {
    expect(figure.title).toMatch(/\d/);
    const html = renderFigureHtml(figure, document);
    expect(html.match(/<svg/g)).toHaveLength(figure.panels.length);
    expect(html).not.toMatch(/NaN|Infinity|undefined/);
  }
});
