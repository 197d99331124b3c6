/** What the page says of touched networks: which parts there are, and effects over seeds. */
import { expect, test } from "vitest";
import { presets } from "../../src/model/config.ts";
import { unseenSequences } from "../../src/studies/population/arm.ts";
import { type ChangeHistory, changed, noChanges, redo, undo } from "../../studio/src/state/changeHistory.ts";
import { linkOf, sharedOf } from "../../studio/src/state/link.ts";
import { armOf, defaultSettings } from "../../studio/src/state/runSettings.ts";
import { firstTouch, MOST_EDITS, touchChoice, touchEdits } from "../../studio/src/state/touchChoice.ts";
import { answerRows } from "../../studio/src/views/touch/answerRows.ts";
import {
  bySize,
  effectBetween,
  elsewhereOf,
  meanOverModels,
  seedEffect,
} from "../../studio/src/views/touch/effects.ts";
import { heldOutSequences } from "../../studio/src/views/touch/heldOut.ts";
import { measureOf, suggestedAnswers } from "../../studio/src/views/touch/measure.ts";
import { mostActive } from "../../studio/src/views/touch/mostActive.ts";
import { nullVariants } from "../../studio/src/views/touch/nullVariants.ts";
import {
  editProblem,
  nameOfPart,
  partLines,
  partNamed,
  partsLike,
  placeOfPart,
} from "../../studio/src/views/touch/parts.ts";
import { movedAttention } from "../../studio/src/views/touch/patternFigure.ts";
import { sweepCells } from "../../studio/src/views/touch/sweepData.ts";

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

test("changes are taken back and done again, and never over what others changed meanwhile", () => {
  interface State {
    a: number;
    b: readonly number[];
  }
  let now: State = { a: 1, b: [] };
  let history: ChangeHistory<State> = noChanges;
  const choose = (part: Partial<State>) => {
    history = changed(history, now, part);
    now = { ...now, ...part };
  };
  const take = (step: ReturnType<typeof undo<State>>) => {
    if (step === null) return false;
    history = step.history;
    now = { ...now, ...step.part };
    return true;
  };
  choose({ a: 2 });
  choose({ a: 2 }); // no change
  choose({ b: [3] });
  expect(take(undo(history, now))).toBe(true);
  expect(now).toEqual({ a: 2, b: [] });
  expect(take(undo(history, now))).toBe(true);
  expect(take(undo(history, now))).toBe(false);
  expect(now).toEqual({ a: 1, b: [] });
  expect(take(redo(history, now))).toBe(true);
  expect(take(redo(history, now))).toBe(true);
  expect(take(redo(history, now))).toBe(false);
  expect(now).toEqual({ a: 2, b: [3] });
  take(undo(history, now));
  choose({ a: 5 }); // what was taken back is gone
  expect(redo(history, now)).toBe(null);
  now = { ...now, a: 7 }; // by someone else
  expect(undo(history, now)).toBe(null);
});

test("moved attention is the total variation over queries that have a choice", () => {
  // query 0 of a masked head sees itself only; query 1 moves 0.3 of 1
  expect(movedAttention([1, 0, 0.5, 0.5], [1, 0, 0.2, 0.8], 2, true)).toBeCloseTo(0.3, 15);
  expect(movedAttention([1, 0, 0.5, 0.5], [0, 1, 0.2, 0.8], 2, false)).toBeCloseTo(0.65, 15);
  expect(movedAttention([1], [1], 1, true)).toBeNaN();
});

test("neurons stand by their largest activation, or by that at a position", () => {
  // [model 2, pos 2, unit 3]
  const data = Float64Array.of(9, 9, 9, 9, 9, 9, 1, 0, -2, 0, 3, 1);
  const activations = { axes: ["model", "pos", "dMlp"], shape: [2, 2, 3], data } as const;
  expect(mostActive(activations, 1, null)).toEqual([
    { unit: 1, activation: 3, at: 1 },
    { unit: 2, activation: -2, at: 0 },
    { unit: 0, activation: 1, at: 0 },
  ]);
  expect(mostActive(activations, 1, 0).map(({ unit }) => unit)).toEqual([2, 0, 1]);
});

test("a table of answers keeps what was chosen and the likeliest tokens", () => {
  const clean = Float64Array.of(0.1, 0.5, 0.2, 0.15, 0.05);
  const edited = Float64Array.of(0.1, 0.1, 0.1, 0.6, 0.1);
  const rows = { clean, edited, dVocab: 5, keep: [4, -1] };
  expect(answerRows(rows, 3)).toEqual([1, 3, 4]);
  expect(answerRows(rows, 5)).toEqual([0, 1, 2, 3, 4]);
});

test("cells of a sweep are shares, or changes against the run that was patched, over seeds with a number", () => {
  const line = {
    effects: Float64Array.of(0.5, 0, 0.25, Number.NaN),
    patched: Float64Array.of(3, 1, 4, 9),
    clean: Float64Array.of(5, 7),
    corrupt: Float64Array.of(1, 3),
  };
  const read = (share: boolean, direction: "denoising" | "noising") =>
    sweepCells([line, null], { share, direction, cells: 2 }).map((cell) => cell && [...cell.bySeed]);
  expect(read(true, "denoising")).toEqual([[0.5, 0.25], [0, Number.NaN], null, null]);
  expect(read(false, "denoising")).toEqual([[2, 1], [0, 6], null, null]);
  expect(read(false, "noising")).toEqual([[-2, -3], [-4, 2], null, null]);
  const [first, second] = sweepCells([line, null], { share: true, direction: "denoising", cells: 2 });
  expect(first?.over.estimate).toBe(0.375);
  expect(second?.over).toEqual({ estimate: 0, low: Number.NaN, high: Number.NaN });
});

test("held-out sequences are the arm's, with their last target where a whole one is asked for", () => {
  const { spec } = armOf({ ...defaultSettings, preset: "causal" });
  const { inputs, targets } = unseenSequences(spec);
  const whole = heldOutSequences(spec, 8);
  expect(whole.length).toBe(64);
  expect(whole[2]).toEqual([...inputs.subarray(14, 21), targets[20]]);
  expect(heldOutSequences(spec, 3)[2]).toEqual([...inputs.subarray(14, 17)]);
});
