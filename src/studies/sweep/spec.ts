/** What a sweep is: from the value that a file holds to a checked specification. */
import { z } from "zod";
import { ArgumentError, FileError, unknownName } from "../../base/errors.ts";
import { canonicalJson, type JsonValue } from "../../record/canonicalJson.ts";
import { registeredStudies } from "../registry.ts";
import { checkField, type FieldValues, fieldPrefixes, fieldsOf, hasField, openStudy } from "./fields.ts";
import { type Law, lawKinds } from "./laws.ts";

/** Fields with the values that each takes; every combination is a point. */
export type Grid = ReadonlyMap<string, readonly JsonValue[]>;

/** Points that are drawn. */
export interface RandomSearch {
  readonly draws: number;
  /** The same seed draws the same points. */
  readonly seed: number;
  readonly over: ReadonlyMap<string, Law>;
}

/** A sweep as it is asked for. */
export interface SweepSpec {
  readonly title: string;
  /** Each once. */
  readonly studies: readonly string[];
  /** Of every job; null for as many as each study has by itself. */
  readonly seeds: readonly number[] | null;
  /** Fields that all points share. */
  readonly base: FieldValues;
  /** Their points one after the other; one without fields where there is no grid. */
  readonly grids: readonly Grid[];
  readonly random: RandomSearch | null;
}

/**
 * What a sweep file holds, for who writes one in TypeScript. Fields have dots, or stand in an object: `model.dMlp`, or
 * `dMlp` in `model`.
 */
export interface SweepFile {
  /** Title of the sweep. */
  sweep: string;
  /** `persistence` by default. */
  study?: string | readonly string[];
  /** n for 0 … n − 1, or at least two different ones. */
  seeds?: number | readonly number[];
  base?: Readonly<Record<string, unknown>>;
  grid?: Readonly<Record<string, unknown>> | readonly Readonly<Record<string, unknown>>[];
  random?: { draws: number; seed?: number; over: Readonly<Record<string, unknown>> };
}

/** Most jobs of one sweep. */
export const jobLimit = 100_000;
/** Most seeds of a job. */
export const seedLimit = 10_000;
/** Seeds of the study of populations where none are given, as on its own command line. */
export const standardSeeds = 30;

/** `grid[2].lr` for ["grid", 2, "lr"]. */
function placeOf(path: readonly PropertyKey[]): string {
  return path
    .map((key, i) => (typeof key === "number" ? `[${key}]` : `${i === 0 ? "" : "."}${String(key)}`))
    .join("");
}

const object = z.record(z.string(), z.custom<JsonValue>(), "must be an object of fields");
const count = (rule: string, low: number, high: number) => z.int(rule).min(low, rule).max(high, rule);
const seedsRule = `must be a whole number from 2 to ${seedLimit}, or a list of at least two different seeds`;
const studyRule = "must be the name of a study, or a list of names";
const gridRule = "must be an object of fields with lists, or a list of such";
const seed = z.int("a seed must be a whole number, at least 0").min(0, "a seed must be at least 0");
const title = z.string("must be a title").min(1, "must not be empty").max(200, "may have 200 characters");

const schema = z.strictObject(
  {
    sweep: title,
    study: z.union([z.string(), z.array(z.string(studyRule)).min(1, studyRule)], studyRule).optional(),
    seeds: z
      .union(
        [count(seedsRule, 2, seedLimit), z.array(seed).min(2, seedsRule).max(seedLimit, seedsRule)],
        seedsRule,
      )
      .optional(),
    base: object.optional(),
    grid: z.union([object, z.array(object).min(1, gridRule)], gridRule).optional(),
    random: z
      .strictObject(
        {
          draws: count(`must be a whole number, 1 to ${jobLimit}`, 1, jobLimit),
          seed: seed.optional(),
          over: object,
        },
        "must be an object of draws, seed and over",
      )
      .optional(),
  },
  "must be an object with the fields of a sweep",
);

const known: Readonly<Record<string, readonly string[]>> = {
  "": Object.keys(schema.shape),
  random: ["draws", "seed", "over"],
};

/** Studies that can be swept: persistence, and those with a plan; fidelity compares files and trains nothing. */
export function sweepStudies(): string[] {
  const planned = registeredStudies().map(({ study }) => study.plan.name);
  return [openStudy, ...planned.filter((name) => name !== "fidelity")];
}

/**
 * The sweep that a value asks for.
 *
 * @param value  as it was read: plain data
 * @param file   its name, for messages
 * @throws FileError, NameError, ArgumentError  one sentence that names the file and the place: a field that is missing,
 *         unknown (with the nearest name), given twice or out of its range
 */
export function parseSweep(value: unknown, file: string): SweepSpec {
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const place = placeOf(issue.path);
    if (issue.code === "unrecognized_keys")
      throw unknownName(at(file, place), issue.keys[0], known[place] ?? []);
    throw new FileError({ where: at(file, place), rule: issue.message });
  }
  const { sweep, study = openStudy, seeds, base = {}, grid, random } = parsed.data;
  const studies = typeof study === "string" ? [study] : study;
  const names = sweepStudies();
  studies.forEach((name, i) => {
    if (!names.includes(name)) throw unknownName(at(file, "study"), name, names);
    if (studies.indexOf(name) !== i) twice(at(file, "study"), name, "each study");
  });
  const fields: Fields = { file, studies };
  const shared = fieldsIn(base, "base", fields);
  for (const [field, given] of shared) check(given, `base.${field}`, field, fields);
  const lists = grid === undefined ? [] : Array.isArray(grid) ? grid : [grid];
  const grids = lists.map((each, i) =>
    gridOf(each, Array.isArray(grid) ? `grid[${i}]` : "grid", shared, fields),
  );
  const search = random === undefined ? null : searchOf(random, shared, grids, fields);
  const clash = ["steps", "epochs"].map((field) =>
    [shared, ...grids, search?.over].some((of) => of?.has(field)),
  );
  if (clash.every(Boolean))
    throw new FileError({
      where: file,
      rule: "steps and epochs say the same thing",
      got: "both",
      wayOut: "Leave one of them out.",
    });
  return {
    ...{ title: sweep, studies, seeds: seeds === undefined ? null : seedsOf(seeds, file) },
    base: Object.fromEntries(shared),
    grids: grids.length === 0 ? [new Map()] : grids,
    random: search,
  };
}

/** What fields are checked against. */
interface Fields {
  readonly file: string;
  readonly studies: readonly string[];
}

const at = (file: string, place: string) => (place === "" ? file : `${file}: ${place}`);

const shown = (value: unknown) => JSON.stringify(value)?.slice(0, 80) ?? String(value);

function twice(where: string, name: string, what: string): never {
  throw new ArgumentError({ where, rule: `${what} may be named once`, got: JSON.stringify(name) });
}

function isObject(value: unknown): value is Readonly<Record<string, JsonValue>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Fields by their names with dots, in the order of the file, however they were nested. */
function fieldsIn(
  given: Readonly<Record<string, JsonValue>>,
  place: string,
  { file, studies }: Fields,
): Map<string, JsonValue> {
  const flat = Object.entries(given).flatMap(([name, value]): [string, JsonValue][] =>
    fieldPrefixes.includes(name) && isObject(value)
      ? Object.entries(value).map(([member, inner]) => [`${name}.${member}`, inner as JsonValue])
      : [[name, value]],
  );
  const fields = new Map<string, JsonValue>();
  for (const [name, value] of flat) {
    if (fields.has(name)) twice(at(file, place), name, "each field");
    if (!studies.some((study) => hasField(study, name)))
      throw unknownName(at(file, place), name, [...new Set(studies.flatMap(fieldsOf))]);
    fields.set(name, value);
  }
  return fields;
}

/** Checks a value against every study that has its field. */
function check(value: JsonValue, place: string, field: string, { file, studies }: Fields): void {
  for (const study of studies) if (hasField(study, field)) checkField(at(file, place), study, field, value);
}

/** Throws where a field that is to be swept has its place in the base already. */
function notIn(shared: ReadonlyMap<string, JsonValue>, field: string, place: string, file: string): void {
  if (!shared.has(field)) return;
  throw new FileError({
    where: at(file, place),
    rule: "a field stands in base or is swept",
    got: `${JSON.stringify(field)} in both`,
    wayOut: "Take it out of base.",
  });
}

function gridOf(
  given: Readonly<Record<string, JsonValue>>,
  place: string,
  shared: ReadonlyMap<string, JsonValue>,
  fields: Fields,
): Grid {
  const grid = new Map<string, readonly JsonValue[]>();
  for (const [field, values] of fieldsIn(given, place, fields)) {
    const where = at(fields.file, `${place}.${field}`);
    notIn(shared, field, place, fields.file);
    if (!Array.isArray(values) || values.length === 0)
      throw new FileError({ where, rule: "must be a list of values", got: shown(values) });
    values.forEach((value, i) => {
      check(value, `${place}.${field}[${i}]`, field, fields);
      const first = values.findIndex((other) => canonicalJson(other) === canonicalJson(value));
      if (first !== i) twice(where, shown(value), "each value");
    });
    grid.set(field, values);
  }
  return grid;
}

function searchOf(
  {
    draws,
    seed: searchSeed = 0,
    over,
  }: { draws: number; seed?: number; over: Readonly<Record<string, JsonValue>> },
  shared: ReadonlyMap<string, JsonValue>,
  grids: readonly Grid[],
  fields: Fields,
): RandomSearch {
  const laws = new Map<string, Law>();
  for (const [field, given] of fieldsIn(over, "random.over", fields)) {
    const place = `random.over.${field}`;
    notIn(shared, field, place, fields.file);
    if (grids.some((grid) => grid.has(field)))
      throw new FileError({
        where: at(fields.file, place),
        rule: "a field is in the grid or drawn",
        got: "both",
        wayOut: "Take it out of one of them.",
      });
    laws.set(field, lawOf(given, place, field, fields));
  }
  if (laws.size === 0)
    throw new FileError({ where: at(fields.file, "random.over"), rule: "must draw at least one field" });
  return { draws, seed: searchSeed, over: laws };
}

const ascending = (low: number, high: number) => Number.isFinite(high - low) && low < high;
/** A stream draws among 2^32 whole numbers at most. */
const wholes = (low: number, high: number) =>
  Number.isSafeInteger(low) && Number.isSafeInteger(high) && low < high && high - low < 2 ** 32;

/** What the two ends of a law must be. */
const lawEnds = {
  uniform: { rule: "two numbers [low, high], low below high", holds: ascending },
  logUniform: {
    rule: "two numbers [low, high] above 0, low below high",
    holds: (low: number, high: number) => low > 0 && ascending(low, high),
  },
  integer: { rule: "two whole numbers [low, high], low below high", holds: wholes },
  logInteger: {
    rule: "two whole numbers [low, high] above 0, low below high",
    holds: (low: number, high: number) => low > 0 && wholes(low, high),
  },
} as const satisfies Partial<Record<Law["kind"], unknown>>;

/** The law that a file writes as `{logUniform: [0.0001, 0.01]}` or `{choice: [16, 32]}`. */
function lawOf(given: JsonValue, place: string, field: string, fields: Fields): Law {
  const where = at(fields.file, place);
  const entries = isObject(given) ? Object.entries(given) : [];
  if (entries.length !== 1)
    throw new FileError({
      where,
      rule: `must be one law of ${lawKinds.join(", ")} with its numbers, such as {uniform: [0, 1]}`,
      got: shown(given),
    });
  const [[name, numbers]] = entries;
  const kind = lawKinds.find((law) => law === name);
  if (kind === undefined) throw unknownName(where, name, lawKinds);
  const list: readonly JsonValue[] = Array.isArray(numbers) ? numbers : [];
  if (kind === "choice") {
    if (list.length === 0)
      throw new FileError({
        where: `${where}.choice`,
        rule: "must be a list of values",
        got: shown(numbers),
      });
    list.forEach((value, i) => {
      check(value, `${place}.choice[${i}]`, field, fields);
    });
    return { kind, values: list };
  }
  const [low, high] = list;
  const { rule, holds } = lawEnds[kind];
  if (list.length !== 2 || typeof low !== "number" || typeof high !== "number" || !holds(low, high))
    throw new FileError({ where: `${where}.${kind}`, rule: `must be ${rule}`, got: shown(numbers) });
  for (const end of [low, high]) check(end, `${place}.${kind}`, field, fields);
  return { kind, low, high };
}

function seedsOf(seeds: number | readonly number[], file: string): readonly number[] {
  if (typeof seeds === "number") return Array.from({ length: seeds }, (_, i) => i);
  const again = seeds.find((each, i) => seeds.indexOf(each) !== i);
  if (again !== undefined) twice(at(file, "seeds"), String(again), "each seed");
  return seeds;
}
