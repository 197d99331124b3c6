import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { FileError } from "../../src/base/errors.ts";
import { memorySource } from "../../src/record/byteSource.ts";
import { readSafetensorsHeader, type TensorPlace } from "../../src/record/safetensorsHeader.ts";
import { sha256OfBytes } from "../../src/record/sha256.ts";
import { openSafetensors, readTensorBytes } from "../../src/record/tensorReader.ts";
import { mutant } from "./mutants.ts";

const fixture = (name: string) =>
  JSON.parse(readFileSync(new URL(`../fixtures/safetensors/${name}`, import.meta.url), "utf8"));

type Tensors = Record<string, [dtype: string, shape: number[]]>;

/** What safetensors 0.8.0, the Rust crate through its Python binding, says of 113 small files. */
interface Verdict {
  name: string;
  b64: string;
  reference: { accept: boolean; tensors?: Tensors; metadata?: object | null };
}
const verdicts: Verdict[] = fixture("verdicts.json").cases;

/** Files that the reference accepts and this reader refuses on purpose, with what it says; see the docstring. */
const stricter = new Map([
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

/** What the reader says, once over bytes in memory and once by ranges; null if it accepts the file. */
async function verdictOn(bytes: Uint8Array): Promise<string | null> {
  const complaint = (error: unknown) => {
    if (error instanceof FileError) return error.message;
    throw error;
  };
  const byRange = await openSafetensors(memorySource("x", bytes)).then(() => null, complaint);
  let inMemory: string | null = null;
  try {
    readSafetensorsHeader(bytes, { file: "x" });
  } catch (error) {
    inMemory = complaint(error);
  }
  expect(byRange).toBe(inMemory);
  return byRange;
}

/** Dtype and shape by name, names shortened as the list of verdicts shortens them. */
const described = (places: Iterable<TensorPlace>) =>
  new Map(Array.from(places, ({ name, dtype, shape }) => [name.slice(0, 64), [dtype, shape]]));

test("all 113 golden files get the reference's verdict, or a stricter one where the list says so", async () => {
  let accepted = 0;
  for (const { name, b64, reference } of verdicts) {
    const bytes = new Uint8Array(Buffer.from(b64, "base64"));
    const verdict = await verdictOn(bytes);
    const reason = stricter.get(name);
    if (reason !== undefined)
      expect([reference.accept, verdict], name).toEqual([true, expect.stringContaining(reason)]);
    else expect(verdict === null, `${name}: ${verdict}`).toBe(reference.accept);
    if (verdict !== null) continue;
    accepted++;
    const { places, metadata } = await openSafetensors(memorySource(name, bytes));
    expect(described(places.values()), name).toEqual(new Map(Object.entries(reference.tensors ?? {})));
    expect(Object.fromEntries(metadata), name).toEqual(reference.metadata ?? {});
  }
  expect([verdicts.length, accepted]).toEqual([113, 41 - stricter.size]);
});

/** A file of the same tensors, written by nothing of this project but its own few lines. */
function rewritten(tensors: readonly (readonly [TensorPlace, Uint8Array])[]): Uint8Array {
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

async function contents(bytes: Uint8Array): Promise<[TensorPlace, Uint8Array][]> {
  const { source, places } = await openSafetensors(memorySource("x", bytes));
  const tensors: [TensorPlace, Uint8Array][] = [];
  for (const place of places.values()) tensors.push([place, await readTensorBytes(source, place)]);
  return tensors;
}

/** What is said of a file that the reference accepts: one of the reasons of the list. */
const strictReasons = new RegExp([...stricter.values(), "dtype must be a text"].join("|"));

test("2,000 mutants get the reference's verdict or a listed stricter one, and the accepted ones survive rewriting", async () => {
  const { count, seed, sha256, accepted } = fixture("mutants.json") as {
    count: number;
    seed: number;
    sha256: string;
    accepted: Record<string, Tensors>;
  };
  const all: Uint8Array[] = [];
  const strict = new Map<string, number>();
  let survived = 0;
  for (let k = 0; k < count; k++) {
    const bytes = mutant(seed, k);
    all.push(new Uint8Array(Uint32Array.of(bytes.length).buffer), bytes);
    const verdict = await verdictOn(bytes);
    const reference: Tensors | undefined = accepted[k];
    if (verdict !== null) {
      const reason = strictReasons.exec(verdict)?.[0];
      if (reference !== undefined) {
        expect(reason, `case ${k}: ${verdict}`).toBeDefined();
        strict.set(reason!, (strict.get(reason!) ?? 0) + 1);
      }
      continue;
    }
    expect(reference, `case ${k}`).toBeDefined();
    const tensors = await contents(bytes);
    expect(described(tensors.map(([place]) => place)), `case ${k}`).toEqual(
      new Map(Object.entries(reference)),
    );
    const again = await contents(rewritten(tensors));
    const essence = (list: typeof tensors) =>
      list.map(([{ name, dtype, shape }, data]) => [name, dtype, shape, data]);
    expect(essence(again)).toEqual(essence(tensors));
    survived++;
  }
  // the mutants are those that the reference judged
  expect(sha256OfBytes(new Uint8Array(Buffer.concat(all)))).toBe(sha256);
  // every stricter rule was met, and most cases are of neither kind
  expect([...strict.keys()].sort()).toEqual(
    [...new Set([...stricter.values(), "dtype must be a text"])].sort(),
  );
  expect(survived).toBeGreaterThan(count / 10);
  expect(survived).toBeLessThan(count / 2);
});
