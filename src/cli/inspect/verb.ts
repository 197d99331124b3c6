/** What every verb of `inspect` is given, and what it gives back. */
import type { FigureSpec } from "../../figures/index.ts";
import type { Network } from "../../interp/network.ts";
import type { JsonValue } from "../../record/canonicalJson.ts";
import type { Subject } from "./inspected.ts";
import { alpha, type Judged, type Measured, marked } from "./judged.ts";
import { mark } from "./tables.ts";

/** An opened subject with its null. */
export interface Inspection {
  readonly subject: Subject;
  readonly network: Network;
  /** Random networks that were asked for; null for as many as suit the verb. */
  readonly draws: number | null;
  /**
   * Networks of the same config and initialisation that nobody trained, opened; null for none. They are closed with the
   * subject.
   */
  draw(count: number): Network | null;
}

/** Random networks of a null where no number is asked for: the smallest p is then 1/200. */
const DRAWS = 199;
/** Fewest, if measuring each is costly: the smallest p is then 1/40. */
const FEWEST = 39;

/**
 * The networks of the null: as many as were asked for, else {@link DRAWS}, or fewer where one costs much.
 *
 * @param cost    forward passes of one sequence that measuring one network takes
 * @param budget  of all
 */
export function openNull(
  { subject, draws, draw }: Inspection,
  { cost = 1, budget = 200_000 }: { cost?: number; budget?: number } = {},
): Network | null {
  const affordable = Math.min(DRAWS, Math.max(FEWEST, Math.floor(budget / cost)));
  // a mean of n networks is held against means of n, so there must be several times as many
  return draw(draws ?? Math.max(affordable, 2 * subject.seeds.length));
}

/** What a verb found. */
export interface Findings {
  /** Random networks of the null. */
  readonly draws: number;
  /** Its part of what `--json` prints. */
  readonly result: Readonly<Record<string, unknown>>;
  /** What is printed for a reader: sentences, which are wrapped, and tables, which are lists of lines. */
  readonly text: readonly (string | readonly string[])[];
  /** Made for `--svg` only. */
  figure(): FigureSpec;
}

/** What the intervals of a table are over; null where there is one network and one sequence. */
export function intervalsOver({ models, rows }: Measured): "seeds" | "sequences" | null {
  if (models > 1) return "seeds";
  return rows > 1 ? "sequences" : null;
}

/**
 * What the mark and the null are, in words.
 *
 * @param list  whether the table has a column for the null
 */
export function nullText({ seeds }: Subject, drawn: Network | null, { list }: { list: boolean }): string {
  if (drawn === null) return "Without a null (--draws 0): nothing here says what chance would give.";
  const several = seeds.length > 1 ? `, as means of ${seeds.length}` : "";
  return `${mark} beyond ${drawn.models} random networks${several}: p ≤ ${alpha} for the largest cell of the whole table.${list ? " null: their median and middle 95 %." : ""}`;
}

/** A judged cell as it stands in JSON. */
export function cellRow(
  labels: Readonly<Record<string, JsonValue>>,
  judged: Judged,
): Record<string, unknown> {
  return { ...labels, ...judged, marked: marked(judged) };
}
