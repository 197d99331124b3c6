import { expect, test } from "vitest";
import { type RandomStream, randomStream } from "../../src/base/random.ts";
import { subspacePersistence } from "../../src/features/subspacePersistence.ts";
import type { CellMeans } from "../../src/features/unitCurves.ts";

/** Exact fits leave rounding of a few dozen float64 operations. */
const EXACT = 1e-9;

/** Cell means of models whose units are given functions of the cell. */
function means(
  models: readonly (readonly ((token: number, pos: number) => number)[])[],
  dVocab: number,
  nPos: number,
): CellMeans {
  const cellMean = Float64Array.from(
    models.flatMap((units) =>
      units.flatMap((unit) =>
        Array.from({ length: dVocab * nPos }, (_, cell) => unit(Math.floor(cell / nPos), cell % nPos)),
      ),
    ),
  );
  return { site: "planted", models: models.length, units: models[0].length, dVocab, nPos, cellMean };
}

const table = (stream: RandomStream, size: number) =>
  Float64Array.from({ length: size }, () => stream.normal());
const lookUp = (stream: RandomStream, dVocab: number, nPos: number) => {
  const values = table(stream, dVocab * nPos);
  return (token: number, pos: number) => values[token * nPos + pos];
};
const additive = (stream: RandomStream, dVocab: number, nPos: number) => {
  const [tokens, positions] = [table(stream, dVocab), table(stream, nPos)];
  return (token: number, pos: number) => tokens[token] + positions[pos];
};

test("units that are linear in the stream are fully predicted, unrelated ones no better than by the mean", () => {
  const stream = randomStream("linear units");
  const [a, b, c] = [lookUp(stream, 6, 5), lookUp(stream, 6, 5), lookUp(stream, 6, 5)];
  const before = means([[a, b]], 6, 5);
  const after = means([[(t, s) => 2 * a(t, s) - b(t, s) + 3, c]], 6, 5);
  const { r2 } = subspacePersistence(before, after);
  expect(Math.abs(r2[0] - 1)).toBeLessThan(EXACT);
  expect(r2[1]).toBeLessThan(0.1);
});

test("left-out R² is that of refitting without each cell in turn", () => {
  const stream = randomStream("refitting");
  const x = lookUp(stream, 4, 3);
  const y = lookUp(stream, 4, 3);
  const { r2 } = subspacePersistence(means([[x]], 4, 3), means([[y]], 4, 3));
  const cells = Array.from({ length: 12 }, (_, cell) => [
    x(Math.floor(cell / 3), cell % 3),
    y(Math.floor(cell / 3), cell % 3),
  ]);
  let [errors, spread] = [0, 0];
  for (const [left, [px, py]] of cells.entries()) {
    const rest = cells.filter((_, cell) => cell !== left);
    const mx = rest.reduce((sum, [u]) => sum + u, 0) / 11;
    const my = rest.reduce((sum, [, v]) => sum + v, 0) / 11;
    const slope =
      rest.reduce((sum, [u, v]) => sum + (u - mx) * (v - my), 0) /
      rest.reduce((sum, [u]) => sum + (u - mx) ** 2, 0);
    errors += (py - my - slope * (px - mx)) ** 2;
    spread += (py - my) ** 2;
  }
  expect(Math.abs(r2[0] - (1 - errors / spread))).toBeLessThan(EXACT);
});

test("a wide stream of another network predicts every additive unit, a narrow one does not", () => {
  const stream = randomStream("additive");
  const network = (width: number) => Array.from({ length: width }, () => additive(stream, 5, 4));
  const units = [additive(stream, 5, 4), additive(stream, 5, 4)];
  // 4 + 3 dimensions hold all sums of a token's and a position's value
  const wide = subspacePersistence(means([network(7)], 5, 4), means([units], 5, 4));
  for (const r2 of wide.r2) expect(Math.abs(r2 - 1)).toBeLessThan(EXACT);
  const narrow = subspacePersistence(means([network(3)], 5, 4), means([units], 5, 4));
  for (const r2 of narrow.r2) expect(r2).toBeLessThan(0.9);
});

test("partners exchange the streams and a model without one has no number", () => {
  const stream = randomStream("partners");
  const [a, b] = [lookUp(stream, 4, 4), lookUp(stream, 4, 4)];
  const before = means([[a], [b]], 4, 4);
  const after = means([[b], [a]], 4, 4);
  const swapped = subspacePersistence(before, after, { partner: (model) => 1 - model });
  for (const r2 of swapped.r2) expect(Math.abs(r2 - 1)).toBeLessThan(EXACT);
  const alone = subspacePersistence(before, after, { partner: () => Number.NaN });
  expect([...alone.layer]).toEqual([Number.NaN, Number.NaN]);
  expect(() => subspacePersistence(before, means([[a]], 4, 3))).toThrow(/same cells/);
});
