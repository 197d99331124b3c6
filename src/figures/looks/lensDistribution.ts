/** What the logit lens reads at one position: every token's probability at every site, then beside now. */
import type { Interval } from "../../stats/intervals.ts";
import type { ColorScale } from "../colorScale.ts";
import { siteLabel } from "../experiments/lensTable.ts";
import type { FigureSpec } from "../figure.ts";
import { heatMapPanel } from "../heatMaps.ts";
import { fixed, intervalText, percent } from "../numberText.ts";
import { type Subject, subjectSeeds, subjectSlug } from "../subject.ts";

/** What {@link lensDistribution} draws. */
export interface LensDistributionData {
  subject: Subject;
  /** Which lens: `logit lens, norm recomputed`. */
  lens: string;
  /** Position. */
  pos: number;
  /** Labels of the vocabulary. */
  tokens: readonly string[];
  /** The right next token, where there is one. */
  target?: number;
  /** Its probability at the last site over networks, where maps are means over several. */
  over?: Interval;
  /** Sites in firing order. */
  sites: readonly string[];
  /** Probability, [site][token], row-major: now, and before training. */
  probability: ArrayLike<number>;
  before: ArrayLike<number>;
}

/** Tokens at most: the likeliest at any site. */
const mostTokens = 24;
/** Probabilities from 0 to 1: the same colours as in the table. */
const scale: ColorScale = { kind: "amount", low: 0, high: 1 };

/** Figure: two maps of sites × tokens, the last site on top. */
export function lensDistribution(data: LensDistributionData): FigureSpec {
  const { sites, tokens, probability, before, target, pos, over } = data;
  const size = tokens.length;
  const largest = (token: number) =>
    Math.max(
      ...sites.flatMap((_, site) => [probability[site * size + token], before[site * size + token]]),
      0,
    );
  const kept =
    size <= mostTokens
      ? Array.from({ length: size }, (_, token) => token)
      : Array.from({ length: size }, (_, token) => token)
          .sort((a, b) => largest(b) - largest(a))
          .slice(0, mostTokens)
          .sort((a, b) => a - b);
  const rows = sites.map((_, i) => sites.length - 1 - i);
  const valuesOf = (of: ArrayLike<number>) =>
    rows.flatMap((site) => kept.map((token) => of[site * size + token]));
  const final = (of: ArrayLike<number>) => {
    const own = kept.map((token) => ({ token, p: of[(sites.length - 1) * size + token] }));
    return own.filter(({ p }) => Number.isFinite(p)).toSorted((a, b) => b.p - a.p)[0];
  };
  const [now, then] = [final(probability), final(before)];
  const textOf = (one: { token: number; p: number }) => `${tokens[one.token]} (${percent(one.p)})`;
  const judged =
    target === undefined || tokens[target] === undefined
      ? ""
      : `; the right one, ${tokens[target]}, has ${percent(probability[(sites.length - 1) * size + target])}${
          over === undefined || !Number.isFinite(over.low)
            ? ""
            : `, ${intervalText([100 * over.low, 100 * over.high], 0)} % over networks`
        }`;
  return {
    name: subjectSlug(`lens-at-${pos}`, data.subject),
    title:
      now === undefined || then === undefined
        ? `${data.subject.name}: no site was read at position ${pos}.`
        : `${data.subject.name}: after position ${pos} the likeliest next token is ${textOf(now)}${judged}; before training it was ${textOf(then)}.`,
    question: "Which tokens does the stream speak for on its way, and did it before training?",
    seeds: subjectSeeds(data.subject),
    nullModel: `the same networks before training, the map on the left; a guess among ${size} tokens has ${fixed(1 / Math.max(1, size))} everywhere.`,
    reading: `Rows are sites, the last one on top, columns tokens, colour their probability by the ${data.lens}${
      over === undefined ? "" : ", mean over networks; the title's interval is a 95 % t interval over them"
    }.${kept.length < size ? ` The ${kept.length} likeliest of ${size} tokens.` : ""}`,
    panels:
      sites.length === 0
        ? []
        : [
            heatMapPanel({
              title: `position ${pos}`,
              description: `probability of ${kept.length} tokens at ${sites.length} sites; at the last site now ${now === undefined ? "none" : textOf(now)}, before training ${then === undefined ? "none" : textOf(then)}`,
              maps: [
                { title: "then", values: valuesOf(before) },
                { title: "now", values: valuesOf(probability) },
              ],
              rows: { title: "", labels: rows.map((site) => siteLabel(sites[site])) },
              columns: { title: "next token", labels: kept.map((token) => tokens[token]) },
              scale,
              legend: {
                title: "probability",
                ticks: [
                  { value: 0, label: "0" },
                  { value: 1, label: "1" },
                  { value: 1 / Math.max(1, size), label: `1/${size}` },
                ],
              },
              maxWidth: 450,
              maxCell: 16,
            }),
          ],
  };
}
