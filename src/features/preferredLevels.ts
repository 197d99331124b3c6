/** What each unit prefers: the token and the position at which it is most active on average. */
import type { TuningCurves } from "./tuningCurves.ts";
import { curveOf, type UnitCurves, unitCurves } from "./unitCurves.ts";

/** What {@link preferredLevels} returns; every array is [model, unit]. */
export interface PreferredLevels {
  /** Token with the largest mean activation, the first of equals; −1 for a unit without variance between tokens. */
  readonly token: Int32Array;
  readonly position: Int32Array;
  /** 1 where both halves of the probe prefer the same, 0 where not, NaN where one prefers nothing; chance is 1/levels. */
  readonly tokenKept: Float64Array;
  readonly positionKept: Float64Array;
}

/** Preferred tokens and positions over the whole probe, and whether its halves agree on them. */
export function preferredLevels(curves: TuningCurves): PreferredLevels {
  const whole = unitCurves(curves);
  const halves = [halfCurves(curves, 0), halfCurves(curves, 1)];
  const kept = (kind: "token" | "position") => {
    const [first, second] = halves.map((half) => peaks(half[kind]));
    return Float64Array.from(first, (level, at) => {
      if (level < 0 || second[at] < 0) return Number.NaN;
      return level === second[at] ? 1 : 0;
    });
  };
  return {
    token: peaks(whole.token),
    position: peaks(whole.position),
    tokenKept: kept("token"),
    positionKept: kept("position"),
  };
}

const halfCurves = (curves: TuningCurves, half: 0 | 1) => unitCurves(curves, curves.halfMean[half]);

function peaks(curves: UnitCurves): Int32Array {
  return Int32Array.from(curves.flat, (flat, at) => {
    if (flat) return -1;
    const curve = curveOf(curves, at);
    let best = 0;
    for (let i = 1; i < curve.length; i++) if (curve[i] > curve[best]) best = i;
    return best;
  });
}
