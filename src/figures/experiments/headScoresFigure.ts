/** What kinds of heads there are: every score of every head, over what random networks have. */
import type { Interval } from "../../stats/intervals.ts";
import { dotRowsPanel } from "../dotRows.ts";
import type { FigureSpec } from "../figure.ts";
import { counted, fixed, listed } from "../numberText.ts";
import { headName } from "../population.ts";
import { type Band, type Subject, subjectColor, subjectSeeds, subjectSlug } from "../subject.ts";

/** One score of one head. */
export interface ScoredHead extends Interval {
  /** The same score in freshly drawn networks: 95 % band and middle. */
  null?: Band;
}

/** What {@link headScoresFigure} draws. */
export interface HeadScoresData {
  subject: Subject;
  heads: readonly {
    layer: number;
    head: number;
    /** Kind of head, or `abstain`. */
    class: string;
    /** Corrected scores by name: 0 is uniform attention, 1 the pure kind. NaN where no query has the score. */
    scores: Readonly<Record<string, ScoredHead>>;
  }[];
  /** Corrected score from which on a head can be classified. */
  threshold?: number;
}

/** What uniform attention has of a score. */
const uniformScore = (name: string) => (name === "uniformity" ? 1 : 0);

/** Figure: a panel a score, a row a head; heads of the kind stand out. */
export function headScoresFigure(data: HeadScoresData): FigureSpec {
  const names = [...new Set(data.heads.flatMap(({ scores }) => Object.keys(scores)))];
  const classed = data.heads.filter((head) => head.class !== "abstain");
  const lowest = data.heads
    .flatMap(({ scores }) => Object.values(scores))
    .flatMap(({ estimate, low, null: band }) => [estimate, low, band?.low ?? 0])
    .filter(Number.isFinite)
    .reduce((a, b) => Math.min(a, b), 0);
  const domain = [Math.max(-1, Math.floor(10 * lowest) / 10), 1] as const;
  const banded = data.heads.some(({ scores }) =>
    Object.values(scores).some((score) => score.null !== undefined),
  );
  const labels = classed.map(({ layer, head, ...rest }) => `${headName(layer, head)} ${rest.class}`);
  return {
    name: subjectSlug("head-scores", data.subject),
    title: `${data.subject.name}: ${
      data.heads.length === 0
        ? "there is no head."
        : classed.length === 0
          ? `none of ${counted(data.heads.length, "head")} is of any kind.`
          : `${classed.length} of ${counted(data.heads.length, "head")} ${classed.length === 1 ? "is" : "are"} of a known kind: ${listed(labels)}.`
    }`,
    question: "Does any head do what heads of a known kind do, more than heads of random networks?",
    seeds: subjectSeeds(data.subject),
    nullModel: `dashed line: uniform attention${banded ? "; grey band and tick: the same head in freshly drawn networks, 95 % and middle" : ""}.`,
    reading: `Corrected scores: 0 is uniform attention and 1 the pure kind (uniformity: 1 is uniform). Line: 95 % interval over sequences.${
      data.threshold === undefined
        ? ""
        : ` A head is of a kind from ${fixed(data.threshold)} on and beyond its null.`
    } Heads of no kind are grey.`,
    panels: names.map((name) =>
      dotRowsPanel({
        title: name,
        rows: data.heads.flatMap(({ layer, head, scores, ...rest }) =>
          scores[name] === undefined
            ? []
            : [
                {
                  label: headName(layer, head),
                  ...scores[name],
                  note:
                    rest.class === name ? `${fixed(scores[name].estimate)} ✓` : fixed(scores[name].estimate),
                  strong: rest.class === name,
                },
              ],
        ),
        axis: "corrected score",
        domain,
        reference: uniformScore(name),
        color: subjectColor(data.subject),
      }),
    ),
  };
}
