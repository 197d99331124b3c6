/** What the figures of `inspect` share: whose networks they show, and rows of judged numbers over their null. */

import { dotRowsPanel } from "../../figures/dotRows.ts";
import type { FigureSpec } from "../../figures/figure.ts";
import { counted, fixed } from "../../figures/numberText.ts";
import {
  type Band,
  type Subject as FigureSubject,
  subjectColor,
  subjectSeeds,
  subjectSlug,
} from "../../figures/subject.ts";
import type { Interval } from "../../stats/intervals.ts";
import type { Subject } from "./inspected.ts";
import { type Judged, marked } from "./judged.ts";
import type { NamedCell } from "./tables.ts";

/** A subject as figures know it. */
export function figureSubject({ name, run, step, seeds, pretrained }: Subject): FigureSubject {
  if (pretrained !== null) return { name, seeds: 1, time: "now" };
  return {
    name: run === null ? `${name}, random weights` : `${name} at step ${step}`,
    seeds: seeds.length,
    ...(seeds.length === 1 ? { seed: seeds[0] } : {}),
    time: step === 0 ? "then" : "now",
  };
}

/** A judged number as rows of figures take it. */
export function figureInterval({ estimate, interval, null: drawn }: Judged): Interval & { null?: Band } {
  const [low, high] = interval ?? [Number.NaN, Number.NaN];
  if (drawn === null) return { estimate, low, high };
  return { estimate, low, high, null: { low: drawn.low, high: drawn.high, middle: drawn.median } };
}

/** What {@link forestFigure} draws. */
export interface Forest {
  /** Kebab-case. */
  readonly name: string;
  readonly subject: Subject;
  readonly question: string;
  /** Name and unit of the numbers. */
  readonly axis: string;
  readonly cells: readonly NamedCell[];
  /** What the intervals are over; null where there are none. */
  readonly over: string | null;
  /** Rows at most, the largest. */
  readonly top: number;
}

const nameOf = ({ labels }: NamedCell) => labels.join(" ");

/** Figure: the largest numbers with their intervals, each over the band of its null. */
export function forestFigure({ name, subject, question, axis, cells, over, top }: Forest): FigureSpec {
  const shown = figureSubject(subject);
  const measured = cells.filter(({ judged }) => Number.isFinite(judged.estimate));
  const bySize = measured.toSorted((a, b) => Math.abs(b.judged.estimate) - Math.abs(a.judged.estimate));
  const out = bySize.filter(({ judged }) => marked(judged));
  const [largest] = bySize;
  const judgedAtAll = measured.some(({ judged }) => judged.null !== null);
  return {
    name: subjectSlug(name, shown),
    title:
      largest === undefined
        ? `${shown.name}: nothing was measured.`
        : `${shown.name}: ${nameOf(largest)} has the largest ${axis}, ${fixed(largest.judged.estimate, 3)}; ${
            judgedAtAll
              ? `${out.length} of ${measured.length} are beyond random networks.`
              : `one of ${measured.length}.`
          }`,
    question,
    seeds: subjectSeeds(shown),
    nullModel: judgedAtAll
      ? "grey band and tick: the same part of freshly drawn networks, 95 % and middle; bold rows are beyond the largest of the whole table there (p ≤ 0.05)."
      : "none was drawn.",
    reading: `Dot: mean${over === null ? "" : `; line: 95 % t interval over ${over}`}. ${counted(Math.min(top, bySize.length), "row")} of ${bySize.length}, the largest first.`,
    panels: [
      dotRowsPanel({
        title: axis,
        rows: bySize.slice(0, top).map((cell) => ({
          ...figureInterval(cell.judged),
          label: nameOf(cell),
          note: fixed(cell.judged.estimate, 3),
          strong: marked(cell.judged),
        })),
        axis,
        reference: 0,
        digits: 3,
        color: subjectColor(shown),
        width: 450,
      }),
    ],
  };
}
