/** A store of results in object storage: the same promises as a folder's, by writes that are only done if they are first. */
import { homedir } from "node:os";
import { join } from "node:path";
import { ArgumentError, FileError } from "../../base/errors.ts";
import { sha256OfBytes } from "../../record/sha256.ts";
import { readSweepResult, type SweepResult, sweepResultBytes } from "../../studies/sweep/result.ts";
import { openStore, type SweepStore } from "../sweep/store.ts";
import { type AwsEnvironment, type Bucket, bucketPlace, openBucket } from "./bucket.ts";
import { identityFile, newIdentity, readIdentity } from "./storeIdentity.ts";

const resultName = /^([0-9a-f]{64})\.json$/;
const evidenceName = /^([0-9a-f]{64})\.differs-[0-9a-f]{12}\.json$/;

/** Whether a store's name is an address of object storage. */
export function isObjectAddress(store: string): boolean {
  return store.startsWith("s3://");
}

/**
 * Opens a store in a bucket.
 *
 * @param workFolder  on this machine, absolute; work in progress is kept there, under the store's identity
 * @throws ArgumentError  where the storage does not honour conditional writes: the first result would not win
 * @throws FileError      where it cannot be used
 */
export async function openObjectStore(bucket: Bucket, workFolder: string): Promise<SweepStore> {
  const { shown } = bucket;
  const held = await bucket.get(identityFile);
  const identity = held?.bytes ?? newIdentity();
  // what is there is written again as it is, which must be refused
  const outcomes = [held === null ? await bucket.putFirst(identityFile, identity) : "first"];
  outcomes.push(await bucket.putFirst(identityFile, identity));
  const agreed = await bucket.get(identityFile);
  if (outcomes[1] !== "there" || agreed === null)
    throw new ArgumentError({
      where: `--store ${shown}`,
      rule: "must honour If-None-Match: *, so that the first result of a job wins",
      got: "a write over an object that is there",
      wayOut:
        "Take storage that has conditional writes (Amazon S3, MinIO, Cloudflare R2, Ceph), or a shared folder.",
    });
  const id = readIdentity(agreed.bytes, `${shown}/${identityFile}`);
  const notices: string[] = [];

  const resultOf = (bytes: Uint8Array, key: string): SweepResult | FileError => {
    try {
      return readSweepResult(bytes, `${shown}/${key}.json`, key);
    } catch (error) {
      if (error instanceof FileError) return error;
      throw error;
    }
  };
  const keysOf = async (pattern: RegExp) =>
    (await bucket.list()).flatMap((file) => {
      const match = pattern.exec(file);
      return match === null ? [] : [{ file, key: match[1] }];
    });

  const put: SweepStore["put"] = async (result) => {
    const { key } = result;
    const name = `${key}.json`;
    const bytes = sweepResultBytes(result);
    for (;;) {
      if ((await bucket.putFirst(name, bytes)) === "first") return { kind: "first" };
      const first = await bucket.get(name);
      if (first === null) continue;
      if (Buffer.compare(first.bytes, bytes) === 0) return { kind: "same" };
      const hash = (of: Uint8Array) => sha256OfBytes(of).slice(0, 12);
      const damage = resultOf(first.bytes, key);
      if (!(damage instanceof FileError)) {
        const evidence = `${key}.differs-${hash(bytes)}.json`;
        await bucket.putFirst(evidence, bytes);
        return { kind: "differs", evidence: `${shown}/${evidence}` };
      }
      // a damaged one is no result: it is kept beside, and replaced if nobody did so meanwhile
      const aside = `${key}.damaged-${hash(first.bytes)}.json`;
      await bucket.putFirst(aside, first.bytes);
      if (!(await bucket.replace(name, bytes, first.tag))) continue;
      notices.push(`${damage.message} It is kept as ${shown}/${aside}; its job was computed again.`);
      return { kind: "first" };
    }
  };
  return {
    ...{ id, notices, put, name: shown },
    keys: async () => new Set((await keysOf(resultName)).map(({ key }) => key)),
    evidence: async () => {
      const found = new Map<string, string[]>();
      for (const { file, key } of (await keysOf(evidenceName)).sort((a, b) => (a.file < b.file ? -1 : 1)))
        found.set(key, [...(found.get(key) ?? []), `${shown}/${file}`]);
      return found;
    },
    read: async (key) => {
      const held = await bucket.get(`${key}.json`);
      if (held === null) return null;
      const result = resultOf(held.bytes, key);
      return result instanceof FileError ? null : result;
    },
    workPath: (key) => join(workFolder, id, key),
  };
}

/**
 * Opens a store by its name: a folder, or `s3://BUCKET/PREFIX`.
 *
 * @throws UserError  one sentence: why it cannot be used
 */
export async function openAnyStore(
  { folder, cwd }: { readonly folder: string; readonly cwd: string },
  environment: AwsEnvironment = process.env,
): Promise<SweepStore> {
  if (!isObjectAddress(folder)) return openStore({ folder, cwd });
  const shown = folder.replace(/\/+$/, "");
  const work = join(environment.XDG_CACHE_HOME || join(homedir(), ".cache"), "palimpsest", "sweeps");
  return openObjectStore(openBucket(bucketPlace(folder, environment), shown), work);
}
