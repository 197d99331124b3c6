import { expect, test } from "vitest";
import { sha256OfBytes } from "../../src/record/sha256.ts";
import { mutant } from "./mutants.ts";
import {
  contents,
  described,
  judgedMutants,
  openFile,
  rewritten,
  stricter,
  strictReasons,
  type Tensors,
  verdictInMemory,
  verdictOn,
  verdicts,
} from "./verdicts.ts";

/** What the reader says, once over bytes in memory and once by ranges; null if it accepts the file. */
async function verdictOfBoth(bytes: Uint8Array): Promise<string | null> {
  const byRange = await verdictOn(bytes);
  expect(byRange).toBe(verdictInMemory(bytes));
  return byRange;
}

test("all 113 golden files get the reference's verdict, or a stricter one where the list says so", async () => {
  let accepted = 0;
  for (const { name, b64, reference } of verdicts) {
    const bytes = new Uint8Array(Buffer.from(b64, "base64"));
    const verdict = await verdictOfBoth(bytes);
    const reason = stricter.get(name);
    if (reason !== undefined)
      expect([reference.accept, verdict], name).toEqual([true, expect.stringContaining(reason)]);
    else expect(verdict === null, `${name}: ${verdict}`).toBe(reference.accept);
    if (verdict !== null) continue;
    accepted++;
    const { places, metadata } = await openFile(bytes);
    expect(described(places.values()), name).toEqual(new Map(Object.entries(reference.tensors ?? {})));
    expect(Object.fromEntries(metadata), name).toEqual(reference.metadata ?? {});
  }
  expect([verdicts.length, accepted]).toEqual([113, 41 - stricter.size]);
});

test("2,000 mutants get the reference's verdict or a listed stricter one, and the accepted ones survive rewriting", async () => {
  const { count, seed, sha256, accepted } = judgedMutants;
  const all: Uint8Array[] = [];
  const strict = new Set<string>();
  let survived = 0;
  for (let k = 0; k < count; k++) {
    const bytes = mutant(seed, k);
    all.push(new Uint8Array(Uint32Array.of(bytes.length).buffer), bytes);
    const verdict = await verdictOfBoth(bytes);
    const reference: Tensors | undefined = accepted[k];
    if (verdict !== null) {
      const reason = strictReasons.find((each) => verdict.includes(each));
      if (reference !== undefined) {
        expect(reason, `case ${k}: ${verdict}`).toBeDefined();
        strict.add(reason!);
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
  expect([...strict].sort()).toEqual([...strictReasons].sort());
  expect(survived).toBeGreaterThan(count / 10);
  expect(survived).toBeLessThan(count / 2);
});
