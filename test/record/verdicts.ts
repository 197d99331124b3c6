/** What the reference reader of safetensors says of files, where ours is stricter on purpose, and a comparison of both. */
import { readFileSync } from "node:fs";
import { FileError } from "../../src/base/errors.ts";
import { memorySource } from "../../src/record/byteSource.ts";
import { readSafetensorsHeader, type TensorPlace } from "../../src/record/safetensorsHeader.ts";
import { openSafetensors, readTensorBytes, type SafetensorsFile } from "../../src/record/tensorReader.ts";

/** Parsed at run time: a bundler would write it as a literal, in which the key `__proto__` is no key. */
const fixture = (name: string) => JSON.parse(readFileSync(`test/fixtures/safetensors/${name}`, "utf8"));

/** Dtype and shape by name. */
export type Tensors = Record<string, [dtype: string, shape: number[]]>;

/** What safetensors 0.8.0, the Rust crate through its Python binding, says of a small file. */
export interface Verdict {
  name: string;
  b64: string;
  reference: { accept: boolean; tensors?: Tensors; metadata?: object | null };
}
export const verdicts: readonly Verdict[] = fixture("verdicts.json").cases;

/** The mutants that the same reader judged, and what it found in those that it accepts, by their number. */
export const judgedMutants: {
  count: number;
  seed: number;
  sha256: string;
  accepted: Record<string, Tensors>;
} = fixture("mutants.json");

/** Files that the reference accepts and this reader refuses on purpose, with what it says; see the docstring. */
export const stricter: ReadonlyMap<string, string> = new Map([
  ["leading space in header", "the header must be an object, from its first byte on"],
  ["dup tensor keys same", "the same key twice"],
  ["dup tensor keys other dtype", "the same key twice"],
  ["dup metadata inner key", "the same key twice"],
  ["metadata null", "__metadata__ must be an object of texts"],
  ["tensor is array form", "must be an object of dtype, shape and data_offsets"],
  ["dtype F4 shape 4 = 2 bytes", "elements smaller than a byte are not read"],
  ["zero dim with huge dim", "an axis may have 2147483648 elements"],
  ["shape 2^53+1 x0", "an axis may have 2147483648 elements"],
  ["rank 1000 of ones", "shape may have 16 numbers"],
]);

/** All that may be said of a mutant that the reference accepts. */
export const strictReasons: readonly string[] = [...new Set([...stricter.values(), "dtype must be a text"])];

/** How a file is opened; another reader can be held against the same verdicts. */
export type Opening = (bytes: Uint8Array) => Promise<SafetensorsFile>;
export const openFile: Opening = (bytes) => openSafetensors(memorySource("x", bytes));

function complaint(error: unknown): string {
  if (error instanceof FileError) return error.message;
  throw error;
}

/** What a reader says of a file; null if it accepts it. */
export const verdictOn = (bytes: Uint8Array, open = openFile): Promise<string | null> =>
  open(bytes).then(() => null, complaint);

/** What the reader of whole files says. */
export function verdictInMemory(bytes: Uint8Array): string | null {
  try {
    readSafetensorsHeader(bytes, { file: "x" });
    return null;
  } catch (error) {
    return complaint(error);
  }
}

/** Dtype and shape by name, names shortened as the list of verdicts shortens them. */
export const described = (places: Iterable<TensorPlace>) =>
  new Map(Array.from(places, ({ name, dtype, shape }) => [name.slice(0, 64), [dtype, shape]]));

/** A file of the same tensors, written by nothing of this project but its own few lines. */
export function rewritten(tensors: readonly (readonly [TensorPlace, Uint8Array])[]): Uint8Array {
  let at = 0;
  const members = tensors.map(([{ name, dtype, shape }, { length }]) => {
    at += length;
    return `${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [at - length, at] })}`;
  });
  const header = Buffer.from(`{${members.join()}}`);
  const length = Buffer.alloc(8);
  length.writeUInt32LE(header.length);
  return new Uint8Array(Buffer.concat([length, header, ...tensors.map(([, bytes]) => bytes)]));
}

/** Every tensor of a file with its bytes. */
export async function contents(bytes: Uint8Array, open = openFile): Promise<[TensorPlace, Uint8Array][]> {
  const { source, places } = await open(bytes);
  const tensors: [TensorPlace, Uint8Array][] = [];
  for (const place of places.values()) tensors.push([place, await readTensorBytes(source, place)]);
  return tensors;
}
