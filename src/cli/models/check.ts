/** `palimpsest models check`: whether each file of a model is what it says, before anything uses it. */
import { stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { FileError, UserError } from "../../base/errors.ts";
import { readConfigJson, readJsonObject } from "../../pretrained/configJson.ts";
import type { ModelFolder } from "../../pretrained/modelFolder.ts";
import { indexName } from "../../pretrained/shardIndex.ts";
import { openTensors, singleName } from "../../pretrained/tensorFiles.ts";
import { readExactly } from "../../record/byteSource.ts";
import { resemblance } from "../../record/resemblance.ts";
import type { TensorPlace } from "../../record/safetensorsHeader.ts";
import { openSafetensors } from "../../record/tensorReader.ts";
import { diskError } from "../disk/diskError.ts";
import type { LinesIo } from "../io.ts";
import { lineText } from "../lineText.ts";
import { entriesOf, openFileSource, openModelFolder } from "./fileSource.ts";

/** What is to be checked. */
export interface CheckOptions {
  /** Files and folders as the user gave them. */
  readonly paths: readonly string[];
}

/** What is said of one file: the tensors of a good one, none for a good file without tensors, or why it is bad. */
export type Checked =
  | { readonly file: string; readonly ok: true; readonly tensors: Readonly<Record<string, DtypeAndShape>> }
  | { readonly file: string; readonly ok: false; readonly reason: string };

/** What a tensor is said to be. */
interface DtypeAndShape {
  readonly dtype: string;
  readonly shape: readonly number[];
}

/** Exit codes. */
const allGood = 0;
const someBad = 2;

const pickleEnding = /\.(bin|pt|pth|ckpt|pkl|pickle)$/i;
/** What `tokenizer.json` may hold: 262,144 tokens with their merges as pairs are 1.9 million values in 33 MB. */
const tokenizerBounds = { limit: 2 ** 26, maxDepth: 32, maxValues: 2_500_000 };

/** How a file is checked: returns its tensors, or throws a UserError. */
type Check = (path: string, name: string) => Promise<Iterable<TensorPlace>>;

const checkTensors: Check = async (path, name) => {
  const source = await openFileSource(path, name);
  try {
    return (await openSafetensors(source)).places.values();
  } finally {
    await source.close();
  }
};

const refusePickle: Check = async (path, name) => {
  await (await openFileSource(path, name)).close(); // a missing file is missing first
  throw new FileError({
    where: name,
    rule: "PyTorch's .bin, .pt and .ckpt files are never read, because reading one can execute code",
    wayOut: "Convert it to safetensors.",
  });
};

/** A check of a JSON file, which `read` finds as the only one of a folder. */
const checkJson =
  (read: (folder: ModelFolder, file: string) => Promise<unknown>): Check =>
  async (path, name) => {
    const source = await openFileSource(path, name);
    try {
      const seems =
        source.size === 0
          ? "an empty file"
          : resemblance(await readExactly(source, 0, Math.min(source.size, 64)));
      if (seems !== undefined) throw new FileError({ where: name, rule: "must be JSON", got: seems });
      const file = basename(path);
      await read({ name: dirname(name), names: [file], open: async () => source }, file);
    } finally {
      await source.close();
    }
    return [];
  };

const checkConfig = checkJson((folder) => readConfigJson(folder));
const checkTokenizer = checkJson((folder, file) => readJsonObject(folder, file, tokenizerBounds));

/** Also that every tensor lies in exactly the file that the index names, whether or not there is a single file too. */
const checkIndex: Check = async (path, name) => {
  await checkTokenizer(path, name);
  const folder = await openModelFolder(dirname(path), dirname(name));
  try {
    await openTensors({ ...folder, names: folder.names.filter((other) => other !== singleName) });
  } finally {
    await folder.close();
  }
  return [];
};

/** How a file of this name is checked in a folder; undefined for one that no model is read from. */
function checkOf(file: string): Check | undefined {
  if (/\.safetensors$/i.test(file)) return checkTensors;
  if (pickleEnding.test(file)) return refusePickle;
  if (file === "config.json") return checkConfig;
  if (file === indexName) return checkIndex;
  return file === "tokenizer.json" ? checkTokenizer : undefined;
}

async function judge(path: string, file: string, check: Check): Promise<Checked> {
  try {
    const places = await check(path, lineText(file));
    // by entries, so that a tensor named __proto__ is one like any other
    const tensors = Object.fromEntries(
      Array.from(places, ({ name, dtype, shape }) => [name, { dtype, shape }]),
    );
    return { file, ok: true, tensors };
  } catch (error) {
    // what is none of our sentences is a defect of ours, and the other files are checked all the same
    const got = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    const defect = `${lineText(file)}: could not be checked, a defect of Palimpsest; got ${got}.`;
    return { file, ok: false, reason: error instanceof UserError ? error.message : defect };
  }
}

/** What to do about a folder that holds folders alone; undefined if it holds none. */
function insideText(folders: readonly string[]): string | undefined {
  if (folders.length === 0) return undefined;
  const some = folders.slice(0, 3).join(" ");
  return `Folders in it are not searched; name them: ${some}${folders.length > 3 ? " …" : ""}.`;
}

/** Every file that a path stands for, with how it is checked. */
async function filesOf(file: string, cwd: string): Promise<(readonly [file: string, check: Check])[]> {
  const path = resolve(cwd, file);
  const isFolder = await stat(path).then(
    (stats) => stats.isDirectory(),
    (error) => {
      throw diskError(error, path, lineText(file), "cannot be read");
    },
  );
  // a folder where a file of weights is expected is refused as such, not searched
  if (!isFolder || checkOf(basename(path)) !== undefined) {
    const other = /\.json$/i.test(path) ? checkTokenizer : checkTensors;
    return [[file, checkOf(basename(path)) ?? other]];
  }
  const entries = await entriesOf(path, lineText(file));
  const found = entries.flatMap(({ name }) => {
    const check = checkOf(name);
    return check === undefined ? [] : [[join(file, name), check] as const];
  });
  if (found.length > 0) return found;
  throw new FileError({
    where: lineText(file),
    rule: "must hold files of a model: *.safetensors, config.json, tokenizer.json",
    got: "none of them",
    wayOut: insideText(
      entries.filter((entry) => entry.isDirectory()).map(({ name }) => lineText(join(file, name))),
    ),
  });
}

/** `1 tensor`, `1,200 tensors`. */
const counted = (count: number, noun: string) =>
  `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

/** A good file in a line: how many tensors, how many numbers, of which dtypes. */
function describe({ file, tensors }: Extract<Checked, { ok: true }>): string {
  const list = Object.values(tensors);
  if (list.length === 0) return `ok   ${lineText(file)}`;
  const numbers = list.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  const dtypes = [...new Set(list.map(({ dtype }) => dtype))].sort().join(", ");
  return `ok   ${lineText(file)}  ${counted(list.length, "tensor")}, ${counted(numbers, "number")}, ${dtypes}`;
}

/**
 * Checks files one after another and prints a line for each, good or bad.
 *
 * @returns  exit code: 0 if all are good, 2 if any is bad or missing
 */
export async function checkModels({ paths }: CheckOptions, { cwd, signal, print }: LinesIo): Promise<number> {
  let exitCode = allGood;
  const report = (checked: Checked) => {
    if (!checked.ok) exitCode = someBad;
    print(checked, checked.ok ? describe(checked) : `bad  ${lineText(checked.reason)}`);
  };
  for (const given of paths) {
    try {
      for (const [file, check] of await filesOf(given, cwd)) {
        if (signal.aborted) return exitCode;
        report(await judge(resolve(cwd, file), file, check));
      }
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      report({ file: given, ok: false, reason: error.message });
    }
  }
  return exitCode;
}
