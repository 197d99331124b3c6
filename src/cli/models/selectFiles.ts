/** Which files of a repository are wanted: what a model is made of, and never what could run code. */
import { FileError, unknownName } from "../../base/errors.ts";

/** What a model is made of, beside its weights. */
const parts: readonly string[] = [
  "config.json",
  "generation_config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "vocab.json",
  "vocab.txt",
  "merges.txt",
];
const readable = /\.(?:safetensors|json|jsonl|txt|model|md)$/i;
const pickled = /\.(?:bin|pt|pth|ckpt|pkl|pickle|joblib|npz|npy)$/i;

/** A file that was asked for and is left where it is. */
export interface LeftOut {
  readonly file: string;
  readonly reason: string;
}

/** What is to be fetched. */
export interface Selection {
  /** Names, sorted. */
  readonly files: readonly string[];
  /** What matched and is not fetched. */
  readonly leftOut: readonly LeftOut[];
}

function refusal(file: string): string | null {
  if (readable.test(file)) return null;
  if (pickled.test(file)) return "may hold a pickle, which can run code when it is read";
  return "is no format that is read here (safetensors, json, txt, model, md)";
}

/** A glob as a regular expression: `*` and `?` stay within a folder, `**` crosses folders. */
function globPattern(glob: string): RegExp {
  const source = glob.replace(/\*\*+|[*?]|[^A-Za-z0-9_/]/g, (piece) => {
    if (piece.startsWith("**")) return ".*";
    if (piece === "*") return "[^/]*";
    return piece === "?" ? "[^/]" : `\\${piece}`;
  });
  return new RegExp(`^${source}$`);
}

/** Weights at the root: the whole file, else its shards, else every safetensors file. */
function weightsAmong(names: readonly string[]): string[] {
  const index = names.filter((name) => /^[^/]+\.safetensors\.index\.json$/.test(name));
  if (names.includes("model.safetensors")) return ["model.safetensors"];
  const shards = names.filter((name) => /^model-[0-9]+-of-[0-9]+\.safetensors$/.test(name));
  if (shards.length > 0) return [...shards, ...index];
  return [...names.filter((name) => /^[^/]+\.safetensors$/.test(name)), ...index];
}

function modelFiles(repo: string, names: readonly string[]): Selection {
  const weights = weightsAmong(names);
  const leftOut = names
    .filter((name) => !name.includes("/") && pickled.test(name))
    .map((file) => ({ file, reason: refusal(file) as string }));
  if (weights.length === 0)
    throw new FileError({
      where: repo,
      rule: "has no safetensors weights at this revision",
      got:
        leftOut.length > 0 ? `${leftOut[0].file}, which ${leftOut[0].reason}` : `${names.length} other files`,
      wayOut:
        "Another revision may have them, often refs/pr/1; or convert the weights in Python and give the local folder.",
    });
  return { files: [...parts.filter((name) => names.includes(name)), ...weights].sort(), leftOut };
}

/**
 * The files to fetch.
 *
 * @param names  all files of the repository
 * @param globs  patterns of the whole name, `*`, `?` and `**`; empty for what a model is made of: its configuration,
 *               tokenizer and safetensors weights
 * @throws FileError  no weights that are read here, or all that match are formats that may run code
 * @throws NameError  a pattern that matches nothing
 */
export function selectFiles(repo: string, names: readonly string[], globs: readonly string[]): Selection {
  if (globs.length === 0) return modelFiles(repo, names);
  const wanted = new Set<string>();
  for (const glob of globs) {
    const pattern = globPattern(glob);
    const matches = names.filter((name) => pattern.test(name));
    if (matches.length === 0) throw unknownName(`${repo}, --files`, glob, names);
    for (const name of matches) wanted.add(name);
  }
  const all = [...wanted].sort();
  const leftOut = all.flatMap((file) => {
    const reason = refusal(file);
    return reason === null ? [] : [{ file, reason }];
  });
  if (leftOut.length === all.length)
    throw new FileError({
      where: `${repo}, file ${leftOut[0].file}`,
      rule: `${leftOut[0].reason}, so it is not fetched`,
    });
  return { files: all.filter((file) => readable.test(file)), leftOut };
}
