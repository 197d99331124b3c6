/** Fields in which the configurations of runs differ. */
import { canonicalJson, type JsonValue } from "../../record/canonicalJson.ts";
import type { Manifest } from "../../record/manifest.ts";

/** A field that is not the same in all runs. */
export interface Difference {
  /** `config.init.scheme`, `versions.node`, `engine`, `study`, `status`, … */
  readonly field: string;
  /** In the order of the runs; undefined where a run has no such field. */
  readonly values: readonly (JsonValue | undefined)[];
}

/** The fields of a value with their paths. Lists are one value: an inserted item would shift all that follow. */
function fieldsOf(value: JsonValue | undefined, path: string): [path: string, value: JsonValue][] {
  if (value === undefined) return [];
  if (value === null || typeof value !== "object" || Array.isArray(value)) return [[path, value]];
  return Object.entries(value).flatMap(([key, member]) =>
    fieldsOf(member, path === "" ? key : `${path}.${key}`),
  );
}

/** What two runs can differ in besides their files. */
function comparable({
  study,
  status,
  config,
  engine,
  versions,
  formatVersion,
}: Manifest): Map<string, JsonValue> {
  return new Map(fieldsOf({ study, status, config, engine, versions, formatVersion }, ""));
}

/** The fields that differ, by name. */
export function configDifferences(manifests: readonly Manifest[]): Difference[] {
  const all = manifests.map(comparable);
  const fields = [...new Set(all.flatMap((fields) => [...fields.keys()]))];
  return fields
    .map((field) => ({ field, values: all.map((fields) => fields.get(field)) }))
    .filter(({ values }) => {
      const texts = values.map((value) => (value === undefined ? "" : canonicalJson(value)));
      return texts.some((text) => text !== texts[0]);
    });
}

/** A file that is not the same in all runs. */
export interface FileDifference {
  readonly path: string;
  /** SHA-256 in the order of the runs; null where a run has no such file. */
  readonly sha256: readonly (string | null)[];
}

/** The files of all runs by what their manifests say of them. */
export interface ComparedFiles {
  /** Paths that every run has with the same bytes. */
  readonly equal: readonly string[];
  /** Paths that every run has, not all with the same bytes. */
  readonly different: readonly FileDifference[];
  /** Paths that some run has not. */
  readonly missing: readonly FileDifference[];
}

/** Compares files by the hashes in the manifests. */
export function compareFiles(manifests: readonly Manifest[]): ComparedFiles {
  const hashes = manifests.map(({ files }) => new Map(files.map(({ path, sha256 }) => [path, sha256])));
  const paths = [...new Set(hashes.flatMap((files) => [...files.keys()]))].sort();
  const all = paths.map((path) => ({ path, sha256: hashes.map((files) => files.get(path) ?? null) }));
  const isMissing = ({ sha256 }: FileDifference) => sha256.includes(null);
  const isEqual = ({ sha256 }: FileDifference) => sha256.every((hash) => hash === sha256[0]);
  return {
    equal: all.filter((file) => !isMissing(file) && isEqual(file)).map(({ path }) => path),
    different: all.filter((file) => !isMissing(file) && !isEqual(file)),
    missing: all.filter(isMissing),
  };
}
