/** Plain data as parts of a journal, each saying whose it is. */
import { UserError } from "../../base/errors.ts";
import { packValue, unpackValue } from "../../record/packed.ts";
import type { Journal } from "../journal/journal.ts";
import type { StateFacts } from "./stateFacts.ts";

/** Key of the metadata that says whose a part is. */
const ownerKey = "of";

/**
 * Keeps a value; it is on the disk when this returns.
 *
 * @param owner  what the value belongs to, e.g. the key of a job
 * @param facts  what else is said of it to whoever opens the file elsewhere
 * @throws ArgumentError          for what is no plain data
 * @throws OwnedError, FileError  as the journal does
 */
export function keepPacked(
  journal: Journal,
  path: string,
  value: unknown,
  owner: string,
  { metadata, shapes }: Partial<StateFacts> = {},
): void {
  journal.keep(path, packValue(value, { ...metadata, [ownerKey]: owner }, { shapes }));
}

/**
 * The value of a part; undefined where there is none, or none of this owner's: it is then dropped.
 *
 * @throws OwnedError, FileError  as the journal does
 */
export function readPacked(journal: Journal, path: string, owner: string): { value: unknown } | undefined {
  const bytes = journal.read(path);
  if (bytes === null) return undefined;
  try {
    const { value, metadata } = unpackValue(bytes, `${journal.name}/${path}`);
    if (metadata.get(ownerKey) === owner) return { value };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
  }
  journal.drop([path]);
  return undefined;
}
