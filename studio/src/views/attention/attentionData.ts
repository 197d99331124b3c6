/** What the figures of attention draw of what was seen. */
import type { AttentionPatternsData } from "../../../../src/figures/experiments/attentionPatterns.ts";
import type { HeadScoresData } from "../../../../src/figures/experiments/headScoresFigure.ts";
import type { HeadCoursesData } from "../../../../src/figures/looks/headCourses.ts";
import { headName } from "../../../../src/figures/population.ts";
import type { Subject } from "../../../../src/figures/subject.ts";
import { headScoreNames } from "../../../../src/interp/headScores.ts";
import type { AttentionSeen } from "../../workers/looks/attention.ts";
import type { HeadKinds } from "../../workers/looks/headKinds.ts";

const abstain = "abstain";

/** Every head of a model: its layer, and its place in it. */
function headsOf({ patterns }: AttentionSeen): { layer: number; head: number }[] {
  return patterns.flatMap(({ shape }, layer) =>
    Array.from({ length: shape[1] }, (_, head) => ({ layer, head })),
  );
}

/** Class of each head of a model; empty where it is not known. */
function kindsOf({ kinds, models }: HeadKinds, model: number, heads: number): readonly string[] {
  const at = models.indexOf(model);
  return at < 0 || kinds.length === 0 ? [] : kinds.slice(at * heads, (at + 1) * heads);
}

/** Pattern of one head, [queryPos, keyPos]. */
function patternOf({ patterns }: AttentionSeen, at: number, layer: number, head: number): Float64Array {
  const { shape, data } = patterns[layer];
  const [, heads, queries, keys] = shape;
  const from = (at * heads + head) * queries * keys;
  return Float64Array.from({ length: queries * keys }, (_, i) => data[from + i]);
}

/**
 * Patterns of one model, then beside now; null where it diverged.
 *
 * @param labels  of the positions
 * @param kinds   what kind the heads are now
 */
export function patternsData(
  { now, before, kinds }: { now: AttentionSeen; before: AttentionSeen; kinds: HeadKinds | null },
  {
    model,
    ...rest
  }: {
    model: number;
    subject: Subject;
    causal: boolean;
    probe: string;
    labels: readonly string[] | undefined;
  },
): AttentionPatternsData | null {
  const [at, first] = [now.models.indexOf(model), before.models.indexOf(model)];
  if (at < 0 || first < 0) return null;
  const heads = headsOf(now);
  const own = kinds === null ? [] : kindsOf(kinds, model, heads.length);
  return {
    ...rest,
    nPos: now.patterns[0].shape[2],
    heads: heads.map(({ layer, head }, i) => ({
      ...{ layer, head },
      pattern: patternOf(now, at, layer, head),
      before: patternOf(before, first, layer, head),
      ...(own[i] === undefined || own[i] === abstain ? {} : { kind: own[i] }),
    })),
  };
}

/** Scores through the checkpoints, over the null that is drawn so far. */
export function coursesData(
  history: readonly { step: number; seen: AttentionSeen }[],
  kinds: HeadKinds | null,
  subject: Subject,
): HeadCoursesData {
  const known = history.filter(({ seen }) => seen.scores !== null);
  const [last] = known.slice(-1);
  const heads = last === undefined ? [] : headsOf(last.seen);
  const { models = [] } = last?.seen ?? {};
  const scoreOf = (
    seen: AttentionSeen,
    name: (typeof headScoreNames)[number],
    model: number,
    head: number,
  ) => {
    const at = seen.models.indexOf(model);
    return at < 0
      ? Number.NaN
      : (seen.scores?.scores[name].corrected.data[at * heads.length + head] ?? Number.NaN);
  };
  const defined = headScoreNames.filter((name) => (last?.seen.scores?.scores[name].queries.data[0] ?? 0) > 0);
  return {
    subject,
    steps: known.map(({ step }) => step),
    nullName: kinds === null ? "not drawn yet" : `${kinds.draws} networks drawn from the same initialisation`,
    heads: heads.map(({ layer, head }, index) => ({
      ...{ layer, head },
      // before the null is drawn whole, nobody has a class, which is not the same as none
      ...(kinds === null || kinds.kinds.length === 0
        ? {}
        : {
            kinds: Object.fromEntries(
              kindCounts(kinds, heads.length)[index].filter(([kind]) => kind !== abstain),
            ),
          }),
      scores: Object.fromEntries(
        defined.map((name) => [
          name,
          {
            networks: models.map((model) => known.map(({ seen }) => scoreOf(seen, name, model, index))),
            ...(kinds?.bands[layer] === undefined ? {} : { null: kinds.bands[layer][head][name] }),
          },
        ]),
      ),
    })),
  };
}

/** Networks by class, the most frequent first, of every head; empty where no class is known. */
export function kindCounts(kinds: HeadKinds | null, heads: number): [kind: string, networks: number][][] {
  return Array.from({ length: heads }, (_, head) => {
    const counts = new Map<string, number>();
    kinds?.kinds.forEach((kind, i) => {
      if (i % heads === head) counts.set(kind, (counts.get(kind) ?? 0) + 1);
    });
    return [...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  });
}

/** A row of the table of classes. */
export interface KindRow {
  readonly head: string;
  readonly before: string;
  readonly now: string;
  /** Class in the network that is shown, with its corrected score. */
  readonly chosen: string;
}

const countsText = (counts: readonly (readonly [string, number])[]) =>
  counts.map(([kind, networks]) => `${kind} ${networks}`).join(", ") || "–";

/** The table: how many seeds have a head of which kind, then and now. */
export function kindRows(
  now: HeadKinds,
  before: HeadKinds,
  { model, layers, heads }: { model: number; layers: number; heads: number },
): KindRow[] {
  const total = layers * heads;
  const [counts, first, own] = [
    kindCounts(now, total),
    kindCounts(before, total),
    kindsOf(now, model, total),
  ];
  return Array.from({ length: total }, (_, i) => ({
    head: headName(Math.floor(i / heads), i % heads),
    ...{ before: countsText(first[i]), now: countsText(counts[i]), chosen: own[i] ?? "–" },
  }));
}

/** The heads of one model with their intervals over sequences, as `palimpsest inspect` draws them; null if not known. */
export function scoresData({ chosen, bands }: HeadKinds, subject: Subject): HeadScoresData | null {
  if (chosen === null) return null;
  return {
    subject,
    threshold: chosen.threshold,
    heads: chosen.heads.map(({ layer, head, scores, ...rest }) => ({
      ...{ layer, head, class: rest.class },
      scores: Object.fromEntries(
        headScoreNames.map((name) => [
          name,
          {
            ...scores[name].corrected,
            ...(bands[layer][head][name] === undefined ? {} : { null: bands[layer][head][name] }),
          },
        ]),
      ),
    })),
  };
}
