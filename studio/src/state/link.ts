/**
 * The state of the page as the part of its address after `#`, so that another person's page computes the same bits.
 *
 * The form is `name=value&name=value`: only what differs from the default, values as JSON, texts without quotes. What
 * comes from an address is checked like a file: unknown names and impossible values are refused in one sentence.
 */
import { z } from "zod";
import { ArgumentError } from "../../../src/base/errors.ts";
import type { JsonValue } from "../../../src/record/canonicalJson.ts";
import { checkedSettings, defaultSettings, limits, type RunSettings } from "./runSettings.ts";

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

const step = z.int().min(0).max(limits.steps);

const branchesSchema = z.array(z.looseObject({ step })).max(50);

/** What a branch can go on with; the networks, and what their optimiser remembers, are those that there are. */
const branchFields = ["lr", "task", "sequences", "batch", "steps"];
const settingNames = Object.keys(defaultSettings) as (keyof RunSettings)[];
const isSetting = (name: string) => settingNames.some((one) => one === name);

/** Fields of `settings` that differ from those of `before`, in one order, so that equal runs have equal links. */
function differences(settings: RunSettings, before: RunSettings): Pairs {
  const differ = settingNames.filter(
    (name) => JSON.stringify(settings[name]) !== JSON.stringify(before[name]),
  );
  return Object.fromEntries(differ.map((name) => [name, settings[name]])) as Pairs;
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

/**
 * The state that a link holds.
 *
 * @param hash  with or without its `#`
 * @throws ArgumentError, NameError in a sentence that names the part
 */
export function sharedOf(hash: string): Shared {
  const texts = [...new URLSearchParams(hash.replace(/^#/, ""))];
  const pairs: Pairs = Object.fromEntries(
    texts.map(([name, text]) => [name, isJson(text) ? (JSON.parse(text) as JsonValue) : text]),
  );
  const { branches = [], at = null, ...rest } = pairs;
  const own = Object.entries(rest).filter(([name]) => isSetting(name));
  const view = Object.entries(rest).filter(([name]) => !isSetting(name));
  const settings = checkedSettings({ ...defaultSettings, ...Object.fromEntries(own) }, "link");
  const list = branchesSchema.safeParse(branches).data;
  if (list === undefined)
    throw new ArgumentError({ where: "link: branches", rule: "must be a list of steps with settings" });
  const shown = z.union([z.null(), step]).safeParse(at).data;
  if (shown === undefined)
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
      if (from > before.steps)
        throw new ArgumentError({
          where: "link: branches",
          rule: `must begin by step ${before.steps}, the last of the run before`,
          got: String(from),
        });
      before = checkedSettings({ ...before, ...changes }, "link: branches");
      return { step: from, settings: before };
    }),
    at: shown,
    view: Object.fromEntries(view),
  };
}
