/** Runs that the page saves: folders as the command line leaves them, filled file by file. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import type { JsonValue } from "../../record/canonicalJson.ts";
import { type FileEntry, isRunPath, type ManifestParts, manifestBytes } from "../../record/manifest.ts";
import { createRunFolder, type RunFolder } from "../runFolder.ts";
import { orRefuse, refuse } from "./answers.ts";
import type { Limits } from "./limits.ts";

/** Where saved runs go. */
export interface SavesOptions {
  readonly cwd: string;
  readonly date: () => Date;
  readonly limits: Pick<Limits, "fileBytes" | "saveBytes" | "filesPerSave" | "openSaves">;
}

/** Runs being saved. All refusals are answers to the request: a status and a sentence. */
export interface Saves {
  /** Makes the folder: `runs/<name>`, which must be new or empty, or else `runs/<study>-<date>-<time>`. */
  begin(asked: JsonValue): { id: string; name: string };
  /**
   * Writes a file as its bytes arrive. It is the run's only once all are there.
   *
   * @param announced  Content-Length; null where the length is not known beforehand
   */
  receive(
    id: string,
    path: string,
    body: AsyncIterable<Uint8Array>,
    announced: number | null,
  ): Promise<FileEntry>;
  /**
   * Publishes the manifest of all files that were received.
   *
   * @param asked  fields of the manifest; `files`, if given, must be what was received: path, length and hash
   */
  commit(id: string, asked: JsonValue): { name: string };
}

interface Save {
  readonly folder: RunFolder;
  readonly study: string;
  /** Files that are arriving. */
  arriving: number;
  /** Bytes that arrived or are arriving. */
  bytes: number;
}

const beginning = z.strictObject({
  study: z
    .string("must be a text")
    .regex(/^[a-z][a-z0-9-]{0,39}$/, "must be at most 40 lowercase letters, digits and dashes"),
  name: z
    .string("must be a text")
    .refine(
      (name) => name.length <= 64 && !name.includes("/") && isRunPath(name),
      "must be at most 64 letters, digits, dots and dashes",
    )
    .optional(),
});

/** Fields that a manifest is made from; their values are checked when it is written. */
const fields = ["study", "status", "command", "config", "versions", "engine", "files"];

const listed = z.array(z.strictObject({ path: z.string(), bytes: z.number(), sha256: z.string() }));

/** The first file that is not the same in both lists; undefined if there is none. */
function difference(told: readonly FileEntry[], received: readonly FileEntry[]): string | undefined {
  const same = (a: FileEntry, b: FileEntry) =>
    a.path === b.path && a.bytes === b.bytes && a.sha256 === b.sha256;
  const strange = (some: readonly FileEntry[], others: readonly FileEntry[]) =>
    some.find((entry) => !others.some((other) => same(entry, other)))?.path;
  return strange(told, received) ?? strange(received, told);
}

/** No run is being saved yet. A save that is never committed remains a folder without a manifest: a run that did not end. */
export function createSaves({ cwd, date, limits }: SavesOptions): Saves {
  /** By id, the one that was idle longest first. */
  const open = new Map<string, Save>();

  const saveOf = (id: string): Save => {
    const save = open.get(id);
    if (save === undefined) return refuse(404, "save: there is none of this number, or it has ended.");
    open.delete(id);
    open.set(id, save);
    return save;
  };

  const giveUpIdle = () => {
    for (const [id, save] of open) {
      if (open.size < limits.openSaves) break;
      if (save.arriving > 0) continue;
      open.delete(id);
      save.folder.release();
    }
    if (open.size >= limits.openSaves) refuse(429, `save: ${open.size} runs are being saved already.`);
  };

  return {
    begin: (asked) => {
      const { data, error } = beginning.safeParse(asked);
      if (data === undefined) {
        const [issue] = error.issues;
        return refuse(400, `save: ${issue.path.join(".") || "the request"}: ${issue.message}.`);
      }
      giveUpIdle();
      const { study, name } = data;
      const out = name === undefined ? null : join("runs", name);
      const started = { study, by: "studio" };
      const folder = orRefuse(409, () => createRunFolder({ study, out, cwd, date, started }));
      const id = randomBytes(16).toString("hex");
      open.set(id, { folder, study, arriving: 0, bytes: 0 });
      return { id, name: folder.name };
    },

    receive: async (id, path, body, announced) => {
      const save = saveOf(id);
      const room = Math.min(limits.fileBytes, limits.saveBytes - save.bytes);
      const tooLong = () => refuse(413, `run file ${path}: at most ${room} bytes are taken.`);
      if (announced !== null && announced > room) tooLong();
      if (save.folder.files.length + save.arriving >= limits.filesPerSave)
        refuse(413, `run file ${path}: a run has at most ${limits.filesPerSave} files.`);
      const file = orRefuse(409, () => save.folder.begin(path));
      save.arriving++;
      let bytes = 0;
      try {
        for await (const piece of body) {
          bytes += piece.length;
          save.bytes += piece.length;
          if (bytes > limits.fileBytes || save.bytes > limits.saveBytes) tooLong();
          orRefuse(507, () => file.append(piece));
        }
        return orRefuse(507, () => file.end());
      } catch (error) {
        save.bytes -= bytes;
        file.abandon();
        throw error;
      } finally {
        save.arriving--;
      }
    },

    commit: (id, asked) => {
      const save = saveOf(id);
      if (save.arriving > 0) refuse(409, `save: ${save.arriving} files are still arriving.`);
      if (asked === null || typeof asked !== "object" || Array.isArray(asked))
        return refuse(400, "manifest: must be an object of its fields.");
      const { files, ...parts } = asked as Readonly<Record<string, JsonValue>>;
      const strange = Object.keys(asked).find((key) => !fields.includes(key));
      if (strange !== undefined)
        refuse(400, `manifest: only ${fields.join(", ")} are told; got ${JSON.stringify(strange)}.`);
      const { study = save.study } = parts;
      if (study !== save.study) refuse(400, `manifest: study must be ${save.study}, as the run was begun.`);
      if (parts.status === "running") refuse(400, "manifest: status must be how the run ended; got running.");
      if (files !== undefined) {
        const { data } = listed.safeParse(files);
        if (data === undefined)
          return refuse(400, "manifest: files must be a list of path, bytes and sha256.");
        const other = difference(data, save.folder.files);
        if (other !== undefined)
          refuse(
            409,
            `manifest: file ${JSON.stringify(other)} is not what was received, or was not received.`,
          );
      }
      // whatever is missing or wrong is named by the writer of manifests
      const manifest = { ...parts, study } as unknown as Omit<ManifestParts, "files">;
      orRefuse(400, () => manifestBytes({ ...manifest, files: save.folder.files }));
      orRefuse(507, () => {
        save.folder.log({ event: "complete" });
        save.folder.commit(manifest);
      });
      open.delete(id);
      return { name: save.folder.name };
    },
  };
}
