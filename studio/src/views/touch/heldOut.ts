/** Held-out sequences that parts take their mean from, and are resampled from. */
import { type ArmSpec, unseenSequences } from "../../../../src/studies/population/arm.ts";
import { REFERENCE } from "./touchEdits.ts";

const known = new WeakMap<ArmSpec, readonly (readonly number[])[]>();

/** The first held-out sequences of an arm, cut to a length of at most nCtx: inputs, and the last target after them. */
export function heldOutSequences(arm: ArmSpec, nPos: number): readonly (readonly number[])[] {
  let whole = known.get(arm);
  if (whole === undefined) {
    const { inputs, targets, count, nPos: length } = unseenSequences(arm);
    whole = Array.from({ length: Math.min(REFERENCE, count) }, (_, row) => [
      ...inputs.subarray(row * length, (row + 1) * length),
      targets[(row + 1) * length - 1],
    ]);
    known.set(arm, whole);
  }
  return whole.map((sequence) => sequence.slice(0, nPos));
}
