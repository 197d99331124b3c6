/** B1: whatever byte of a run is changed, cut off or taken away, verify names the file. */
import { createHash } from "node:crypto";
import { closeSync, cpSync, ftruncateSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { join } from "node:path";
import { FileError } from "../../src/base/errors.ts";
import { type RandomStream, randomStream } from "../../src/base/random.ts";
import { createRunFolder } from "../../src/cli/runFolder.ts";
import type { CheckedFile } from "../../src/cli/verify/checkedRun.ts";
import { checkFiles } from "../../src/cli/verify/checkFiles.ts";
import { lookAtRun, type RunAtHand } from "../../src/cli/verify/runAtHand.ts";
import type { Check, Form } from "../check.ts";
import { startCommand, withProgram } from "../crash/commandLine.ts";
import { referenceOf, samples } from "../crash/samples.ts";

const unseen = { signal: new AbortController().signal, seen: () => {} };

/** Makes a run of a few short files, of which every byte can be tried. */
function makeSmallRun(cwd: string): string {
  const folder = createRunFolder({
    ...{ study: "small", out: "small", cwd, date: () => new Date(0) },
    started: { cwd, workers: 1, pid: 1, host: "here" },
  });
  folder.write("result.json", '{"answer":42}\n');
  folder.write("measurements/one.parquet", new Uint8Array(64).fill(7));
  folder.write("empty.txt", "");
  for (let step = 0; step < 3; step++) folder.log({ event: "step", step });
  folder.commit({
    ...{ study: "small", status: "complete", config: { seeds: [1] }, engine: null },
    ...{ versions: { palimpsest: "0.1.0" }, command: ["study", "small"] },
  });
  return folder.path;
}

/** A run whose files may be damaged one at a time. */
interface Specimen {
  readonly path: string;
  /** All its files that verify answers for, with their bytes. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

function specimenOf(path: string): Specimen {
  const run = lookAtRun(path, path);
  return {
    path,
    files: new Map(run.files.map((file) => [file, new Uint8Array(readFileSync(join(path, file)))])),
  };
}

/** Damages a file, lets `use` look, and mends it. */
async function damaged<T>(
  { path, files }: Specimen,
  file: string,
  bytes: Uint8Array | null,
  use: () => Promise<T>,
): Promise<T> {
  const target = join(path, file);
  const aside = `${path}.aside`;
  const whole = files.get(file) as Uint8Array;
  if (bytes === null) renameSync(target, aside);
  else overwrite(target, bytes, whole);
  try {
    return await use();
  } finally {
    if (bytes === null) renameSync(aside, target);
    else overwrite(target, whole, bytes);
  }
}

/** Puts other bytes into a file without emptying it first, which would make some file systems flush it every time. */
function overwrite(path: string, bytes: Uint8Array, before: Uint8Array): void {
  let from = 0;
  while (from < bytes.length && bytes[from] === before[from]) from++;
  const file = openSync(path, "r+");
  if (bytes.length !== before.length) ftruncateSync(file, bytes.length);
  let to = bytes.length;
  if (bytes.length === before.length) while (to > from && bytes[to - 1] === before[to - 1]) to--;
  for (let at = from; at < to; ) at += writeSync(file, bytes, at, to - at, at);
  closeSync(file);
}

/** The run as it would be to a verify that believed every hash: what the manifest says of a file follows its damage. */
function believing(run: RunAtHand, bytesOf: (file: string) => Uint8Array): RunAtHand {
  if (run.manifest.verdict !== "sound") return run;
  const { value, bytes } = run.manifest;
  const files = value.files.map((entry) => {
    const found = bytesOf(entry.path);
    return { ...entry, sha256: sha256(found) };
  });
  return { ...run, manifest: { verdict: "sound", bytes, value: { ...value, files } } };
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** What verify says of the files of a run; of one that it does not take for a run any more, the reason. */
async function verified(
  specimen: Specimen,
  look: (run: RunAtHand) => RunAtHand,
): Promise<readonly CheckedFile[] | string> {
  try {
    return await checkFiles(look(lookAtRun(specimen.path, specimen.path)), unseen);
  } catch (error) {
    if (error instanceof FileError) return error.message;
    throw error;
  }
}

/** What is wrong with what verify says of a run of which one file is damaged; null if nothing is. */
function complaint(checked: readonly CheckedFile[] | string, file: string, missing: boolean): string | null {
  if (typeof checked === "string") return checked.includes(file) ? null : `is not named: ${checked}`;
  const found = checked.find(({ path }) => path === file);
  if (found === undefined) return "is not named";
  const wanted = missing ? ["missing"] : ["damaged"];
  if (!wanted.includes(found.verdict)) return `is said to be ${found.verdict}`;
  const isPlaced = /byte \d+|must not be empty/.test(found.says ?? "");
  if (file === "log.jsonl" && !missing && !isPlaced) return `without its place: ${found.says}`;
  if (file === "manifest.json") return null; // with it damaged, nobody can say what the others should be
  const others = checked.filter(
    ({ path, verdict }) => path !== file && (verdict === "damaged" || verdict === "missing"),
  );
  return others.length === 0
    ? null
    : `takes ${others[0].path} with it, which is said to be ${others[0].verdict}`;
}

/** How a small file is damaged: which bits of every byte, and at which of its lengths it is cut. */
const enumerations = {
  short: { bits: [0], lengths: 4 },
  long: { bits: [0, 1, 2, 3, 4, 5, 6, 7], lengths: 1 },
};

/** The ways in which a file of a specimen is damaged, each with its name. */
function* damages(bytes: Uint8Array, form: Form): Generator<[name: string, bytes: Uint8Array | null]> {
  const { bits, lengths } = enumerations[form];
  yield ["taken away", null];
  for (let at = 0; at < bytes.length; at++) {
    for (const bit of bits) {
      const flipped = bytes.slice();
      flipped[at] ^= 1 << bit;
      yield [`bit ${bit} of byte ${at} flipped`, flipped];
    }
    if (at % lengths === 0) yield [`cut to ${at} bytes`, bytes.subarray(0, at)];
  }
  yield ["one byte longer", new Uint8Array([...bytes, 0])];
}

/** A file and a bit of it: files weigh as much as their square roots, so that short ones get their share. */
function drawFlip(
  files: readonly (readonly [string, Uint8Array])[],
  stream: RandomStream,
): [file: string, at: number] {
  const weights = files.map(([, bytes]) => Math.sqrt(bytes.length));
  let left = stream.uniform() * weights.reduce((sum, weight) => sum + weight, 0);
  const index = weights.findIndex((weight) => (left -= weight) < 0);
  const [file, bytes] = files[Math.max(0, index)];
  return [file, stream.integer(bytes.length)];
}

export const anyByte: Check = {
  id: "B1",
  promise:
    "Verify finds every changed, cut or missing file of a run, and names it; of the log it says the place.",
  weakenings: ["hash"],
  run: (form, { seed, say, without }) =>
    withProgram([], {}, async (build, top) => {
      const failures: string[] = [];
      const weak = (run: RunAtHand, specimen: Specimen, file: string, bytes: Uint8Array | null) =>
        without === "hash" && bytes !== null
          ? believing(run, (each) => (each === file ? bytes : (specimen.files.get(each) as Uint8Array)))
          : run;

      const small = specimenOf(makeSmallRun(top));
      const before = (await checkFiles(lookAtRun(small.path, top), unseen)).filter(
        ({ verdict }) => verdict !== "sound",
      );
      for (const { path, verdict } of before)
        failures.push(`${path} of an undamaged run is said to be ${verdict}`);
      let enumerated = 0;
      for (const [file, bytes] of small.files)
        for (const [name, bad] of damages(bytes, form)) {
          enumerated++;
          const found = await damaged(small, file, bad, async () =>
            complaint(await verified(small, (run) => weak(run, small, file, bad)), file, bad === null),
          );
          if (found !== null) failures.push(`${file}, ${name}: ${found}`);
        }
      say(`${enumerated} damages to a small run`);

      cpSync((await referenceOf(samples.study, build)).run, join(top, "real"), { recursive: true });
      const real = specimenOf(join(top, "real"));
      const whole = lookAtRun(real.path, top);
      const stream = randomStream("any byte", seed);
      const drawn = [...real.files].filter(([, bytes]) => bytes.length > 0);
      const flips = without !== undefined ? 200 : form === "short" ? 5_000 : 50_000;
      const touched = new Set<string>();
      for (let k = 0; k < flips; k++) {
        const [file, at] = drawFlip(drawn, stream);
        touched.add(file);
        const bad = (real.files.get(file) as Uint8Array).slice();
        bad[at] ^= 1 << stream.integer(8);
        const found = await damaged(real, file, bad, async () => {
          // every so often all files are read, else the one: a file's verdict does not hang on the others
          const isOwn = file === "manifest.json" || file === "log.jsonl";
          const all = isOwn || k % 100 === 0;
          return complaint(
            all
              ? await verified(real, (run) => weak(run, real, file, bad))
              : await checkFiles(weak(onlyFile(whole, file), real, file, bad), unseen),
            file,
            false,
          );
        });
        if (found !== null) failures.push(`${file}, byte ${at}: ${found}`);
      }

      const commands = await throughCommand(real, stream, build);
      failures.push(...commands.failures);
      const count = enumerated + flips + commands.count;
      return {
        figure: `${count - failures.length} of ${count} damages found and named`,
        count,
        coverage: {
          enumerated,
          flips,
          files: small.files.size + real.files.size,
          filesFlipped: touched.size,
          throughTheCommand: commands.count,
        },
        failures,
      };
    }),
};

/** A run of which only one of the listed files is looked at. */
function onlyFile(run: RunAtHand, file: string): RunAtHand {
  if (run.manifest.verdict !== "sound") return run;
  const { value } = run.manifest;
  const files = value.files.filter(({ path }) => path === file);
  return { ...run, manifest: { ...run.manifest, value: { ...value, files } }, files: [file] };
}

/** Damages files of a run and asks the real command. */
async function throughCommand(
  specimen: Specimen,
  stream: RandomStream,
  build: string,
): Promise<{ count: number; failures: string[] }> {
  const failures: string[] = [];
  const files = ["manifest.json", "log.jsonl", "report.html"];
  for (const file of files) {
    const bad = (specimen.files.get(file) as Uint8Array).slice();
    bad[stream.integer(bad.length)] ^= 1;
    const ended = await damaged(
      specimen,
      file,
      bad,
      () => startCommand(["verify", "--json", specimen.path], { build }).ended,
    );
    if (ended.code !== 3) failures.push(`${file}: verify ended with ${ended.code}: ${ended.stderr.trim()}`);
    else if (!ended.stderr.includes(file))
      failures.push(`${file}: verify does not name it on stderr: ${ended.stderr.trim()}`);
    else {
      const { files: said } = JSON.parse(ended.stdout) as { files: CheckedFile[] };
      const found = complaint(said, file, false);
      if (found !== null) failures.push(`${file}, through the command: ${found}`);
    }
  }
  return { count: files.length, failures };
}
