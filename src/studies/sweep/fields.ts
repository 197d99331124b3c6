/**
 * What can be swept: the fields of a study's configuration, under the names that a sweep file uses.
 *
 * A field has one name, with a dot where it stands inside another: `lr`, `init.scheme`, `model.dMlp`.
 */
import { integerIn } from "../../base/check.ts";
import { ArgumentError, unknownName } from "../../base/errors.ts";
import { tasks } from "../../data/registry.ts";
import { modelFields, presets } from "../../model/config.ts";
import { initSchemes } from "../../model/init.ts";
import type { JsonValue } from "../../record/canonicalJson.ts";
import { optimizers } from "../../train/optimizers.ts";

/** The study whose populations can have any configuration; all others have a plan that fixes theirs. */
export const openStudy = "persistence";

/** Values by field name. */
export type FieldValues = Readonly<Record<string, JsonValue>>;

/** Objects of a file whose members are fields of their own. */
export const fieldPrefixes: readonly string[] = ["model", "init"];

/**
 * Backends whose bits are the same on every machine. Others cannot be swept: of two results of one job that differ, nobody
 * could say whether a machine is broken or only another one.
 */
export const sweepBackends = ["wasm", "reference"] as const;

/** Throws ArgumentError or NameError for a value that the field cannot have, whatever the other fields are. */
type Check = (where: string, value: JsonValue) => void;

const shown = (value: JsonValue) => JSON.stringify(value)?.slice(0, 80) ?? String(value);

const whole =
  (low: number, high: number): Check =>
  (where, value) => {
    if (typeof value === "number") integerIn(where, value, low, high);
    else throw new ArgumentError({ where, rule: "must be a whole number", got: shown(value) });
  };

const positive: Check = (where, value) => {
  if (typeof value === "number" && value > 0 && Number.isFinite(value)) return;
  throw new ArgumentError({ where, rule: "must be a number above 0", got: shown(value) });
};

const nameIn =
  (names: readonly string[]): Check =>
  (where, value) => {
    if (!names.some((name) => name === value)) throw unknownName(where, String(value), names);
  };

const switched: Check = (where, value) => {
  if (typeof value !== "boolean")
    throw new ArgumentError({ where, rule: "must be true or false", got: shown(value) });
};

/** Whether a model can exist is asked of its whole config. */
const anything: Check = (where, value) => {
  if (value === null) throw new ArgumentError({ where, rule: "must have a value", got: "null" });
};

const backend = nameIn(sweepBackends);

// limits are those of the command line's options
const openFields: Readonly<Record<string, Check>> = {
  preset: nameIn(Object.keys(presets)),
  sequences: whole(1, 10_000_000),
  batch: whole(1, 65_536),
  steps: whole(1, 100_000_000),
  epochs: whole(1, 100_000_000),
  lr: positive,
  optimizer: nameIn(Object.keys(optimizers)),
  task: nameIn(Object.keys(tasks)),
  "init.scheme": nameIn(Object.keys(initSchemes)),
  "init.embeddingScale": positive,
  probe: nameIn(["trained", "full"]),
  backend,
  ...Object.fromEntries(modelFields.map((name) => [`model.${name}`, anything])),
};

const plannedFields: Readonly<Record<string, Check>> = { quick: switched, backend };

const tableOf = (study: string) => (study === openStudy ? openFields : plannedFields);

/** Names of the fields that a study has. */
export function fieldsOf(study: string): string[] {
  return Object.keys(tableOf(study));
}

/** Whether a study has a field. */
export function hasField(study: string, field: string): boolean {
  return Object.hasOwn(tableOf(study), field);
}

/**
 * Checks a field's value by itself.
 *
 * @param where  where it stands, for the message
 * @throws ArgumentError, NameError for a value that the field cannot have
 */
export function checkField(where: string, study: string, field: string, value: JsonValue): void {
  tableOf(study)[field](where, value);
}
