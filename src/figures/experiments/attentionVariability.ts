/** How far attention is from looking everywhere alike, and how much that varies. */
import type { Interval } from "../../stats/intervals.ts";
import { dotRowsPanel } from "../dotRows.ts";
import type { FigureSpec } from "../figure.ts";
import { fixed } from "../numberText.ts";
import { headName } from "../population.ts";
import { type Band, type Subject, subjectColor, subjectSeeds, subjectSlug } from "../subject.ts";

/** One head against uniform attention. */
export interface HeadVariability {
  layer: number;
  head: number;
  /** Entropy of a query's attention over that of uniform attention, in [0, 1]: median and middle 90 % over queries. */
  entropyRatio: Interval;
  /** Total variation distance of a query's attention from uniform, in [0, 1]: median and middle 90 % over queries. */
  totalVariation: Interval;
  /** Medians of the same head in freshly drawn networks: 95 % band and middle. */
  null?: { entropyRatio: Band; totalVariation: Band };
}

/** What {@link attentionVariability} draws. */
export interface AttentionVariabilityData {
  subject: Subject;
  heads: readonly HeadVariability[];
}

const measures = [
  { key: "entropyRatio", title: "entropy", axis: "entropy of attention, of uniform attention's", uniform: 1 },
  { key: "totalVariation", title: "distance", axis: "total variation distance from uniform", uniform: 0 },
] as const;

/** Figure: entropy ratio and distance from uniform, a row a head. */
export function attentionVariability(data: AttentionVariabilityData): FigureSpec {
  const sorted = data.heads
    .filter(({ totalVariation }) => Number.isFinite(totalVariation.estimate))
    .toSorted((a, b) => b.totalVariation.estimate - a.totalVariation.estimate);
  const outside = sorted.filter(({ totalVariation: { estimate }, null: bands }) => {
    if (bands === undefined) return false;
    return estimate < bands.totalVariation.low || estimate > bands.totalVariation.high;
  });
  const judged = sorted.filter((head) => head.null !== undefined).length;
  const [furthest] = sorted;
  return {
    name: subjectSlug("attention-variability", data.subject),
    title:
      furthest === undefined
        ? `${data.subject.name}: no head whose queries have a choice.`
        : `${data.subject.name}: attention is ${fixed(sorted[sorted.length - 1].totalVariation.estimate)} to ${fixed(furthest.totalVariation.estimate)} away from uniform (furthest ${headName(furthest.layer, furthest.head)})${
            judged === 0 ? "" : `; ${outside.length} of ${judged} heads lie outside their null`
          }.`,
    question: "Do heads look everywhere alike, and does that differ from query to query?",
    seeds: subjectSeeds(data.subject),
    nullModel: `dashed line: uniform attention${judged === 0 ? "" : "; grey band and tick: the same head in freshly drawn networks, 95 % and middle"}.`,
    reading:
      "Dot: median over the queries of the probe that see more than one key; line: the middle 90 % of them.",
    panels: measures.map(({ key, title, axis, uniform }) =>
      dotRowsPanel({
        title,
        rows: data.heads.map(({ layer, head, null: bands, ...values }) => ({
          label: headName(layer, head),
          ...values[key],
          ...(bands === undefined ? {} : { null: bands[key] }),
          note: fixed(values[key].estimate),
        })),
        axis,
        domain: [0, 1],
        reference: uniform,
        color: subjectColor(data.subject),
      }),
    ),
  };
}
