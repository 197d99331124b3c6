/** Which heads read what other heads write: composition scores over those of random networks. */
import { type DotRow, domainOf, dotRowsPanel } from "../dotRows.ts";
import type { FigureSpec } from "../figure.ts";
import { counted, fixed } from "../numberText.ts";
import {
  type Band,
  type Subject,
  subjectColor,
  subjectSeeds,
  subjectSlug,
  subjectTitle,
} from "../subject.ts";
import { thenColor } from "../theme.ts";

/** One pair of heads by one of the ways in. */
export interface ComposedPair {
  /** `L0H1>L1H0` */
  pair: string;
  /** `q`, `k` or `v` */
  kind: string;
  /** Of the network that is shown, in [0, 1]. */
  score: number;
  before: number;
  /** Every network's. */
  networks: readonly number[];
  /** Of single random networks: middle 95 % and median. */
  null: Band;
  /** P value of a score this high, corrected for all pairs of its kind. */
  p: number;
}

/** What {@link compositionRows} draws. */
export interface CompositionRowsData {
  subject: Subject;
  pairs: readonly ComposedPair[];
  /** Root mean square of independent random heads. */
  atRandom: number;
  /** Random networks. */
  draws: number;
  /** Rows of a panel at most, default 16: the highest. */
  most?: number;
}

const alpha = 0.05;
const mostRows = 16;
const ways: Readonly<Record<string, string>> = { q: "by queries", k: "by keys", v: "by values" };

/** Figure: a panel for queries, keys and values, the highest scores first. */
export function compositionRows(data: CompositionRowsData): FigureSpec {
  const { most = mostRows } = data;
  const defined = data.pairs.filter(({ score }) => Number.isFinite(score));
  const kinds = [...new Set(data.pairs.map(({ kind }) => kind))];
  const beyond = defined.filter(({ p }) => p <= alpha).toSorted((a, b) => b.score - a.score);
  const [highest] = defined.toSorted((a, b) => b.score - a.score);
  const cut = kinds.some((kind) => data.pairs.filter((pair) => pair.kind === kind).length > most);
  const rowsOf = (kind: string) =>
    data.pairs
      .filter((pair) => pair.kind === kind)
      .toSorted((a, b) => b.score - a.score)
      .slice(0, most)
      .map(
        ({ pair, score, before, networks, null: band, p }): DotRow => ({
          label: pair,
          ...{ estimate: score, low: Number.NaN, high: Number.NaN },
          other: { estimate: before, low: Number.NaN, high: Number.NaN },
          ...{ marks: networks, null: band, note: fixed(score), strong: p <= alpha },
        }),
      );
  // one axis for all panels, so that they compare
  const domain = domainOf(kinds.flatMap(rowsOf), data.atRandom);
  const nameOf = ({ pair, kind }: ComposedPair) => `${pair} ${ways[kind] ?? kind}`;
  return {
    name: subjectSlug("composition", data.subject),
    title:
      highest === undefined
        ? `${subjectTitle(data.subject)}: 0 pairs of heads can compose.`
        : beyond.length === 0
          ? `${subjectTitle(data.subject)}: 0 of ${counted(defined.length, "score")} are beyond random networks; the highest is ${nameOf(highest)}, ${fixed(highest.score)}.`
          : `${subjectTitle(data.subject)}: ${beyond.length} of ${counted(defined.length, "score")} are beyond random networks, the highest ${nameOf(beyond[0])}, ${fixed(beyond[0].score)} (${fixed(beyond[0].before)} before training).`,
    question: "Does any head read what an earlier head writes, more than in random networks?",
    seeds: subjectSeeds(data.subject),
    nullModel: `grey band and tick: the same pair in ${fixed(data.draws, 0)} networks drawn from the same initialisation, 95 % and median; dashed: ${fixed(data.atRandom)}, the root mean square of independent random heads. Bold: p ≤ ${alpha}, corrected for all pairs of its panel.`,
    reading: `Norm of the product of what the sender writes and the receiver reads, over the product of their norms: 0 to 1. Dot: the seed that is shown; hollow: the same before training; thin: all seeds.${
      cut ? ` The ${most} highest of each panel.` : ""
    }`,
    panels: kinds.map((kind) =>
      dotRowsPanel({
        title: ways[kind] ?? kind,
        rows: rowsOf(kind),
        axis: "composition score",
        domain,
        reference: data.atRandom,
        color: subjectColor(data.subject),
        otherColor: thenColor,
      }),
    ),
  };
}
