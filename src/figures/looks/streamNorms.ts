/** How long the residual stream is at every site, then and now. */
import type { Interval } from "../../stats/intervals.ts";
import { dotRowsPanel } from "../dotRows.ts";
import { siteLabel } from "../experiments/lensTable.ts";
import type { FigureSpec } from "../figure.ts";
import { fixed } from "../numberText.ts";
import { type Subject, subjectColor, subjectSeeds, subjectSlug } from "../subject.ts";
import { thenColor } from "../theme.ts";

/** What {@link streamNorms} draws. */
export interface StreamNormsData {
  subject: Subject;
  /** What was read: `64 sequences of the task patterns`. */
  probe: string;
  /** In firing order: mean length over positions and sequences, its interval over seeds, and each seed's own. */
  sites: readonly { site: string; now: Interval; before: Interval; networks: readonly number[] }[];
}

/** Figure: a row a site, hollow before training. */
export function streamNorms(data: StreamNormsData): FigureSpec {
  const [first, last] = [data.sites[0], data.sites[data.sites.length - 1]];
  return {
    name: subjectSlug("stream-norms", data.subject),
    title:
      first === undefined
        ? `${data.subject.name}: 0 sites were read.`
        : `${data.subject.name}: the stream goes from length ${fixed(first.now.estimate)} at ${siteLabel(first.site)} to ${fixed(last.now.estimate)} at ${siteLabel(last.site)}; before training from ${fixed(first.before.estimate)} to ${fixed(last.before.estimate)}.`,
    question: "How much do the layers write into the residual stream?",
    seeds: subjectSeeds(data.subject),
    nullModel: "hollow: the same networks before training, 95 % t interval over seeds.",
    reading: `Mean Euclidean length of the stream over the positions of ${data.probe}; dot and line: mean and 95 % t interval over seeds; thin: single seeds. A layer norm sets the length of what it writes.`,
    panels: [
      dotRowsPanel({
        title: "length of the stream",
        rows: data.sites.map(({ site, now, before, networks }) => ({
          ...now,
          label: siteLabel(site),
          other: before,
          marks: networks,
          note: fixed(now.estimate),
        })),
        axis: "‖x‖",
        reference: 0,
        color: subjectColor(data.subject),
        otherColor: thenColor,
        width: 328,
      }),
    ],
  };
}
