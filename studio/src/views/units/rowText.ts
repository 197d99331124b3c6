/** What is written about a row, and read aloud. */
import type { CurveKind } from "../../../../src/features/unitCurves.ts";
import { fixed, intervalText, noNumber, percent } from "../../../../src/figures/numberText.ts";
import type { Fate, SortKey } from "../../state/rowChoice.ts";
import type { NullBand } from "./initNull.ts";
import type { TextColumn } from "./rowLayout.ts";
import type { Levels, UnitRow } from "./unitRows.ts";

export const sortNames: Record<SortKey, string> = {
  persistence: "persistence r",
  initial: "selectivity then",
  current: "selectivity now",
  change: "gain in selectivity",
  token: "preferred token now",
  position: "preferred position now",
  unit: "index",
};

/** A unit that is never selective has no fate. */
export const fateNames: Record<Fate, string> = {
  survived: "survived",
  lost: "lost",
  new: "new",
  never: "never selective",
};

const arrow = (initial: string, current: string) => `${initial} → ${current}`;
const level = (value: number) => (value < 0 ? noNumber : String(value));

/** What a unit prefers of a kind, then and now: a token, a position, or both. */
export function preferredText({ token, position }: UnitRow, kind: CurveKind): string {
  const of = (time: 0 | 1) => {
    const name = (letter: string, levels: Levels) => `${letter}${level(levels[time])}`;
    if (kind === "token") return name("t", token);
    if (kind === "position") return name("p", position);
    return `${name("t", token)} ${name("p", position)}`;
  };
  return arrow(of(0), of(1));
}

/** The text of a column. */
export function rowText(row: UnitRow, column: TextColumn, kind: CurveKind): string {
  if (column === "selectivity") return arrow(fixed(row.initial), fixed(row.current));
  if (column === "preferred") return preferredText(row, kind);
  return row.fate === "never" ? noNumber : fateNames[row.fate];
}

/** The whole row in words. */
export function rowLabel(
  row: UnitRow,
  { kind, band, seed }: { kind: CurveKind; band: NullBand; seed: number },
): string {
  const r = Number.isNaN(row.r) ? "has no correlation with its initialisation" : `r ${fixed(row.r)}`;
  const beside = Number.isFinite(band.high)
    ? `${row.r > band.high ? "above" : "not above"} the null ${intervalText([band.low, band.high])}`
    : "without a null";
  return `${row.name} of seed ${seed}: ${r}, ${beside}; selectivity ${fixed(row.initial)} then, ${fixed(row.current)} now; prefers ${preferredText(row, kind)}; ${fateNames[row.fate]}`;
}

/** How an r stands to its null, in a sentence. */
export function nullText({ below, partners }: NullBand): string {
  if (Number.isNaN(below) || partners === 0) return "There is nothing to compare it with.";
  return `Its r exceeds that of ${percent(below)} of ${partners} units of other initialisations.`;
}
