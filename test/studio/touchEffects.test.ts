/** What the page says of touched networks: which parts there are, and effects over seeds. */
import { expect, test } from "vitest";
import { presets } from "../../src/model/config.ts";
import { linkOf, sharedOf } from "../../studio/src/state/link.ts";
import { defaultSettings } from "../../studio/src/state/runSettings.ts";
import { firstTouch, MOST_EDITS, touchChoice, touchEdits } from "../../studio/src/state/touchChoice.ts";
import {
  bySize,
  effectBetween,
  elsewhereOf,
  meanOverModels,
  seedEffect,
} from "../../studio/src/views/touch/effects.ts";
import { measureOf, suggestedAnswers } from "../../studio/src/views/touch/measure.ts";
import { nullVariants } from "../../studio/src/views/touch/nullVariants.ts";
import {
  editProblem,
  nameOfPart,
  partLines,
  partNamed,
  partsLike,
  placeOfPart,
} from "../../studio/src/views/touch/parts.ts";

/** Decimals of the table of t quantiles that the interval is checked by. */
const TABLE = 3;

test("the drawing of a network has every part once, in the order in which they fire", () => {
  expect(partLines(presets.causal).map(({ names }) => names.join(" "))).toEqual([
    "embed",
    "L0pre",
    "L0H0 L0H1 L0attn",
    "L0mid",
    "L0mlp",
    "L0post",
    "L1H0 L1H1 L1attn",
    "L1mid",
    "L1mlp",
    "L1post",
  ]);
  const names = (changes: object) =>
    partLines({ ...presets.causal, nLayers: 1, ...changes }).map((line) => line.names.join(" "));
  expect(names({ attnOnly: true })).toEqual(["embed", "L0pre", "L0H0 L0H1 L0attn", "L0post"]);
  expect(names({ mlpOnly: true })).toEqual(["embed", "L0pre", "L0mlp", "L0post"]);
  expect(names({ parallelBlocks: true, normalization: "pre" })).toEqual([
    ...["embed", "L0pre", "L0H0 L0H1 L0attn", "L0mlp", "L0post"],
  ]);
});

test("names of parts are read back, and an edit of a part that a run has not is told in words", () => {
  for (const name of ["embed", "L0H1", "L12N345", "L0attn", "L1mlp", "L0pre", "L1mid", "L1post"])
    expect(nameOfPart(partNamed(name))).toBe(name);
  expect(placeOfPart(presets.causal, "L1N63")).toEqual({
    site: "blocks.1.mlp.hook_post",
    region: { units: 63 },
  });
  expect(editProblem(presets.causal, { at: "L1H1", pos: 6 }, 7)).toBe(null);
  expect(editProblem(presets.causal, { at: "L1H2", pos: null }, 7)).toBe("these networks have no L1H2");
  expect(editProblem(presets.causal, { at: "L2mlp", pos: null }, 7)).toBe("these networks have no L2 MLP");
  expect(editProblem(presets.causal, { at: "L0N64", pos: null }, 7)).toBe("these networks have no L0N64");
  expect(editProblem({ ...presets.causal, mlpOnly: true }, { at: "L0mid", pos: null }, 7)).toBe(
    "these networks have no L0 resid_mid",
  );
  expect(editProblem(presets.causal, { at: "embed", pos: 7 }, 7)).toBe("the sequence has no position 7");
});

test("a link carries edits, and refuses what is none", () => {
  const edits = [
    { at: "L1H0", how: "zero", pos: null },
    { at: "L0N17", how: "scale", by: -0.5, pos: 3 },
  ];
  const touch = { ...firstTouch, pos: 6, answer: 7, wrong: 0, kept: edits };
  const link = linkOf({ settings: defaultSettings, branches: [], at: 160, view: { edits, touch } as never });
  const { view } = sharedOf(link);
  expect(touchEdits.parse(view.edits)).toEqual(edits);
  expect(touchChoice.parse(view.touch)).toEqual(touch);
  for (const wrong of [
    [{ at: "L1H0", how: "zero" }],
    [{ at: "L1H0", how: "scale", pos: null }],
    [{ at: "L1H0", how: "zero", by: 2, pos: null }],
    [{ at: "L1H0", how: "scale", by: 101, pos: null }],
    [{ at: "L1H0; drop", how: "zero", pos: null }],
    [{ at: "L1H0", how: "zero", pos: -1 }],
    [{ at: "L1H0", how: "erase", pos: null }],
    Array.from({ length: MOST_EDITS + 1 }, () => edits[0]),
  ])
    expect(touchEdits.safeParse(wrong).success).toBe(false);
});

test("an effect is the mean difference with its t interval, in its own standard deviations beside", () => {
  const effect = seedEffect([1, 1, 1, 1, 5], [2, 3, 4, 5, Number.NaN]);
  expect([...effect.bySeed]).toEqual([1, 2, 3, 4, Number.NaN]);
  // mean 2.5, sd 1.29099, t(0.975, 3) = 3.18245: half width 2.0543
  expect(effect.over.estimate).toBe(2.5);
  expect(effect.over.low).toBeCloseTo(0.4457, TABLE);
  expect(effect.over.high).toBeCloseTo(4.5543, TABLE);
  expect(effect.seeds).toBe(4);
  expect(effect.size?.d).toBeCloseTo(2.5 / Math.sqrt(5 / 3), 12);
  expect(seedEffect([1, 2], [2, 3]).size).toBe(null); // two seeds
  expect(seedEffect([1, 2, 3], [2, 3, 4]).size).toBe(null); // no spread
  expect([...effectBetween(seedEffect([0, 0], [1, 2]), seedEffect([0, 0], [3, 3])).bySeed]).toEqual([2, 1]);
});

test("effects are sorted by size whatever their sign, and those without a number stand last", () => {
  const effects = [[0.1], [-3], [Number.NaN], [2]].map((after) => seedEffect([0], after));
  expect(bySize(effects)).toEqual([1, 3, 0, 2]);
});

test("the null's band is the middle 95 % of the variants' mean effects, of a few of them their range", () => {
  // means 0 … 40: quantiles of type 7 at 0.025, 0.5 and 0.975 are 1, 20 and 39
  const variants = Array.from({ length: 41 }, (_, i) => Float64Array.of(i + 1, i - 1));
  expect(elsewhereOf([0, 0], variants)).toEqual({
    ...{ low: 1, middle: 20, high: 39, variants: 41, holds: "middle 95 %" },
  });
  const diverged = Float64Array.of(Number.NaN, Number.NaN);
  expect(elsewhereOf([0, 0], [...variants.slice(0, 3), diverged])).toEqual({
    ...{ low: 0, middle: 1, high: 2, variants: 3, holds: "range" },
  });
  expect(elsewhereOf([0, 0], [])).toBe(null);
});

test("variants of the null are the same edits at other parts of the kind, the same at every visit", () => {
  const edits = [
    { at: "L0N3", how: "zero", pos: 2 },
    { at: "L0N4", how: "zero", pos: 2 },
    { at: "embed", how: "scale", by: 2, pos: null },
  ] as const;
  const variants = nullVariants(presets.causal, edits);
  expect(variants).toEqual(nullVariants(presets.causal, edits));
  expect(new Set(variants.map((one) => JSON.stringify(one))).size).toBe(40);
  for (const [first, second, third] of variants) {
    for (const { at, how, pos } of [first, second]) {
      expect(at).toMatch(/^L0N\d+$/);
      expect(["L0N3", "L0N4"]).not.toContain(at);
      expect([how, pos]).toEqual(["zero", 2]);
    }
    expect(first.at).not.toBe(second.at);
    expect(third).toEqual(edits[2]); // there is one embedding
  }
  expect(nullVariants(presets.causal, [{ at: "embed", how: "zero", pos: null }])).toEqual([]);
  const heads = nullVariants(presets.causal, [{ at: "L0H0", how: "zero", pos: null }]);
  expect(heads.map(([{ at }]) => at).sort()).toEqual(["L0H1", "L1H0", "L1H1"]);
  expect(partsLike(presets.causal, "L0mid")).toEqual(["L0pre", "L0post", "L1mid", "L1post"]);
});

test("what is measured follows from what was chosen", () => {
  const tokens = [4, 5, 6];
  const of = (pos: number | null, answer: number | null, wrong: number | null) =>
    measureOf({ pos, answer, wrong }, tokens);
  expect(of(null, null, null)).toEqual({ kind: "loss", positions: [0, 1], targets: [5, 6, -1] });
  expect(of(0, null, null)).toEqual({ kind: "loss", positions: [0], targets: [5, 6, -1] });
  expect(of(2, null, null)).toEqual({ kind: "loss", positions: [1], targets: [5, 6, -1] });
  expect(of(2, 9, null)).toEqual({ kind: "loss", positions: [2], targets: [5, 6, 9] });
  expect(of(1, 9, null)).toEqual({ kind: "loss", positions: [1], targets: [5, 9, 9] });
  expect(of(null, 7, 8)).toEqual({ kind: "difference", position: 2, answer: 7, wrong: 8 });
  expect(measureOf({ pos: null, answer: null, wrong: null }, [4])).toBe(null);
});

test("suggested answers are what most probability goes to, and what gains most in the other sequence", () => {
  const sizes = { models: 2, dVocab: 3 };
  const clean = Float64Array.of(1, 0, 0, 0.2, 0.1, 0.7, 0, 1, 0, 0.3, 0.4, 0.3);
  const other = Float64Array.of(0, 0, 1, 0.2, 0.5, 0.3, 0, 0, 1, 0.4, 0.5, 0.1);
  expect(suggestedAnswers(clean, other, sizes)).toEqual({ answer: 2, wrong: 1 });
  // a diverged model has no vote
  const broken = Float64Array.of(...clean.subarray(0, 6), ...new Float64Array(6).fill(Number.NaN));
  expect(suggestedAnswers(broken, other, sizes)).toEqual({ answer: 2, wrong: 1 });
});

test("means over models leave out those that diverged", () => {
  expect([...meanOverModels([1, 2, Number.NaN, 4, 3, 6], 3)]).toEqual([2, 4]);
});
