/** A run that was trained elsewhere and opened here: what was kept of it, and whether it is computed again to the bit. */
import type { Weights } from "../../../src/model/weights.ts";
import type { ArmCheckpoint } from "../../../src/studies/population/gather.ts";
import type { RunLine } from "../state/link.ts";

/** What a run folder keeps of a population. */
export interface Recording {
  /** The run, for the reader: `runs/persistence-20250131-235959`. */
  readonly name: string;
  /** How it was made. */
  readonly line: RunLine;
  /** Its checkpoints, steps ascending, the initialisation first; what is seen in them was measured here. */
  readonly seen: readonly ArmCheckpoint[];
  /** Training loss before every update, [update][model]; none where the run was stopped before they were kept. */
  readonly losses: readonly Float64Array[];
  /** Updates after which a loss or a weight first was not finite, [model]; null where they always were. */
  readonly divergedAt: readonly (number | null)[];
  /** What computed it, where that is not what computes here: `reference`, `wasm, fused multiply-add`; else null. */
  readonly otherEngine: string | null;
}

/** How far a run was found to be another, bit for bit. */
export interface SameBits {
  /** Checkpoints that were compared. */
  readonly compared: number;
  /** The last of them up to which all weights are equal; null if none is. */
  readonly equalTo: number | null;
  /** The first at which a weight differs; null if there is none. */
  readonly differsAt: number | null;
}

/** A look never changes, so what was compared once is known. */
const known = new WeakMap<ArmCheckpoint, WeakMap<ArmCheckpoint, boolean>>();

/** The same numbers, zeros by their sign; of those that are none, WebAssembly leaves the bits open. */
function sameWeights(a: Weights, b: Weights): boolean {
  return Object.entries(a).every(([name, values]) => {
    const other = b[name];
    return other?.length === values.length && values.every((value, i) => Object.is(value, other[i]));
  });
}

function isSame(a: ArmCheckpoint, b: ArmCheckpoint): boolean {
  const ofA = known.get(a) ?? new WeakMap<ArmCheckpoint, boolean>();
  known.set(a, ofA);
  const same = ofA.get(b) ?? sameWeights(a.weights, b.weights);
  ofA.set(b, same);
  return same;
}

/** Compares the weights of two runs at every step that both were seen at. */
export function sameBits(run: readonly ArmCheckpoint[], recorded: readonly ArmCheckpoint[]): SameBits {
  const bySteps = new Map(run.map((seen) => [seen.step, seen]));
  let compared = 0;
  let equalTo: number | null = null;
  for (const there of recorded) {
    const here = bySteps.get(there.step);
    if (here === undefined) continue;
    compared++;
    if (!isSame(there, here)) return { compared, equalTo, differsAt: there.step };
    equalTo = there.step;
  }
  return { compared, equalTo, differsAt: null };
}
