/** Oracles: planted units that networks share, and networks that share nothing. */
import { expect, test } from "vitest";
import { ArgumentError } from "../../src/base/errors.ts";
import { randomStream } from "../../src/base/random.ts";
import { universality } from "../../src/features/universality.ts";
import { plantedCurves, randomLookUp, smallProbe } from "./planted.ts";

/** Cell means of float64 activations. */
const EXACT = 1e-12;
/** Mean over 48 units of differences with a standard deviation of about 0.12. */
const CHANCE = 0.06;

const probe = smallProbe(randomStream("universality", "probe"));
const stream = (model: number) => randomStream("universality", "rotations", model);
const drawUnits = (name: string, count: number) => {
  const source = randomStream("universality", name);
  return Array.from({ length: count }, () => randomLookUp(source, 5, 4));
};

test("units that all networks have, in whatever order, are found in each; a rotation of them is not the same", () => {
  const shared = drawUnits("shared", 6);
  const own = [0, 1, 2].map((model) => drawUnits(`own ${model}`, 2));
  const { best, rotated, excess } = universality(
    plantedCurves(probe, [
      [...shared, ...own[0]],
      [...own[1], ...shared.toReversed()],
      [shared[2], ...own[2], shared[0], shared[1], ...shared.slice(3)],
    ]),
    { stream },
  );
  for (let unit = 0; unit < 6; unit++) {
    expect(Math.abs(best[unit] - 1)).toBeLessThan(EXACT);
    expect(excess[unit]).toBeGreaterThan(0.1);
    expect(excess[unit]).toBe(best[unit] - rotated[unit]);
  }
  for (const unit of [6, 7]) expect(best[unit]).toBeLessThan(0.9);
});

test("networks that share nothing have best partners without any excess", () => {
  const networks = Array.from({ length: 6 }, (_, model) => drawUnits(`stranger ${model}`, 8));
  const { best, excess } = universality(plantedCurves(probe, networks), { stream, draws: 8 });
  const mean = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0) / values.length;
  expect(mean(best)).toBeGreaterThan(0.2); // the largest of eight is never 0
  expect(Math.abs(mean(excess))).toBeLessThan(CHANCE);
});

test("a dead unit is universal nowhere and disturbs nobody; one network alone has no others", () => {
  const shared = drawUnits("shared", 3);
  const dead = () => 0;
  const found = universality(
    plantedCurves(probe, [
      [...shared, dead],
      [dead, ...shared],
    ]),
    { stream },
  );
  expect(found.best[3]).toBeNaN();
  expect(found.excess[4]).toBeNaN();
  expect([...found.best.slice(0, 3)].every((value) => Math.abs(value - 1) < EXACT)).toBe(true);
  const alone = universality(plantedCurves(probe, [shared]), { stream });
  expect([...alone.best, ...alone.rotated].every(Number.isNaN)).toBe(true);
  expect(() => universality(plantedCurves(probe, [shared]), { stream, draws: 0 })).toThrow(ArgumentError);
});
