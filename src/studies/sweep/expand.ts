/** From a sweep to its jobs: every combination of its grids, every draw of its search, every study, each job once. */
import { ArgumentError, FileError, UserError } from "../../base/errors.ts";
import { canonicalJson, type JsonValue } from "../../record/canonicalJson.ts";
import { checkField, type FieldValues, hasField } from "./fields.ts";
import { followingFields, type JobSetting, jobKey, type SweepJob, sweepJob } from "./job.ts";
import { draw, isLogarithmic } from "./laws.ts";
import { type Grid, jobLimit, type SweepSpec } from "./spec.ts";

/** A job with the hash that names it. */
export interface KeyedJob {
  readonly key: string;
  readonly job: SweepJob;
}

/** A place in the sweep, and the job that computes it; several places may come to one job. */
export interface SweepPoint {
  readonly key: string;
  readonly study: string;
  /** Every swept field that the study has, with its value here. */
  readonly values: FieldValues;
  /** Number of the draw; null for a point of a grid alone. */
  readonly draw: number | null;
}

/** A field that is not the same everywhere. */
export interface SweptField {
  readonly name: string;
  /** How its values are laid out: along an axis, along the logarithm of one, or side by side. */
  readonly scale: "linear" | "log" | "names";
  /** Whether its values were drawn. */
  readonly drawn: boolean;
  /** Fields that nobody gave and that change with this one by a rule, with their ends; left out where there is none. */
  readonly moves?: readonly { readonly name: string; readonly low: number; readonly high: number }[];
}

/** A sweep as it will be computed. */
export interface SweepPlan {
  readonly spec: SweepSpec;
  /** In the order of the file. */
  readonly fields: readonly SweptField[];
  /** Each once, in the order in which its first point stands. */
  readonly jobs: readonly KeyedJob[];
  /** Study by study; of each, grid by grid, the last field running fastest, and its draws innermost. */
  readonly points: readonly SweepPoint[];
}

/** Every combination of a grid's values, the last field running fastest. */
function combinations(grid: Grid): FieldValues[] {
  let found: FieldValues[] = [{}];
  for (const [field, values] of grid)
    found = found.flatMap((others) => values.map((value) => ({ ...others, [field]: value })));
  return found;
}

/** How many points a sweep has, counted before any is made. */
function countPoints({ studies, grids, random }: SweepSpec): number {
  const inGrids = grids.reduce(
    (sum, grid) => sum + [...grid.values()].reduce((product, values) => product * values.length, 1),
    0,
  );
  return studies.length * inGrids * (random?.draws ?? 1);
}

/**
 * The jobs of a sweep.
 *
 * @param file  its name, for messages
 * @throws FileError  for more jobs than {@link jobLimit}, and for a job that cannot be: its number, its values, and why
 */
export function expandSweep(spec: SweepSpec, file: string, setting: Omit<JobSetting, "seeds">): SweepPlan {
  const count = countPoints(spec);
  if (!(count <= jobLimit))
    throw new FileError({ where: file, rule: `may come to ${jobLimit} jobs`, got: String(count) });
  const { studies, grids, random, base, seeds } = spec;
  const swept = [...new Set([...grids.flatMap((grid) => [...grid.keys()]), ...(random?.over.keys() ?? [])])];
  const jobs = new Map<string, SweepJob>();
  const points = new Map<string, SweepPoint>();
  const ends = new Map<string, { low: number; high: number }>();
  let number = 0;
  for (const study of studies)
    for (const grid of grids)
      for (const combination of combinations(grid))
        for (let index = 0; index < (random?.draws ?? 1); index++) {
          number++;
          const drawn = Object.fromEntries(
            [...(random?.over ?? [])].map(([field, law]) => [
              field,
              draw(law, random?.seed ?? 0, index, field),
            ]),
          );
          const values = ownFields(study, { ...base, ...combination, ...drawn });
          const { job, resolved } = orNamed(
            () => {
              // between two ends that a field can have a law may draw what it cannot: 36.25 sequences
              for (const [field, value] of Object.entries(ownFields(study, drawn)))
                checkField(field, study, field, value);
              return sweepJob(study, values, { ...setting, seeds });
            },
            `${file}: job ${number} of ${count} (${valuesText(ownFields(study, { ...combination, ...drawn })) || study})`,
          );
          const key = jobKey(job);
          jobs.set(key, job);
          for (const { name } of followingFields) {
            const value = resolved[name];
            if (typeof value !== "number") continue;
            const { low, high } = ends.get(name) ?? { low: value, high: value };
            ends.set(name, { low: Math.min(low, value), high: Math.max(high, value) });
          }
          const isDrawn = random !== null && [...random.over.keys()].some((field) => hasField(study, field));
          const here = Object.fromEntries(
            swept.filter((field) => hasField(study, field)).map((field) => [field, resolved[field] ?? null]),
          );
          const place = `${key} ${canonicalJson(here)}`;
          if (!points.has(place))
            points.set(place, { key, study, values: here, draw: isDrawn ? index : null });
        }
  const all = [...points.values()];
  return {
    spec,
    fields: swept.flatMap((name): SweptField[] => {
      const law = random?.over.get(name);
      const values = [...new Set(all.flatMap(({ values }) => (name in values ? [values[name]] : [])))];
      if (values.length < 2) return [];
      const numbers = values.filter((value) => typeof value === "number");
      const along = numbers.length === values.length;
      const byLog = law === undefined ? spreadsByRatio(numbers) : isLogarithmic(law);
      const moves = followingFields.flatMap(({ name: other, follows }) => {
        const between = ends.get(other);
        const isMoved = between !== undefined && between.low < between.high;
        return isMoved && follows.includes(name) && !swept.includes(other)
          ? [{ name: other, ...between }]
          : [];
      });
      return [
        {
          ...{ name, scale: along ? (byLog ? "log" : "linear") : "names", drawn: law !== undefined },
          ...(moves.length === 0 ? {} : { moves }),
        },
      ];
    }),
    jobs: [...jobs].map(([key, job]) => ({ key, job })),
    points: all,
  };
}

const ownFields = (study: string, values: FieldValues): FieldValues =>
  Object.fromEntries(Object.entries(values).filter(([field]) => hasField(study, field)));

/** Whether the values of a grid are nearer to equal ratios than to equal differences; two values are by a ratio of 3. */
function spreadsByRatio(values: readonly number[]): boolean {
  const sorted = [...values].sort((a, b) => a - b);
  if (sorted.length < 2 || sorted[0] <= 0) return false;
  const uneven = (steps: readonly number[]) => Math.max(...steps) / Math.min(...steps);
  const next = sorted.slice(1);
  if (next.length === 1) return next[0] / sorted[0] >= 3;
  const ratios = next.map((value, i) => Math.log(value / sorted[i]));
  return uneven(ratios) < uneven(next.map((value, i) => value - sorted[i]));
}

/** `steps was not given, and changes with batch: 80 to 630.`; empty where nothing changes with a field. */
export function movesText({ name, moves = [] }: SweptField): string {
  return moves
    .map((other) => `${other.name} was not given, and changes with ${name}: ${other.low} to ${other.high}.`)
    .join(" ");
}

/** `lr 0.001, model.dMlp 64`. */
export function valuesText(values: FieldValues): string {
  return Object.entries(values)
    .map(([field, value]) => `${field} ${valueText(value)}`)
    .join(", ");
}

/** A field's value for a reader; `none` where a study has no value for it. */
export function valueText(value: JsonValue | undefined): string {
  if (value === null || value === undefined) return "none";
  return typeof value === "string" ? value : canonicalJson(value);
}

/** The result of an action, or the sentence that it failed with under the name of a job. */
function orNamed<T>(action: () => T, where: string): T {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new ArgumentError({ where, rule: "cannot be", got: error.message.replace(/\.$/, "") });
  }
}
