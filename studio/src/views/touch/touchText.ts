/** Edits and effects in words. */
import { counted, fixed, intervalText, listed } from "../../../../src/figures/numberText.ts";
import type { EditHow, TouchEdit, TouchEdits } from "../../state/touchChoice.ts";
import type { SeedEffect } from "./effects.ts";
import { partLabel } from "./parts.ts";

/** What a person chooses from. */
export const howNames: Readonly<Record<EditHow, string>> = {
  zero: "set to zero",
  mean: "set to its mean",
  resample: "resampled",
  patch: "patched from the other",
  scale: "scaled",
};

/** A factor as a reader sees it. */
export const factorText = (by: number) => String(by).replace("-", "−");

/** `L0N17 × −0.5 at position 3`. */
export function editText(edit: TouchEdit): string {
  const label = partLabel(edit.at);
  const what = edit.how === "scale" ? `${label} × ${factorText(edit.by)}` : `${label} ${howNames[edit.how]}`;
  return edit.pos === null ? what : `${what} at position ${edit.pos}`;
}

/** Edits that a sentence names; more are counted. */
const NAMED = 3;

/** All of some edits: `L1H0 set to zero and L0 MLP patched from the other`. */
export function editsText(edits: TouchEdits): string {
  return edits.length <= NAMED ? listed(edits.map(editText)) : counted(edits.length, "edit");
}

/** With the sign that it has. */
export const signed = (value: number, digits = 3) =>
  value > 0 ? `+${fixed(value, digits)}` : fixed(value, digits);

/** `+0.312 [0.204, 0.420]`. */
export function effectText({ over }: SeedEffect, digits = 3): string {
  return `${signed(over.estimate, digits)} ${intervalText([over.low, over.high], digits)}`;
}

/** `g 1.20 [0.50, 1.88]`, or why there is none. */
export function sizeText({ size, seeds }: SeedEffect): string {
  if (size !== null) return `${fixed(size.g)} ${intervalText([size.low, size.high])}`;
  return seeds < 3 ? "needs 3 seeds" : "no spread";
}
