/**
 * The state of the page as the part of its address after `#`, so that another person's page computes the same bits.
 *
 * The form is `name=value&name=value`: only what differs from the default, values as JSON, texts without quotes. What
 * comes from an address is checked like a file: unknown names and impossible values are refused in one sentence.
 */
import { z } from "zod";
import { ArgumentError } from "../../../src/base/errors.ts";
import type { JsonValue } from "../../../src/record/canonicalJson.ts";
import { armOf, defaultSettings, type RunSettings } from "./runSettings.ts";

/** A run by its settings, and those that it went on with from some steps. */
export interface RunLine {
  readonly settings: RunSettings;
  readonly branches: readonly { readonly step: number; readonly settings: RunSettings }[];
}

/** Everything that a link holds. */
export interface Shared extends RunLine {
  /** The step that is shown; null for the initialisation. */
  readonly at: number | null;
  /** Selections of the views by name; each view checks its own. */
  readonly view: Readonly<Record<string, JsonValue>>;
}

type Pairs = Record<string, JsonValue>;

const whole = (low: number, high: number) => z.int().min(low).max(high);

/** What settings may be; whether they fit each other is found out by making the arm. */
const settingsSchema = z
  .strictObject({
    preset: z.string().max(40),
    changes: z.record(z.string().max(40), z.union([z.number(), z.string().max(40), z.boolean()])),
    task: z.string().max(40),
    init: z.strictObject({ scheme: z.string().max(40), embeddingScale: z.number().positive().max(1e6) }),
    lr: z.number().positive().max(1e6),
    optimizer: z.string().max(40),
    steps: whole(1, 1_000_000),
    sequences: whole(1, 100_000),
    batch: whole(1, 4096),
    seeds: z.union([
      whole(2, 256),
      z
        .array(whole(0, Number.MAX_SAFE_INTEGER))
        .min(2)
        .max(256)
        .refine((seeds) => new Set(seeds).size === seeds.length),
    ]),
    probe: z.enum(["trained", "full"]),
  })
  .partial();

const branchesSchema = z.array(z.looseObject({ step: whole(0, 1_000_000) })).max(50);

/** What a branch can go on with; the networks, and what their optimiser remembers, are those that there are. */
const branchFields = ["lr", "task", "sequences", "batch", "steps"];
const settingNames = Object.keys(defaultSettings);

/** Fields of `settings` that differ from those of `before`. */
function differences(settings: RunSettings, before: RunSettings): Pairs {
  return Object.fromEntries(
    Object.entries(settings).filter(
      ([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name as keyof RunSettings]),
    ),
  ) as Pairs;
}

/** The part of an address after `#`; empty for the default. */
export function linkOf({ settings, branches, at, view }: Shared): string {
  let before = settings;
  const told = branches.map(({ step, settings: own }) => {
    const pair = { step, ...differences(own, before) };
    before = own;
    return pair;
  });
  const pairs: Pairs = {
    ...differences(settings, defaultSettings),
    ...(told.length > 0 ? { branches: told } : {}),
    ...(at === null ? {} : { at }),
    ...view,
  };
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(pairs))
    params.set(name, typeof value === "string" && !isJson(value) ? value : JSON.stringify(value));
  // commas and the like may stand in an address as they are, which keeps it readable
  return params
    .toString()
    .replaceAll("%2C", ",")
    .replaceAll("%3A", ":")
    .replaceAll("%5B", "[")
    .replaceAll("%5D", "]");
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function settingsFrom(pairs: Pairs, before: RunSettings, where: string): RunSettings {
  const { data, error } = settingsSchema.safeParse(pairs);
  if (data === undefined) {
    const [issue] = error.issues;
    throw new ArgumentError({
      where: `${where}: ${issue.path.join(".") || "settings"}`,
      rule: "is not what a run can have",
      got: JSON.stringify(
        issue.path.reduce<unknown>((inside, key) => (inside as Pairs)?.[String(key)], pairs),
      ),
    });
  }
  const settings = { ...before, ...data } as RunSettings;
  armOf(settings); // throws where fields do not fit each other
  return settings;
}

/**
 * The state that a link holds.
 *
 * @param hash  with or without its `#`
 * @throws ArgumentError, NameError in a sentence that names the part
 */
export function sharedOf(hash: string): Shared {
  const pairs: Pairs = {};
  for (const [name, text] of new URLSearchParams(hash.replace(/^#/, "")))
    pairs[name] = isJson(text) ? (JSON.parse(text) as JsonValue) : text;
  const { branches = [], at = null, ...rest } = pairs;
  const own = Object.entries(rest).filter(([name]) => settingNames.includes(name));
  const view = Object.entries(rest).filter(([name]) => !settingNames.includes(name));
  const settings = settingsFrom(Object.fromEntries(own), defaultSettings, "link");
  const list = branchesSchema.safeParse(branches).data;
  if (list === undefined)
    throw new ArgumentError({ where: "link: branches", rule: "must be a list of steps with settings" });
  const step = z.union([z.null(), whole(0, 1_000_000)]).safeParse(at).data;
  if (step === undefined)
    throw new ArgumentError({ where: "link: at", rule: "must be a step", got: JSON.stringify(at) });
  let before = settings;
  return {
    settings,
    branches: list.map(({ step: from, ...changes }) => {
      const other = Object.keys(changes).find((name) => !branchFields.includes(name));
      if (other !== undefined)
        throw new ArgumentError({
          where: "link: branches",
          rule: `may change ${branchFields.join(", ")}, for the networks and what their optimiser remembers go on`,
          got: other,
        });
      before = settingsFrom(changes as Pairs, before, "link: branches");
      return { step: from, settings: before };
    }),
    at: step,
    view: Object.fromEntries(view),
  };
}
