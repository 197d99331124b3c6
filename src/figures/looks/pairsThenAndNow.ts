/** Whether units that went together before training still do: every pair's correlation, then against now. */
import type { Interval } from "../../stats/intervals.ts";
import type { FigureSpec } from "../figure.ts";
import { heatMapPanel } from "../heatMaps.ts";
import { fixed, intervalText } from "../numberText.ts";
import { type Band, type Subject, subjectSeeds, subjectSlug } from "../subject.ts";

/** What {@link pairsThenAndNow} draws. */
export interface PairsThenAndNowData {
  subject: Subject;
  /** Pairs by their r, [bin now][bin then], row-major, equal bins from −1 to 1, as many rows as columns. */
  counts: ArrayLike<number>;
  /** Correlation over pairs of r then with r now: mean over networks and its 95 % interval. */
  kept: Interval;
  /** The same of r then in one network with r now in another: middle 95 %. */
  null: Band;
}

/** Figure: a map of all pairs, colour their number on a logarithmic scale. */
export function pairsThenAndNow(data: PairsThenAndNowData): FigureSpec {
  const bins = Math.round(Math.sqrt(data.counts.length));
  const total = Array.from(data.counts).reduce((sum, count) => sum + (Number.isFinite(count) ? count : 0), 0);
  const most = Array.from(data.counts).reduce((a, b) => (b > a ? b : a), 1);
  const labels = Array.from({ length: bins }, (_, bin) => fixed((2 * bin + 1) / bins - 1));
  const { estimate, low, high } = data.kept;
  // the highest r now on top, as on an axis
  const values = labels.flatMap((_, row) =>
    labels.map((_, column) => {
      const count = data.counts[(bins - 1 - row) * bins + column];
      return count > 0 ? Math.log10(count) : Number.NaN;
    }),
  );
  return {
    name: subjectSlug("pairs-then-and-now", data.subject),
    title: `${data.subject.name}: over pairs of units, r then and r now correlate by ${fixed(estimate)} ${intervalText([low, high])}; with another network's, ${intervalText([data.null.low, data.null.high])}.`,
    question: "Do units that responded together before training still respond together?",
    seeds: subjectSeeds(data.subject),
    nullModel: `r then in one network against r now in another, pair by pair: ${intervalText([data.null.low, data.null.high])}, middle 95 % of the pairs of networks.`,
    reading: `All ${total} pairs of units of the network that is shown; pairs that kept their correlation lie on the rising diagonal. The interval is over seeds.`,
    panels:
      bins === 0
        ? []
        : [
            heatMapPanel({
              title: "pairs of units",
              description: `${total} pairs by r before training and r now; they correlate by ${fixed(estimate)}`,
              maps: [{ title: "", values }],
              rows: { title: "r now", labels: [...labels].reverse() },
              columns: { title: "r then", labels },
              scale: { kind: "amount", low: 0, high: Math.max(1, Math.log10(most)) },
              legend: {
                title: "pairs (logarithmic)",
                ticks: [
                  { value: 0, label: "1" },
                  ...(most > 10
                    ? [{ value: Math.log10(most), label: String(most) }]
                    : [{ value: 1, label: "10" }]),
                ],
              },
              maxCell: 11,
            }),
          ],
  };
}
