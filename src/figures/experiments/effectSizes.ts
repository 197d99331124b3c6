/** Do units respond to the cells they seem to prefer? Found on one half of the probe, tested on the other. */
import type { Interval } from "../../stats/intervals.ts";
import { quantileSorted } from "../../stats/quantile.ts";
import { dotRowsPanel } from "../dotRows.ts";
import type { FigureSpec } from "../figure.ts";
import { counted, fixed, intervalText } from "../numberText.ts";
import { sortedFinite } from "../spread.ts";
import { type Band, type Subject, subjectColor, subjectSeeds, subjectSlug } from "../subject.ts";

/** One hypothesis: a unit and the cell that it seems to prefer. */
export interface UnitEffect {
  /** `L0N17` */
  unit: string;
  /** `token 3 at 5` */
  cell: string;
  /** Cohen's d of the half that the cell was found on, and of the other half. */
  selected: Interval;
  tested: Interval;
  /** Permutation p of the test half, corrected for the number of hypotheses. */
  p: number;
}

/** What {@link effectSizes} draws. */
export interface EffectSizesData {
  subject: Subject;
  effects: readonly UnitEffect[];
  /** Cohen's d of the strongest cell with labels permuted, on the test half: 95 % band. */
  null: Band;
  /** How p values were corrected: `Holm over 128 hypotheses`. */
  correction: string;
  /** Level that p is held against. */
  alpha: number;
  /** Most rows, default 24: those with the largest tested |d|. */
  most?: number;
}

/** Rows of the figure at most, unless the data says otherwise. */
const mostRows = 24;

const pText = (p: number) => (p < 0.001 ? "p < 0.001" : `p ${fixed(p, 3)}`);

/** Figure: Cohen's d of each unit's strongest cell, a row a unit. */
export function effectSizes(data: EffectSizesData): FigureSpec {
  const { most = mostRows, alpha } = data;
  const defined = data.effects.filter(({ tested }) => Number.isFinite(tested.estimate));
  const shown = defined
    .toSorted((a, b) => Math.abs(b.tested.estimate) - Math.abs(a.tested.estimate))
    .slice(0, most);
  const significant = defined.filter(({ p }) => p < alpha).length;
  const median = (half: "selected" | "tested") =>
    quantileSorted(sortedFinite(defined.map((effect) => effect[half].estimate)), 0.5);
  return {
    name: subjectSlug("effect-sizes", data.subject),
    title:
      defined.length === 0
        ? `${data.subject.name}: no hypothesis was tested.`
        : `${data.subject.name}: ${significant} of ${counted(defined.length, "unit")} keep${significant === 1 ? "s" : ""} the preference that was found on the other half; median d ${fixed(median("tested"))}, where it was found ${fixed(median("selected"))}.`,
    question: "Does a unit respond to the token and position that it seemed to prefer?",
    seeds: subjectSeeds(data.subject),
    nullModel: `grey band: Cohen's d of a strongest cell with labels permuted, on the half that tests; 95 %, ${intervalText([data.null.low, data.null.high])}.`,
    reading: `Full dot: Cohen's d, cell against all others, on the half of the probe that tests, with its 95 % interval; hollow: on the half that selected the cell. p by permutation, ${data.correction}; in grey where it is not below ${fixed(alpha)}.${
      shown.length < defined.length ? ` The ${shown.length} largest of ${defined.length} are shown.` : ""
    }`,
    panels: [
      dotRowsPanel({
        title: "strongest cell of each unit",
        rows: shown.map(({ unit, cell, selected, tested, p }) => ({
          label: `${unit}  ${cell}`,
          ...tested,
          other: selected,
          null: data.null,
          note: pText(p),
          strong: p < alpha,
        })),
        axis: "Cohen's d",
        reference: 0,
        color: subjectColor(data.subject),
        width: 328,
      }),
    ],
  };
}
