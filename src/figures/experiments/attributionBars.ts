/** What each component adds to an answer: a sum taken apart. */
import type { Interval } from "../../stats/intervals.ts";
import { dotRowsPanel } from "../dotRows.ts";
import type { FigureSpec } from "../figure.ts";
import { counted, fixed } from "../numberText.ts";
import { type Band, type Subject, subjectColor, subjectSeeds, subjectSlug } from "../subject.ts";
import { thenColor } from "../theme.ts";

/** What one component adds. */
export interface AttributedComponent extends Interval {
  /** `embed`, `0_attn_out`, `L0H1`, `L0N17`, … */
  name: string;
  /** The same component in freshly drawn networks: 95 % band. */
  null?: Band;
  /** The same component of the same networks before training. */
  before?: Interval;
}

/** What {@link attributionBars} draws. */
export interface AttributionBarsData {
  subject: Subject;
  /** What is taken apart: `logit of token 7 less that of token 0`. */
  quantity: string;
  /** Unit of the bars: `logits`. */
  unit: string;
  /** Where intervals come from: `95 % t interval over 64 sequences`. */
  intervals: string;
  components: readonly AttributedComponent[];
  /** Most bars that are drawn, default 20: the largest; the others are added up in one more bar. */
  most?: number;
}

/** Bars of a figure at most, unless the data says otherwise. */
const mostBars = 20;

/** Figure: a bar a component, the largest of many, then what the others add up to and the sum of all. */
export function attributionBars(data: AttributionBarsData): FigureSpec {
  const { most = mostBars } = data;
  const defined = data.components.filter(({ estimate }) => Number.isFinite(estimate));
  const bySize = defined.toSorted((a, b) => Math.abs(b.estimate) - Math.abs(a.estimate));
  const kept = new Set(bySize.slice(0, most));
  const others = defined.filter((component) => !kept.has(component));
  const total = (components: readonly AttributedComponent[]) =>
    components.reduce((sum, { estimate }) => sum + estimate, 0);
  // sums of means; how they scatter cannot be told from the intervals of their parts
  const unbounded = { low: Number.NaN, high: Number.NaN };
  const rows = [
    // in the order of the network as long as all are shown, else by size
    ...(others.length === 0 ? defined : bySize.slice(0, most)).map(({ name, before, ...rest }) => ({
      label: name,
      ...rest,
      ...(before === undefined ? {} : { other: before }),
      note: fixed(rest.estimate),
    })),
    ...(others.length === 0
      ? []
      : [
          {
            label: counted(others.length, "other"),
            estimate: total(others),
            ...unbounded,
            note: fixed(total(others)),
            strong: false,
          },
        ]),
    ...(defined.length === 0
      ? []
      : [
          {
            label: "sum",
            estimate: total(defined),
            ...unbounded,
            note: fixed(total(defined)),
            strong: false,
          },
        ]),
  ];
  const banded = data.components.some((component) => component.null !== undefined);
  const once = data.components.flatMap(({ before }) => before ?? []);
  const sumBefore = once.reduce((sum, { estimate }) => sum + estimate, 0);
  const [largest] = bySize;
  return {
    name: subjectSlug("attribution", data.subject),
    title:
      largest === undefined
        ? `${data.subject.name}: nothing was attributed.`
        : `${data.subject.name}: the parts sum to ${fixed(total(defined))} ${data.unit}${once.length === 0 ? "" : ` (${fixed(sumBefore)} before training)`}; the largest is ${largest.name} with ${fixed(largest.estimate)}.`,
    question: `Which components make up the ${data.quantity}?`,
    seeds: subjectSeeds(data.subject),
    nullModel: `a component that adds nothing is at the dashed line${banded ? "; grey band: the same component in freshly drawn networks, 95 %" : ""}${once.length === 0 ? "" : "; hollow: the same networks before training, where nothing is learned"}.`,
    reading: `Bars: mean contribution, red adds and blue takes away; lines: ${data.intervals}. The parts add up to the sum, the network's own ${data.quantity}.`,
    panels: [
      dotRowsPanel({
        title: data.quantity,
        rows,
        axis: data.unit,
        reference: 0,
        bars: true,
        color: subjectColor(data.subject),
        otherColor: thenColor,
        width: 328,
      }),
    ],
  };
}
