/** A sweep's results over seeds, point by point: what its report shows and `--json` prints. */
import { finite, intervalOverSeeds, meanOverSeeds } from "../persistence/overSeeds.ts";
import { departureFrom } from "../protocol/report.ts";
import { studyNamed } from "../registry.ts";
import type { SweepPoint, SweptField } from "./expand.ts";
import { openStudy } from "./fields.ts";
import type { SweepJob } from "./job.ts";
import type { SweepResult, SweepVerdict } from "./result.ts";

/** A statistic at a point. */
export interface PointStatistic {
  readonly statistic: string;
  readonly layer: number | null;
  readonly kind: string | null;
  /** Mean over the seeds that have a number; of a number of the job as a whole, that. */
  readonly mean: number;
  /** 95 % t interval over seeds; NaN where there is none. */
  readonly low: number;
  readonly high: number;
  /** Seeds that have a number; 0 for a number of the job as a whole. */
  readonly seeds: number;
}

/** A point with what its job found. */
export interface SummarisedPoint extends SweepPoint {
  readonly seeds: number;
  /** Seeds whose network diverged; they are in no mean. */
  readonly diverged: number;
  readonly statistics: readonly PointStatistic[];
  readonly verdicts: readonly SweepVerdict[];
  /** How a study with a plan was not run as planned, in two sentences; null where it was, and without a plan. */
  readonly departure: string | null;
}

/** A job without a result. */
export interface MissingJob {
  readonly key: string;
  readonly study: string;
  /** Its values for the reader. */
  readonly name: string;
  /** Why, in a phrase. */
  readonly reason: string;
}

/** A sweep with what it found; plain data, without anything that depends on where or when it ran. */
export interface SweepSummary {
  readonly study: "sweep";
  readonly title: string;
  /** `partial` where a job has no result. */
  readonly status: "complete" | "partial";
  readonly studies: readonly string[];
  readonly fields: readonly SweptField[];
  readonly jobs: { readonly total: number; readonly done: number };
  /** Networks that were trained for the results that are there. */
  readonly models: number;
  readonly missing: readonly MissingJob[];
  /** Sentences on jobs that have two results which differ. */
  readonly alarms: readonly string[];
  /** Those with a result, in the order of the sweep. */
  readonly points: readonly SummarisedPoint[];
}

/** A point with the statistics of its job's result. */
export function summarisePoint(point: SweepPoint, result: SweepResult): SummarisedPoint {
  const { series, outcomes, verdicts, models, job } = result;
  return {
    ...point,
    seeds: job.seeds.length,
    diverged: models.filter(({ divergedAt }) => divergedAt !== null).length,
    statistics: [
      ...series.map(({ statistic, layer, kind, values }) => {
        const [low, high] = intervalOverSeeds(values);
        return {
          ...{ statistic, layer, kind, mean: meanOverSeeds(values), low, high },
          seeds: finite(values).length,
        };
      }),
      ...outcomes.map(({ statistic, value, low, high }) => ({
        ...{ statistic, layer: null, kind: null, mean: value, low, high, seeds: 0 },
      })),
    ],
    verdicts,
    departure: departureOf(job),
  };
}

function departureOf({ study, config, seeds }: SweepJob): string | null {
  if (study === openStudy) return null;
  const { plan } = studyNamed(study);
  const departure = departureFrom({ plan, seeds, quick: config.quick === true });
  return departure && `${departure.title} ${departure.text}`;
}

/** Statistics that the figures and the tables of a sweep show. */
const shownStatistics = new Set([
  ...["tuningExcess", "heldOutLoss", "heldOutAccuracy", "bayesFloor"],
  ...["selectivityBefore", "selectivityAfter"],
]);

/** A point with no more than is shown of it: of a hundred thousand, all statistics would fill the memory. */
export function shownOf(point: SummarisedPoint): SummarisedPoint {
  if (point.study !== openStudy) return point;
  return { ...point, statistics: point.statistics.filter(({ statistic }) => shownStatistics.has(statistic)) };
}

/** A statistic of a point; undefined where its job has none of that name. */
export function statisticOf(
  { statistics }: SummarisedPoint,
  name: string,
  layer: number | null = null,
  kind: string | null = null,
): PointStatistic | undefined {
  return statistics.find((each) => each.statistic === name && each.layer === layer && each.kind === kind);
}
