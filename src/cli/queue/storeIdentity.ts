/** What a store of results is called wherever its path means nothing: on a server that many machines use. */
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { FileError } from "../../base/errors.ts";
import { canonicalJson, parseJson } from "../../record/canonicalJson.ts";
import { strictUtf8 } from "../../record/strictJson.ts";
import type { Disk } from "../disk/disk.ts";
import { diskError, systemCode } from "../disk/diskError.ts";
import { publishFirst } from "../journal/publishFirst.ts";

/** The file's name in a store. */
export const identityFile = "store.json";

const schema = z.strictObject({ format: z.literal(1), id: z.string().regex(/^[0-9a-f]{32}$/) });

/** The bytes of the identity of a new store, drawn. */
export function newIdentity(): Uint8Array {
  return new TextEncoder().encode(`${canonicalJson({ format: 1, id: randomBytes(16).toString("hex") })}\n`);
}

/**
 * The identity that bytes hold, 32 hexadecimal digits.
 *
 * @param file  its name, for messages
 * @throws FileError  naming the file where it holds none
 */
export function readIdentity(bytes: Uint8Array, file: string): string {
  const parsed = schema.safeParse(parseJson(strictUtf8(bytes, file), { file }));
  if (parsed.success) return parsed.data.id;
  throw new FileError({
    where: file,
    rule: 'must hold {"format":1,"id":…} with 32 hexadecimal digits',
    wayOut: "Remove it, and start the sweep and its workers again: they agree on a new one.",
  });
}

/**
 * The identity of a store in a folder, drawn by whoever asks first and never changed after that. Machines see one folder
 * under different paths; by this they know that it is one.
 *
 * @param path  absolute, exists
 * @param name  for the reader
 * @throws FileError  where the disk refuses or the file is damaged
 */
export function storeIdentity(path: string, name: string, disk: Disk = fs): string {
  const at = join(path, identityFile);
  const shown = `${name}/${identityFile}`;
  const held = () => readIdentity(disk.readFileSync(at), shown);
  try {
    try {
      return held();
    } catch (error) {
      if (systemCode(error) !== "ENOENT") throw error;
    }
    publishFirst(disk, at, newIdentity());
    return held();
  } catch (error) {
    throw diskError(error, at, shown, "cannot be read or written");
  }
}
