/** What a person drops onto the page, or picks: a run folder with its files, or an archive of one. */
import { ArgumentError, FileError } from "../../../src/base/errors.ts";
import { archiveLimits } from "../../../src/record/runArchive.ts";
import type { RunPlace } from "../workers/openWorker.ts";

/** Folders in folders that are followed; a run has two. */
const deepest = 8;

const nothing = () =>
  new ArgumentError({ where: "drop", rule: "a run folder or a .zip of one can be opened", got: "neither" });

const tooMany = (where: string) =>
  new FileError({ where, rule: `may hold ${archiveLimits.files} files`, got: "more" });

/** The run among files with their paths: that of the topmost manifest. */
function folderOf(name: string, files: ReadonlyMap<string, File>): RunPlace {
  const depth = (path: string) => path.split("/").length;
  const [manifest] = [...files.keys()]
    .filter((path) => /(^|\/)manifest\.json$/.test(path))
    .sort((a, b) => depth(a) - depth(b));
  if (manifest === undefined)
    throw new FileError({ where: name, rule: "must be a run folder, with its manifest.json", got: "none" });
  const root = manifest.slice(0, manifest.length - "manifest.json".length);
  const inside = [...files].filter(([path]) => path.startsWith(root));
  return {
    kind: "folder",
    name: root === "" ? name : root.slice(0, -1),
    files: new Map(inside.map(([path, file]) => [path.slice(root.length), file])),
  };
}

/**
 * The run among picked files: one archive, or all files of a folder.
 *
 * @throws ArgumentError, FileError  one sentence, where there is none
 */
export function pickedRun(list: Iterable<File>): RunPlace {
  const files = [...list];
  const [first] = files;
  if (files.length === 1 && /\.zip$/i.test(first.name))
    return { kind: "archive", name: first.name, file: first };
  if (first === undefined) throw nothing();
  if (files.length > archiveLimits.files) throw tooMany("folder");
  const paths = files.map((file): [string, File] => [file.webkitRelativePath || file.name, file]);
  return folderOf("files", new Map(paths));
}

/**
 * The run in a drop. To be called while the event is handled: afterwards the browser has forgotten what was dropped.
 *
 * @throws ArgumentError, FileError  one sentence, where there is none
 */
export async function droppedRun(transfer: DataTransfer): Promise<RunPlace> {
  const entries = [...transfer.items].flatMap((item) => item.webkitGetAsEntry() ?? []);
  const [folder] = entries.filter((entry) => entry.isDirectory);
  if (folder === undefined) return pickedRun(transfer.files);
  const files = new Map<string, File>();
  await walk(folder as FileSystemDirectoryEntry, "", files, 0);
  return folderOf(folder.name, files);
}

async function walk(
  folder: FileSystemDirectoryEntry,
  path: string,
  files: Map<string, File>,
  depth: number,
): Promise<void> {
  if (depth > deepest) return;
  const reader = folder.createReader();
  for (;;) {
    // a folder is told some entries at a time, and none at its end
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (some.length === 0) return;
    for (const entry of some) {
      const inside = `${path}${entry.name}`;
      if (entry.isDirectory) await walk(entry as FileSystemDirectoryEntry, `${inside}/`, files, depth + 1);
      else files.set(inside, await fileOf(entry as FileSystemFileEntry));
      if (files.size > archiveLimits.files) throw tooMany(folder.name);
    }
  }
}

const fileOf = (entry: FileSystemFileEntry) =>
  new Promise<File>((resolve, reject) => entry.file(resolve, reject));
