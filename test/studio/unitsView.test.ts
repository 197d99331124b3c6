import { expect, test } from "vitest";
import { randomStream } from "../../src/base/random.ts";
import { originalCriterion, tuningCorrelation, unitMeans } from "../../src/features/index.ts";
import { neighbourModel } from "../../src/features/pairing.ts";
import { curveKinds } from "../../src/features/unitCurves.ts";
import { colorLevel } from "../../src/figures/colorScale.ts";
import { pearson } from "../../src/stats/correlation.ts";
import { tInterval } from "../../src/stats/intervals.ts";
import { mean } from "../../src/stats/moments.ts";
import { quantile } from "../../src/stats/quantile.ts";
import { cellsAt } from "../../src/studies/persistence/cells.ts";
import type { ArmCheckpoint } from "../../src/studies/population/gather.ts";
import { allRows, rowChoice } from "../../studio/src/state/rowChoice.ts";
import { armOf, defaultSettings } from "../../studio/src/state/runSettings.ts";
import { fateOf, survival } from "../../studio/src/views/units/fates.ts";
import {
  initReference,
  nullBand,
  nullCorrelations,
  pooledNull,
} from "../../studio/src/views/units/initNull.ts";
import { findingSentence, layerFinding, unitPersistence } from "../../studio/src/views/units/layerFinding.ts";
import { layerLook } from "../../studio/src/views/units/layerLook.ts";
import { lifeData, momentOf } from "../../studio/src/views/units/lifeData.ts";
import { columnLabels, columnLeft, rowLayout, rPlace } from "../../studio/src/views/units/rowLayout.ts";
import {
  layerLimits,
  persistencePaths,
  stripPaths,
  stripScale,
} from "../../studio/src/views/units/rowPaths.ts";
import { rowLabel } from "../../studio/src/views/units/rowText.ts";
import {
  brushed,
  nearestRow,
  pointsPath,
  shownSelectivity,
  xOf,
  yOf,
} from "../../studio/src/views/units/scatterPlane.ts";
import { countFrom } from "../../studio/src/views/units/sorted.ts";
import { strongestWeights } from "../../studio/src/views/units/strongestWeights.ts";
import { chosenRows, isMeant, unitRows } from "../../studio/src/views/units/unitRows.ts";

/** Correlations by another order of additions, of curves of some ten to seventy numbers of order 1. */
const ROUNDING = 1e-12;
/** Paths are written to the tenth of a pixel. */
const TENTH = 0.05 + 1e-9;

const seeds = 5;
const layer = 1;
const { spec: arm, models } = armOf({ ...defaultSettings, seeds });
const site = `blocks.${layer}.mlp.hook_post`;
const units = arm.config.dMlp;
const { dVocab } = arm.config;
const { nPos } = arm.probe;
const cells = dVocab * nPos;
const silent = 7;

/** A look with drawn cell means and shares; unit 7 of the first seed is silent. */
function drawnLook(step: number, kept?: { look: ArmCheckpoint; share: number }): ArmCheckpoint {
  const stream = randomStream("units view", step);
  const draw = (size: number, of: () => number) => Float64Array.from({ length: size }, of);
  const old = kept?.look.sites[site].cellMean;
  const cellMean = Float32Array.from(
    { length: seeds * units * cells },
    (_, i) => (kept?.share ?? 0) * (old?.[i] ?? 0) + stream.normal(),
  );
  cellMean.fill(0.25, silent * cells, (silent + 1) * cells);
  const share = () => {
    const values = draw(seeds * units, () => stream.uniform() ** 3 / 3);
    values[silent] = Number.NaN;
    return values;
  };
  const eta2 = { token: share(), position: share(), interaction: share(), context: share() };
  return { step, sites: { [site]: { units, eta2, cellMean } } } as unknown as ArmCheckpoint;
}

const start = drawnLook(0);
const middle = drawnLook(4, { look: start, share: 3 });
const end = drawnLook(16, { look: start, share: 1 });
const first = layerLook(start, layer, arm);
const now = layerLook(end, layer, arm);
const both = { first, now };
const raw = (look: ArmCheckpoint, at: number) =>
  Array.from((look.sites[site].cellMean as Float32Array).subarray(at * cells, (at + 1) * cells));

test("persistence is that of the study, bit for bit, for every kind", () => {
  const [before, after] = [cellsAt(start, site, arm), cellsAt(end, site, arm)];
  for (const kind of curveKinds)
    expect(unitPersistence(both, kind)).toEqual(tuningCorrelation(before, after, { kind }));
});

test("the finding's numbers are means over units, then seeds, and leave a diverged seed out of both", () => {
  const [before, after] = [cellsAt(start, site, arm), cellsAt(end, site, arm)];
  const r = unitPersistence(both, "token");
  const whole = layerFinding(both, { kind: "token", r, out: models.map(() => false) });
  const bySeed = unitMeans(tuningCorrelation(before, after, { kind: "token" }), seeds).mean;
  const other = tuningCorrelation(before, after, { kind: "token", partner: neighbourModel(seeds) });
  expect(whole.own).toEqual(tInterval(bySeed));
  expect(whole.null).toEqual(tInterval(unitMeans(other, seeds).mean));
  const part = layerFinding(both, { kind: "token", r, out: models.map((_, model) => model === 2) });
  expect(part.seeds).toBe(seeds - 1);
  expect(part.own.estimate).toBeCloseTo(mean(bySeed.filter((_, model) => model !== 2)), 12);
  // the pairs (1, 2) and (2, 3) both need seed 2
  expect(part.null).toEqual(
    tInterval(unitMeans(other, seeds).mean.filter((_, model) => model !== 2 && model !== 1)),
  );
});

test("a finding says kept only where the interval is above that of the null", () => {
  const told = (low: number, high: number) =>
    findingSentence(
      {
        own: { estimate: (low + high) / 2, low, high },
        null: { estimate: 0, low: -0.1, high: 0.1 },
        ...{ seeds, excluded: 0 },
      },
      { layer: 0, kind: "position", step: 8 },
    );
  expect(told(0.4, 0.6)).toBe(
    "Layer 0, step 8: position tuning is kept beyond chance, r 0.50 [0.40, 0.60]; another initialisation has r 0.00 [−0.10, 0.10].",
  );
  expect(told(0.05, 0.3)).toContain("no position tuning is shown to be kept beyond chance");
});

test("a finding of one seed has no verdict, and one without any number says why", () => {
  const none = { estimate: Number.NaN, low: Number.NaN, high: Number.NaN };
  const place = { layer: 0, kind: "all", step: 8 } as const;
  const one = findingSentence({ own: { ...none, estimate: 0.97 }, null: none, seeds: 1, excluded: 0 }, place);
  expect(one).toBe(
    "Layer 0, step 8: tuning r 0.97; another initialisation has r –; it takes intervals over seeds to tell them apart.",
  );
  const lost = findingSentence({ own: none, null: none, seeds: 0, excluded: 0 }, place);
  expect(lost).toContain("all are flat, or all networks diverged");
});

test("the null of a unit is its correlation with evenly spaced units of every other seed at initialisation", () => {
  const reference = initReference(first.curves.all, first);
  expect(reference.perModel).toBe(64);
  const at = 3 * units + 11;
  const expected: number[] = [];
  for (let model = 0; model < seeds; model++)
    for (let unit = 0; unit < units; unit++)
      if (model !== 3 && !(model === 0 && unit === silent))
        expected.push(pearson(raw(end, at), raw(start, model * units + unit)));
  expected.sort((a, b) => a - b);
  const found = nullCorrelations(reference, now.curves.all, { at, model: 3 });
  expect(found.length).toBe(expected.length);
  found.forEach((r, i) => {
    expect(Math.abs(r - expected[i])).toBeLessThan(ROUNDING);
  });
  const own = 0.1;
  const band = nullBand(found, own);
  expect(band.low).toBeCloseTo(quantile(expected, 0.05), 10);
  expect(band.high).toBeCloseTo(quantile(expected, 0.95), 10);
  expect(band.below).toBe(expected.filter((r) => r < own).length / expected.length);
});

test("odd and even curves have the same null as correlations taken one by one", () => {
  for (const kind of ["token", "position"] as const) {
    const reference = initReference(first.curves[kind], first);
    const { length, values } = now.curves[kind];
    const found = nullCorrelations(reference, now.curves[kind], { at: 5, model: 0 });
    const own = values.slice(5 * length, 6 * length);
    const expected: number[] = [];
    for (let at = units; at < seeds * units; at++)
      expected.push(pearson(own, first.curves[kind].values.slice(at * length, (at + 1) * length)));
    expected.sort((a, b) => a - b);
    found.forEach((r, i) => {
      expect(Math.abs(r - expected[i])).toBeLessThan(ROUNDING);
    });
  }
});

test("the null of drawn units has mean 0 and the spread of a correlation of so many cells", () => {
  const reference = initReference(first.curves.all, first);
  const pooled = pooledNull(
    reference,
    now.curves.all,
    unitRows({ first, now, r: unitPersistence(both, "all") }, { layer, kind: "all", models: [1] }),
  );
  // 5 % point of r between independent normal lists of 70: ±1.645/√69, to the error of some thousand dependent draws
  expect(Math.abs(pooled.low + 1.645 / Math.sqrt(cells - 1))).toBeLessThan(0.03);
  expect(Math.abs(pooled.high - 1.645 / Math.sqrt(cells - 1))).toBeLessThan(0.03);
  expect(Math.abs(pooled.median)).toBeLessThan(0.02);
});

test("survival and its chance level are those of the original criterion that follows every selective unit", () => {
  for (const kind of ["token", "position"] as const) {
    const [then, later] = [first.selectivity[kind], now.selectivity[kind]];
    let [selective, survived, chance] = [0, 0, 0];
    const excess: number[] = [];
    for (let model = 0; model < seeds; model++) {
      const part = (values: Float64Array) => values.subarray(model * units, (model + 1) * units);
      const followed = part(then).filter((share) => share > 0.05).length;
      const { maintained, nullShuffle } = originalCriterion(part(then), part(later), 1, { topK: followed });
      selective += followed;
      survived += followed * maintained[0];
      chance += followed * nullShuffle[0];
      excess.push(maintained[0] - nullShuffle[0]);
    }
    const all = { models: [0, 1, 2, 3, 4], units };
    const found = survival(then, later, { ...all, out: models.map(() => false) });
    expect(found.selective).toBe(selective);
    expect(found.survived).toBeCloseTo(survived, 9);
    expect(found.chance).toBeCloseTo(chance / selective, 12);
    const { estimate, low } = tInterval(Float64Array.from(excess));
    expect(found.excess.estimate).toBeCloseTo(estimate, 12);
    expect(found.excess.low).toBeCloseTo(low, 12);
    // a seed that diverged counts no unit as lost
    const lost = later.map((value, at) => (at < units ? Number.NaN : value));
    const without = survival(then, lost, { ...all, out: models.map((_, model) => model === 0) });
    expect(without).toEqual(survival(then, later, { ...all, models: [1, 2, 3, 4], out: [] }));
    expect(without.networks).toBe(seeds - 1);
  }
});

test("a fate follows from the two shares; a unit without variance is not selective", () => {
  expect(fateOf(0.4, 0.21)).toBe("survived");
  expect(fateOf(0.4, 0.2)).toBe("lost");
  expect(fateOf(0.06, 0.05)).toBe("lost");
  expect(fateOf(0.05, 0.06)).toBe("new");
  expect(fateOf(Number.NaN, 0.06)).toBe("new");
  expect(fateOf(0.4, Number.NaN)).toBe("lost");
  expect(fateOf(0.01, 0.02)).toBe("never");
});

test("values are counted as by looking at each", () => {
  const sorted = Float64Array.from([-1, 0, 0, 0.5, 0.5, 0.5, 2]);
  for (const bar of [-2, -1, 0, 0.3, 0.5, 2, 3]) {
    expect(countFrom(sorted, bar)).toBe(sorted.filter((value) => value >= bar).length);
    expect(countFrom(sorted, bar, { beyond: true })).toBe(sorted.filter((value) => value > bar).length);
  }
});

test("selectivity of cells is what is not the context's", () => {
  const { token, position, interaction } = start.sites[site].eta2;
  expect(first.selectivity.all[12]).toBeCloseTo(token[12] + position[12] + interaction[12], 15);
  expect(first.selectivity.all[silent]).toBeNaN();
});

const r = unitPersistence(both, "all");
const rows = unitRows({ first, now, r }, { layer, kind: "all", models: [0, 3] });

test("rows carry the names, preferences and numbers of their units", () => {
  expect(rows.length).toBe(2 * units);
  const row = rows[units + 9];
  expect(row).toMatchObject({ model: 3, unit: 9, at: 3 * units + 9, name: "L1N9" });
  const table = raw(end, row.at);
  const byToken = Array.from({ length: dVocab }, (_, t) => mean(table.slice(t * nPos, (t + 1) * nPos)));
  expect(row.token[1]).toBe(byToken.indexOf(Math.max(...byToken)));
  expect(rows[silent]).toMatchObject({ token: [-1, -1], position: [-1, -1] });
  expect(rows[silent].r).toBeNaN();
});

test("rows are sorted either way with those without a value last, and filtered by every choice at once", () => {
  const sorted = chosenRows(rows, allRows);
  expect(sorted.length).toBe(rows.length);
  expect(sorted[sorted.length - 1].at).toBe(silent);
  for (let i = 2; i < sorted.length; i++) expect(sorted[i - 2].r >= sorted[i - 1].r).toBe(true);
  const reversed = chosenRows(rows, { ...allRows, reversed: true });
  expect(reversed[reversed.length - 1].at).toBe(silent);
  expect(reversed[0].at).toBe(sorted[sorted.length - 2].at);
  const byToken = chosenRows(rows, { ...allRows, sort: "token" }).map(({ token }) => token[1]);
  expect(byToken.slice(0, -1)).toEqual(byToken.slice(0, -1).toSorted((a, b) => a - b));
  const choice = { ...allRows, selectivity: [0.2, 0.6], persistence: [0.6, 0.8], text: "L1N1" } as const;
  const kept = chosenRows(rows, choice).map(({ at }) => at);
  const expected = rows.filter(
    (row) =>
      row.initial >= 0.2 && row.initial <= 0.6 && row.r >= 0.6 && row.r <= 0.8 && row.name.startsWith("L1N1"),
  );
  expect(expected.length).toBeGreaterThan(0);
  expect(new Set(kept)).toEqual(new Set(expected.map(({ at }) => at)));
});

test("at initialisation, where all are 1 but for rounding, rows stay in the order of their index", () => {
  const same = unitRows(
    { first, now: first, r: unitPersistence({ first, now: first }, "all") },
    { layer, kind: "all", models: [1] },
  );
  expect(chosenRows(same, allRows).map(({ unit }) => unit)).toEqual(same.map(({ unit }) => unit));
});

test("a text means units by whole names, beginnings, or indices", () => {
  const meant = (text: string) => ["L0N1", "L0N12", "L0N2"].filter((name) => isMeant(name, text));
  expect(meant("")).toEqual(["L0N1", "L0N12", "L0N2"]);
  expect(meant("1")).toEqual(["L0N1"]);
  expect(meant("n1")).toEqual(["L0N1", "L0N12"]);
  expect(meant("L0N12, 2")).toEqual(["L0N12", "L0N2"]);
  expect(meant("L1")).toEqual([]);
});

test("a choice of rows goes through a link unchanged, and one that cannot be is refused", () => {
  const choice = { ...allRows, sort: "change", persistence: [-0.2, 0.5], text: "N3" };
  expect(rowChoice.parse(JSON.parse(JSON.stringify(choice)))).toEqual(choice);
  expect(rowChoice.safeParse({ ...allRows, persistence: [-2, 1] }).success).toBe(false);
  expect(rowChoice.safeParse({ ...allRows, sort: "colour" }).success).toBe(false);
});

test("at every width groups stand in order, do not overlap, and leave room for the text", () => {
  for (const width of [300, 372, 620, 760, 960, 1232])
    for (const kind of curveKinds)
      for (const probe of [
        { dVocab, nPos },
        { dVocab: 50, nPos: 31 },
      ]) {
        const layout = rowLayout(width, probe, { kind, seeds: width > 700 });
        let edge = 0;
        for (const group of layout.groups) {
          expect(group.left).toBeGreaterThanOrEqual(edge);
          edge = columnLeft(group, group.columns - 1) + group.cell;
          expect(edge).toBeCloseTo(group.left + group.width, 9);
          expect(columnLabels(group).every(({ x }) => x > group.left && x < edge)).toBe(true);
        }
        expect(layout.r.left).toBeGreaterThanOrEqual(edge);
        expect(rPlace(layout, -1)).toBeGreaterThan(layout.r.left);
        expect(rPlace(layout, 1)).toBeLessThan(layout.picture);
        expect(layout.groups.some((group) => group.kind === kind)).toBe(true);
        if (probe.dVocab === dVocab) expect(layout.name + layout.picture + 46).toBeLessThanOrEqual(width);
      }
});

/** What a path of `M x,y h width` lines paints. */
function linesOf(d: string): { x: number; y: number; width: number }[] {
  return [...d.matchAll(/M([\d.]+),([\d.]+)h([\d.]+)/g)].map(([, x, y, width]) => ({
    x: Number(x),
    y: Number(y),
    width: Number(width),
  }));
}

test("every cell of every strip is painted once in the colour of its value, and a silent unit not at all", () => {
  const some = rows.slice(silent - 2, silent + 2);
  for (const width of [372, 1232]) {
    const layout = rowLayout(width, first, { kind: "all", seeds: false });
    for (const limits of [undefined, layerLimits(both, rows, layout)]) {
      const paths = stripPaths(both, some, { layout, limits }).map(({ level, d }) => ({
        level,
        lines: linesOf(d),
      }));
      some.forEach((row, i) => {
        for (const group of layout.groups) {
          const look = group.time === "then" ? first : now;
          const { values, length } = look.curves[group.kind];
          const family = group.kind === "all" ? ["all" as const] : (["token", "position"] as const);
          const largest = Math.max(
            ...family.flatMap((kind) =>
              [first, now].flatMap(({ curves }) =>
                Array.from(
                  curves[kind].values.subarray(
                    row.at * curves[kind].length,
                    (row.at + 1) * curves[kind].length,
                  ),
                  Math.abs,
                ),
              ),
            ),
          );
          const limit = limits?.[group.kind === "all" ? "cells" : "curves"] ?? largest;
          for (let column = 0; column < group.columns; column++) {
            const x = columnLeft(group, column) + group.cell / 2;
            const painted = paths.flatMap(({ level, lines }) =>
              lines
                .filter(
                  (line) => line.y === (i + 0.5) * layout.rowHeight && line.x < x && x < line.x + line.width,
                )
                .map(() => level),
            );
            const level = colorLevel(stripScale, values[row.at * length + column] / limit);
            expect(painted).toEqual(level === undefined || level === 0 ? [] : [level]);
          }
        }
      });
    }
  }
});

test("the scale of persistence has each row's band, its own point, and one mark for every other seed", () => {
  const some = rows.slice(silent, silent + 3);
  const layout = rowLayout(1232, first, { kind: "all", seeds: false });
  const reference = initReference(first.curves.all, first);
  const bands = some.map((row) => nullBand(nullCorrelations(reference, now.curves.all, row), row.r));
  const paths = persistencePaths(some, { layout, bands, r, units });
  const marks = [...paths.others.matchAll(/M([\d.]+),([\d.]+)v/g)].map(([, x, y]) => [Number(x), Number(y)]);
  // the silent one has marks of the others all the same
  expect(marks.length).toBe(3 * (seeds - 1));
  const x = rPlace(layout, r[2 * units + some[1].unit]);
  expect(
    marks.some(
      ([at, y]) => Math.abs(at - x) <= TENTH && Math.abs(y - 1.5 * layout.rowHeight) < layout.rowHeight / 2,
    ),
  ).toBe(true);
  const own = [paths.above, paths.within].flatMap((d) =>
    [...d.matchAll(/M([\d.]+),([\d.]+)h0/g)].map(([, at]) => Number(at)),
  );
  expect(own.length).toBe(2);
  for (const row of some.slice(1))
    expect(own.some((at) => Math.abs(at - rPlace(layout, row.r)) <= TENTH)).toBe(true);
  expect([...paths.bands.matchAll(/M/g)].length).toBe(2);
});

test("a row is read aloud with its null", () => {
  const band = { low: -0.2, median: 0, high: 0.2, below: 1, partners: 256 };
  const label = rowLabel({ ...rows[3], r: 0.15 }, { kind: "token", band, seed: 4 });
  expect(label).toContain("L1N3 of seed 4: r 0.15, not above the null [−0.20, 0.20]");
  const alone = { low: Number.NaN, median: Number.NaN, high: Number.NaN, below: Number.NaN, partners: 0 };
  expect(rowLabel({ ...rows[3], r: 0.9 }, { kind: "token", band: alone, seed: 4 })).toContain(
    "r 0.90, without a null",
  );
});

test("a rectangle in the scatter covers the values of the points in it", () => {
  const shown = shownSelectivity([0.31, 0.52, Number.NaN, 0.78]);
  expect(shown[0]).toBeCloseTo(0.3, 12);
  expect(shown[1]).toBeCloseTo(0.8, 12);
  const range = brushed({ x: xOf(0.7, shown), y: yOf(-0.25) }, { x: xOf(0.4, shown), y: yOf(0.5) }, shown);
  expect(range.selectivity).toEqual([0.4, 0.7]);
  expect(range.persistence).toEqual([-0.25, 0.5]);
  expect(brushed({ x: -50, y: -50 }, { x: 9999, y: 9999 }, shown).persistence).toEqual([-1, 1]);
  expect(pointsPath([{ initial: 0.5, r: Number.NaN }], shown)).toBe("");
  const near = rows[20];
  const place = { x: xOf(near.initial, [0, 1]) + 0.01, y: yOf(near.r) };
  expect(nearestRow(rows, place, [0, 1])?.at).toBe(near.at);
  expect(nearestRow(rows, { x: -100, y: -100 }, [0, 1])).toBeUndefined();
});

test("a unit's life has the correlations of the study at every look, and its population without its own seed", () => {
  const looks = [start, middle, end];
  const [unit, model] = [11, 3];
  const reference = initReference(first.curves.token, first);
  const data = lifeData(
    looks,
    { before: momentOf(first, { unit, model }), after: momentOf(now, { unit, model }) },
    { layer, unit, model, kind: "token", arm, models, reference },
  );
  const at = model * units + unit;
  looks.forEach((look, i) => {
    const expected = tuningCorrelation(cellsAt(start, site, arm), cellsAt(look, site, arm), {
      kind: "token",
    });
    expect(data.looks[i].r).toBe(expected[at]);
  });
  expect(data.looks.map(({ step }) => step)).toEqual([0, 4, 16]);
  expect(data.after.mean).toBeCloseTo(mean(raw(end, at)), 12);
  const { values, length } = now.curves.position;
  const level = 2;
  const others = [];
  for (let other = 0; other < seeds * units; other++)
    if (Math.floor(other / units) !== model) others.push(values[other * length + level]);
  expect(data.after.population.position[level].high).toBeCloseTo(quantile(others, 0.95), 12);
});

test("the strongest weights are a column into the neuron and a row out of it", () => {
  const [dModel, dMlp] = [3, 4];
  const size = dModel * dMlp;
  const into = Float32Array.from({ length: 2 * size }, (_, i) => (i < size ? 9 : i - size));
  const out = Float32Array.from({ length: 2 * size }, (_, i) => (i < size ? 9 : size - i));
  const weights = { "blocks.0.mlp.W_in": into, "blocks.0.mlp.W_out": out };
  const found = strongestWeights(
    { before: weights, after: weights },
    { dModel, dMlp },
    { layer: 0, unit: 1, model: 1, count: 2 },
  );
  // W_in[dim][unit] = 4 · dim + 1; W_out[unit][dim] = −(3 + dim)
  expect(found.incoming.map(({ dimension, current }) => [dimension, current])).toEqual([
    [2, 9],
    [1, 5],
  ]);
  expect(found.outgoing.map(({ dimension, current }) => [dimension, current])).toEqual([
    [2, -5],
    [1, -4],
  ]);
});
