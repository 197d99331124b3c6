/** Tuning on text: planted neurons, a balanced probe, an unbalanced one whose truth is known. */
import { expect, test } from "vitest";
import { referenceBackend } from "../../src/backends/reference/referenceBackend.ts";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { randomStream } from "../../src/base/random.ts";
import { latinBlocks } from "../../src/data/probes.ts";
import { crossCorrelation, identityShuffle } from "../../src/features/curveNulls.ts";
import {
  textCurves,
  textPersistence,
  textReliability,
  textSelectivity,
} from "../../src/features/textCurves.ts";
import {
  contextFactor,
  type FactorTable,
  labelFactor,
  positionFactor,
  type TextProbe,
  tokenFactor,
} from "../../src/features/textFactors.ts";
import { textCellsOf, textTuningProgram, textTuningStates } from "../../src/features/textTuning.ts";
import { eachToken, ownClasses, writtenClasses } from "../../src/features/tokenClasses.ts";
import { tuningCurvesOf } from "../../src/features/tuningCurves.ts";
import { unitCurves } from "../../src/features/unitCurves.ts";
import { varianceComponents } from "../../src/features/varianceComponents.ts";
import type { Backend } from "../../src/graph/backend.ts";
import { openNetwork } from "../../src/interp/network.ts";
import { runWithCache } from "../../src/interp/run.ts";
import { presets } from "../../src/model/config.ts";
import { hook, type SiteName } from "../../src/model/hookPoints.ts";
import { initialWeights } from "../../src/model/init.ts";
import { weightShapes } from "../../src/model/weights.ts";

/** Sums of float64 in another order. */
const EXACT = 1e-12;
/** Forward passes in float32 against float64. */
const FLOAT32 = 1e-4;

const [dVocab, nPos] = [5, 4];
const classes = eachToken(["a", "b", "c", "d", "e"]);

/** A text in which tokens differ in frequency and each hangs on the one before. */
function unevenProbe(count: number, seed: number): TextProbe {
  const stream = randomStream("test", "uneven text", seed);
  const tokens = new Int32Array(count * nPos);
  for (let n = 0; n < count; n++)
    for (let pos = 0; pos < nPos; pos++) {
      const before = pos === 0 ? 0 : tokens[n * nPos + pos - 1];
      tokens[n * nPos + pos] = stream.uniform() < 0.4 ? before : Math.floor(dVocab * stream.uniform() ** 2);
    }
  return { tokens, count, nPos, dVocab, half: Uint8Array.from({ length: count }, (_, n) => n % 2) };
}

function tablesOf(probe: TextProbe): [FactorTable, FactorTable] {
  const rows = tokenFactor(probe, classes);
  return [
    { name: "class and position", rows, columns: positionFactor(probe) },
    { name: "class and token before", rows, columns: contextFactor(probe, classes) },
  ];
}

/** Activations that a function of token, position and token before plants, with noise of a standard deviation. */
function planted(
  probe: TextProbe,
  units: readonly ((token: number, pos: number, before: number) => number)[],
  noise: number,
): Float64Array {
  const stream = randomStream("test", "planted");
  return Float64Array.from({ length: probe.tokens.length * units.length }, (_, i) => {
    const at = Math.floor(i / units.length);
    const pos = at % probe.nPos;
    const before = pos === 0 ? -1 : probe.tokens[at - 1];
    return units[i % units.length](probe.tokens[at], pos, before) + noise * stream.normal();
  });
}

test("on a balanced probe curves and shares are those of tuningCurves", () => {
  const latin = latinBlocks({ dVocab, nPos, blocks: 6, stream: randomStream("test", "latin") });
  const activations = planted(latin, [(t, s) => t * t - s, (t, s, b) => t * s + b, () => 0, (_, s) => s], 1);
  const frame = { site: "x", models: 1, units: 4, probe: latin };
  const balanced = tuningCurvesOf(activations, frame);
  const cells = textCellsOf(activations, { ...frame, table: tablesOf(latin)[0] });
  const curves = textCurves(cells, { leastCount: 1 });
  const theirs = unitCurves(balanced);
  const pairs = [
    ["all", "all"],
    ["rows", "token"],
    ["columns", "position"],
    ["interaction", "interaction"],
  ] as const;
  expect(curves.cellMean.every((mean, i) => Math.abs(mean - balanced.cellMean[i]) < EXACT)).toBe(true);
  for (const [own, other] of pairs) {
    const [a, b] = [curves.curves[own].values, theirs[other].values];
    expect(a.length).toBe(b.length);
    expect(a.every((value, i) => Math.abs(value - b[i]) < EXACT)).toBe(true);
  }
  // shares of variance: the eta² of the balanced design, sums of squares over their total
  const { eta2, unbiased, plain } = textSelectivity(curves);
  const components = varianceComponents(balanced);
  const shares = {
    rows: components.eta2.token,
    columns: components.eta2.position,
    interaction: components.eta2.interaction,
  };
  for (const kind of ["rows", "columns", "interaction"] as const)
    eta2[kind].forEach((share, unit) => {
      expect(share).toBeCloseTo(shares[kind][unit], 10);
    });
  plain.rows.eta2.forEach((share, unit) => {
    expect(share).toBeCloseTo(shares.rows[unit], 10);
  });
  // the halves hold as much of every cell: their product is at most the square of their mean
  for (const kind of ["all", "rows", "columns", "interaction"] as const)
    unbiased[kind].forEach((share, unit) => {
      expect(Number.isNaN(share) || share <= eta2[kind][unit] + EXACT).toBe(true);
    });
});

test("where cells are missing selectivity is a ratio of variances that can exceed 1", () => {
  // one token occurs at the first position alone, and is all that the unit responds to
  const [rare, count] = [dVocab - 1, 80];
  const tokens = Int32Array.from({ length: count * nPos }, (_, at) => {
    const [n, pos] = [Math.floor(at / nPos), at % nPos];
    return pos === 0 ? Math.floor(n / 2) % dVocab : (Math.floor(n / 2) + pos) % rare;
  });
  const half = Uint8Array.from({ length: count }, (_, n) => n % 2);
  const probe: TextProbe = { tokens, count, nPos, dVocab, half };
  const [table] = tablesOf(probe);
  const activations = planted(probe, [(token) => (token === rare ? 1 : 0)], 0);
  const curves = textCurves(textCellsOf(activations, { site: "x", models: 1, units: 1, probe, table }), {
    leastCount: 1,
  });
  const { cells } = curves;
  expect(cells.length).toBe(dVocab * nPos - (nPos - 1));
  // of five effects one is 1 and the others 0, of the kept cells likewise
  const variance = (one: number) => one * (1 - one);
  const ratio = variance(1 / dVocab) / variance(1 / cells.length);
  expect(ratio).toBeGreaterThan(2);
  const { eta2, unbiased } = textSelectivity(curves);
  for (const { rows, all } of [eta2, unbiased]) {
    expect(rows[0]).toBeCloseTo(ratio, 10);
    expect(all[0]).toBeCloseTo(1, 10);
  }
});

test("effects of an unbalanced text are those that were planted, where plain means are not", () => {
  const probe = unevenProbe(4000, 1);
  const own = [3, -1, 0, 2, -4];
  const context = [0, 5, -5, 1, -1];
  const activations = planted(probe, [(t, _, b) => own[t] + (b < 0 ? 0 : context[b])], 0.5);
  const [, table] = tablesOf(probe);
  const curves = textCurves(textCellsOf(activations, { site: "x", models: 1, units: 1, probe, table }));
  // 12 000 positions with noise 0.5: a level of some hundred has a standard error of about 0.03
  own.forEach((effect, i) => {
    expect(curves.curves.rows.values[i]).toBeCloseTo(effect, 0.5);
    expect(Math.abs(curves.curves.rows.values[i] - effect)).toBeLessThan(0.12);
  });
  context.forEach((effect, i) => {
    expect(Math.abs(curves.curves.columns.values[i] - effect)).toBeLessThan(0.12);
  });
  // the plain mean of a token takes over what the token before does, since tokens repeat
  const plain = own.map((_, token) => {
    const values = [...probe.tokens.keys()].filter((at) => at % nPos > 0 && probe.tokens[at] === token);
    return values.reduce((sum, at) => sum + activations[at], 0) / values.length;
  });
  const mean = plain.reduce((sum, value) => sum + value, 0) / plain.length;
  expect(Math.max(...plain.map((value, i) => Math.abs(value - mean - own[i])))).toBeGreaterThan(1);
});

test("additive effects with missing cells solve the normal equations", () => {
  const probe = unevenProbe(300, 2);
  const labels = probe.tokens.map((token, at) => (token === at % nPos ? -1 : token));
  const rows = labelFactor(probe, "label", classes.levels, labels);
  const table = { name: "t", rows, columns: positionFactor(probe) };
  const activations = planted(probe, [(t, s) => t * s - s * s + 2 * t], 0.3);
  const { curves, cells } = textCurves(
    textCellsOf(activations, { site: "x", models: 1, units: 1, probe, table }),
    { leastCount: 3 },
  );
  expect(cells.length).toBeLessThan(dVocab * nPos);
  // residuals of a least squares fit are orthogonal to every row and every column
  const sums = new Map<string, number>();
  cells.forEach((cell, i) => {
    for (const key of [`row ${Math.floor(cell / nPos)}`, `column ${cell % nPos}`])
      sums.set(key, (sums.get(key) ?? 0) + curves.interaction.values[i]);
  });
  for (const sum of sums.values()) expect(Math.abs(sum)).toBeLessThan(1e-9);
});

test("a unit without tuning has unbiased shares of 0 on average, and eta² above", () => {
  const draws = Array.from({ length: 60 }, (_, seed) => {
    const probe = unevenProbe(120, 100 + seed);
    const stream = randomStream("test", "noise", seed);
    const activations = Float64Array.from({ length: probe.tokens.length }, () => stream.normal());
    const [table] = tablesOf(probe);
    const curves = textCurves(textCellsOf(activations, { site: "x", models: 1, units: 1, probe, table }), {
      leastCount: 2,
    });
    const { unbiased, eta2 } = textSelectivity(curves);
    return { unbiased: unbiased.rows[0], eta2: eta2.rows[0] };
  });
  const mean = draws.reduce((sum, { unbiased }) => sum + unbiased, 0) / draws.length;
  const sd = Math.sqrt(draws.reduce((sum, { unbiased }) => sum + (unbiased - mean) ** 2, 0) / draws.length);
  expect(Math.abs(mean)).toBeLessThan((3 * sd) / Math.sqrt(draws.length)); // three standard errors
  expect(Math.min(...draws.map(({ eta2 }) => eta2))).toBeGreaterThan(0);
});

test("persistence is 1 of the same tuning, is corrected for noise, and shuffling units forgets it", () => {
  const probe = unevenProbe(600, 3);
  const [table] = tablesOf(probe);
  const stream = randomStream("test", "units");
  const units = Array.from({ length: 12 }, () => {
    const [byToken, byPos] = [dVocab, nPos].map((n) => Array.from({ length: n }, () => stream.normal()));
    return (token: number, pos: number) => byToken[token] + byPos[pos];
  });
  const frame = { site: "x", models: 1, units: units.length, probe, table };
  const of = (noise: number) => textCurves(textCellsOf(planted(probe, units, noise), frame));
  const [clean, noisy] = [of(0), of(3)];
  for (const r of textPersistence(clean, clean).r.all) expect(r).toBeCloseTo(1, 10);
  const { r, corrected } = textPersistence(clean, noisy);
  const average = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0) / values.length;
  expect(average(r.all)).toBeLessThan(0.97);
  expect(Math.abs(average(corrected.all) - 1)).toBeLessThan(0.05);
  expect(average(textReliability(clean).all)).toBeCloseTo(1, 10);
  const shuffled = identityShuffle(clean.curves.all, noisy.curves.all, {
    ...{ model: 0, units: units.length, pairings: 199 },
    stream: randomStream("test", "pairings"),
  });
  expect(shuffled.own).toBeCloseTo(average(r.all), 10);
  expect(shuffled.p).toBe(1 / 200);
  // the closed form against the sum over all pairs
  const direct = units.flatMap((_, i) =>
    units.flatMap((__, j) => (i === j ? [] : [textPersistence(pick(clean, i), pick(noisy, j)).r.all[0]])),
  );
  expect(shuffled.shuffled).toBeCloseTo(direct.reduce((sum, value) => sum + value, 0) / direct.length, 10);
  const every =
    (direct.reduce((sum, value) => sum + value, 0) + units.length * shuffled.own) / units.length ** 2;
  expect(crossCorrelation(clean.curves.all, noisy.curves.all)).toBeCloseTo(every, 10);

  function pick(curves: ReturnType<typeof of>, unit: number): ReturnType<typeof of> {
    const cut = (all: typeof curves.curves) =>
      Object.fromEntries(
        Object.entries(all).map(([kind, { length, values, flat }]) => [
          kind,
          {
            length,
            values: values.slice(unit * length, (unit + 1) * length),
            flat: flat.slice(unit, unit + 1),
          },
        ]),
      ) as unknown as typeof curves.curves;
    return {
      ...curves,
      units: 1,
      curves: cut(curves.curves),
      halves: [cut(curves.halves[0]), cut(curves.halves[1])],
    };
  }
});

test("the program streams what the activations say, whatever the block, and gives the loss of each sequence", async () => {
  const config = { ...presets.causal, dVocab, nCtx: nPos };
  const probe = unevenProbe(21, 4);
  const tables = tablesOf(probe);
  const sites = [hook.mlpPost("all")];
  const weights = initialWeights(config, { scheme: "pytorch" }, randomStream("test", "weights"));
  const measure = async (backend: Backend, blockSize: number) => {
    const states = {
      ...Object.fromEntries(weightShapes(config)),
      ...textTuningStates(config, { sites, tables }),
    };
    const session = backend.open({ models: 1, states });
    for (const [name, values] of Object.entries(weights)) session.write(name, values);
    const program = textTuningProgram(session, config, { sites, probe, tables, blockSize });
    await program.measure(); // the second measurement begins anew
    const tuning = await program.measure();
    session.close();
    return tuning;
  };
  const reference = await measure(referenceBackend, 8);
  const wasm = await measure(wasmBackend(), 5);
  const network = openNetwork(referenceBackend, config, weights);
  const tokens = { data: probe.tokens, batch: probe.count, pos: nPos };
  const { cache, logits } = await runWithCache(network, tokens, { sites });
  for (const [site, [first, second]] of reference.cells) {
    const activations = cache.get(site as SiteName).data;
    for (const [t, cells] of [first, second].entries()) {
      const direct = textCellsOf(activations, {
        site,
        models: 1,
        units: config.dMlp,
        probe,
        table: tables[t],
      });
      const streamed = wasm.cells.get(site)?.[t];
      for (const half of [0, 1] as const)
        cells.means[half].forEach((mean, i) => {
          expect(
            mean === direct.means[half][i] ||
              Number.isNaN(mean) ||
              Math.abs(mean - direct.means[half][i]) < 1e-9,
          ).toBe(true);
          const other = streamed?.means[half][i] as number;
          expect(Number.isNaN(mean) ? Number.isNaN(other) : Math.abs(mean - other) < FLOAT32).toBe(true);
        });
    }
  }
  const losses = reference.losses as Float64Array;
  for (let n = 0; n < probe.count; n++) {
    let nats = 0;
    for (let pos = 0; pos + 1 < nPos; pos++) {
      const row = Array.from(logits.data.subarray((n * nPos + pos) * dVocab, (n * nPos + pos + 1) * dVocab));
      const top = Math.max(...row);
      const total = row.reduce((sum, logit) => sum + Math.exp(logit - top), 0);
      nats += Math.log(total) + top - row[probe.tokens[n * nPos + pos + 1]];
    }
    expect(losses[n]).toBeCloseTo(nats / (nPos - 1), 8);
    expect(wasm.losses?.[n]).toBeCloseTo(nats / (nPos - 1), 4);
  }
  network.close();
});

test("tokens are sorted by how they are written", () => {
  const pieces = [" the", "the", " The", "ing", "42", ",", "\n", "<end>", " 1", "\\xe2\\x80"];
  const { levels, of } = writtenClasses({ texts: pieces, special: new Set([7]) });
  expect(Array.from(of, (level) => levels[level])).toEqual([
    ...["word begins", "inside a word", "word begins, capital", "inside a word", "digits", "punctuation"],
    ...["white space", "special", "digits", "other"],
  ]);
  const word = writtenClasses({ texts: ["the", "##ing", "The", "."], special: new Set() });
  expect(Array.from(word.of, (level) => word.levels[level])).toEqual([
    ...["word begins", "inside a word", "word begins, capital", "punctuation"],
  ]);
  const letters = writtenClasses({ texts: [..."abE1 \n.%"], special: new Set() });
  expect(Array.from(letters.of, (level) => letters.levels[level])).toEqual([
    ...["vowel", "consonant", "capital", "digit", "space", "line end", "punctuation", "punctuation"],
  ]);
  expect(ownClasses({ texts: [..."ab"], special: new Set() }).levels).toEqual(["a", "b"]);
});

test("a model that sees what comes after has no next-token loss, one without MLP no curves", async () => {
  const probe = unevenProbe(9, 5);
  const tables = tablesOf(probe);
  for (const [config, sites] of [
    [{ ...presets.original, dVocab, nCtx: nPos }, [hook.mlpPost("all")]],
    [{ ...presets.causal, dVocab, nCtx: nPos, attnOnly: true }, []],
  ] as const) {
    const states = {
      ...Object.fromEntries(weightShapes(config)),
      ...textTuningStates(config, { sites, tables }),
    };
    const session = wasmBackend().open({ models: 1, states });
    const { losses, cells } = await textTuningProgram(session, config, { sites, probe, tables }).measure();
    session.close();
    expect(losses === null).toBe(!config.causal);
    expect(cells.size).toBe(sites.length === 0 ? 0 : config.nLayers);
    // all weights are 0: every token is equally likely
    for (const loss of losses ?? []) expect(loss).toBeCloseTo(Math.log(dVocab), 5);
  }
});
