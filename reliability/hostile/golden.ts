import { canonicalJson } from "../../src/record/canonicalJson.ts";
import type { SafetensorsFile } from "../../src/record/tensorReader.ts";
import { mutant } from "../../test/record/mutants.ts";
import {
  contents,
  described,
  judgedMutants,
  type Opening,
  openFile,
  rewritten,
  stricter,
  strictReasons,
  type Tensors,
  verdictOn,
  verdicts,
} from "../../test/record/verdicts.ts";
import type { Check } from "../check.ts";

/** A file judged by the reference. `strict` are the sentences with which it may be refused although that accepts it. */
interface Judged {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Null where the reference refuses it. */
  readonly tensors: Tensors | null;
  readonly metadata?: object;
  readonly strict: readonly string[];
}

function* judged(): Generator<Judged> {
  for (const { name, b64, reference } of verdicts) {
    const bytes = new Uint8Array(Buffer.from(b64, "base64"));
    const reason = stricter.get(name);
    const { tensors = {}, metadata } = reference;
    yield {
      ...{ name, bytes, tensors: reference.accept ? tensors : null, metadata: metadata ?? {} },
      strict: reason === undefined ? [] : [reason],
    };
  }
  const { count, seed, accepted } = judgedMutants;
  for (let k = 0; k < count; k++) {
    const bytes = mutant(seed, k);
    yield { name: `mutant ${k}`, bytes, tensors: accepted[k] ?? null, strict: strictReasons };
  }
}

const listed = (tensors: ReadonlyMap<string, unknown>) => canonicalJson(Object.fromEntries(tensors));

/** What is wrong with what a reader makes of a file; null if it agrees with the reference. */
async function disagreement(
  { bytes, tensors, metadata, strict }: Judged,
  open: Opening,
): Promise<string | null> {
  const verdict = await verdictOn(bytes, open);
  if (verdict !== null)
    return tensors === null || strict.some((reason) => verdict.includes(reason))
      ? null
      : `is refused, and the reference accepts it: ${verdict}`;
  if (tensors === null) return "is accepted, and the reference refuses it";
  const read = await open(bytes);
  const found = listed(described(read.places.values()));
  const expected = listed(new Map(Object.entries(tensors)));
  if (found !== expected)
    return `holds ${found.slice(0, 200)}, and the reference finds ${expected.slice(0, 200)}`;
  if (metadata !== undefined && canonicalJson(Object.fromEntries(read.metadata)) !== canonicalJson(metadata))
    return "has other metadata than the reference finds";
  const whole = await contents(bytes, open);
  const again = await contents(rewritten(whole), openFile);
  const essence = (list: typeof whole) =>
    JSON.stringify(
      list.map(([{ name, dtype, shape }, data]) => [name, dtype, shape, Buffer.from(data).toString("hex")]),
    );
  return essence(whole) === essence(again) ? null : "is another file when it is written again";
}

/** A reader that leaves something out. */
const weakReaders: Readonly<Record<string, Opening>> = {
  // duplicate names hidden, numbers rounded, offsets believed: what JSON.parse makes of a header
  "own-scanner": async (bytes) => {
    const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
    const { __metadata__: metadata = {}, ...tensors } = JSON.parse(
      new TextDecoder().decode(bytes.subarray(8, 8 + length)),
    );
    const { source } = await openFile(Uint8Array.from([2, 0, 0, 0, 0, 0, 0, 0, 123, 125]));
    const places = Object.entries(tensors as Record<string, never>).map(
      ([name, { dtype, shape, data_offsets }]) => {
        const [start, end] = data_offsets as [number, number];
        return [name, { name, dtype, shape, start: 8 + length + start, end: 8 + length + end }] as const;
      },
    );
    return {
      source: { ...source, size: bytes.length, read: async (from, to) => bytes.slice(from, to) },
      places: new Map(places),
      metadata: new Map(Object.entries(metadata)),
    } as SafetensorsFile;
  },
  // data that no tensor names, which a file may hide something in
  "whole-coverage": async (bytes) => {
    const trimmed = bytes.slice(0, bytes.length - 1);
    return openFile(bytes).catch((error) => openFile(trimmed).catch(() => Promise.reject(error)));
  },
  "tensor-order": async (bytes) => {
    const file = await openFile(bytes);
    const places = [...file.places.values()];
    const shifted = places.map(
      (place, i) => [place.name, { ...place, shape: places[(i + 1) % places.length].shape }] as const,
    );
    return { ...file, places: new Map(shifted) };
  },
};

/** C1: our reader of safetensors agrees with the reference. */
export const golden: Check = {
  id: "C1",
  promise:
    "The reader of safetensors says what the reference reader says, but for a list of cases where it is stricter.",
  weakenings: Object.keys(weakReaders),
  async run(_, { without }) {
    const open = without === undefined ? openFile : weakReaders[without];
    const failures: string[] = [];
    const coverage = { golden: 0, mutants: 0, accepted: 0, refused: 0, stricter: 0 };
    for (const file of judged()) {
      coverage[file.name.startsWith("mutant ") ? "mutants" : "golden"]++;
      coverage[file.tensors === null ? "refused" : "accepted"]++;
      if (file.tensors !== null && (await verdictOn(file.bytes)) !== null) coverage.stricter++;
      const wrong = await disagreement(file, open).catch((error) => `made the reader throw ${error}`);
      if (wrong !== null) failures.push(`${file.name} ${wrong}`);
    }
    const count = coverage.golden + coverage.mutants;
    const figure = `${count - failures.length} of ${count} files judged as the reference judges them`;
    return { figure, count, coverage, failures };
  },
};
