import { zipSync } from "fflate";
import { memorySource } from "../../../src/record/byteSource.ts";
import { openRunArchive, writeRunArchive } from "../../../src/record/runArchive.ts";
import { pick } from "../../../test/record/mutants.ts";
import { byteMutant } from "../jsonMutants.ts";
import { difference, type Target } from "../target.ts";

const files: [string, Uint8Array][] = [
  ["manifest.json", new TextEncoder().encode('{"format":"palimpsest run"}\n'.repeat(3))],
  ["checkpoints/step-0.safetensors", Uint8Array.from({ length: 90 }, (_, i) => i)],
];
const joined = (pieces: Iterable<Uint8Array>) => Uint8Array.from([...pieces].flatMap((piece) => [...piece]));
const seeds = [
  joined(writeRunArchive(files)),
  joined(writeRunArchive(files, { folder: "run" })),
  zipSync({ run: Object.fromEntries(files) }, { mtime: 1e12, level: 9 }),
];
const words = [0, 1, 8, 0x14, 0x2d, 0x7fff, 0xfffe, 0xffff];
const longs = [0, 1, 30, 90, 0x7fffffff, 0xfffffffe, 0xffffffff];

async function contents(bytes: Uint8Array): Promise<[string, Uint8Array][]> {
  const archive = await openRunArchive(memorySource("run.zip", bytes), {
    fileBytes: 2 ** 24,
    totalBytes: 2 ** 24,
  });
  const read: [string, Uint8Array][] = [];
  for (const path of archive.paths) read.push([path, await archive.bytes(path)]);
  return read;
}

const shown = (read: readonly [string, Uint8Array][]) =>
  read.map(([path, bytes]) => `${path} ${Buffer.from(bytes).toString("hex")}`).join("\n");

/** A run packed as one file. */
export const archive: Target = {
  kind: "run archive",
  mutant(stream) {
    const bytes = pick(seeds, stream);
    if (stream.integer(3) === 0) return byteMutant(bytes, stream);
    // a field of one of its records
    const changed = bytes.slice();
    const view = new DataView(changed.buffer);
    for (let change = 1 + stream.integer(2); change > 0; change--) {
      const records = Array.from(changed.keys()).filter(
        (at) => changed[at] === 0x50 && changed[at + 1] === 0x4b,
      );
      if (records.length === 0) break;
      const at = pick(records, stream) + 4 + 2 * stream.integer(21);
      if (at + 4 > changed.length) continue;
      if (stream.integer(2) === 0) view.setUint16(at, pick(words, stream), true);
      else view.setUint32(at, pick(longs, stream), true);
    }
    return changed;
  },
  async accept(bytes) {
    const read = await contents(bytes);
    return difference("an archive", shown(read), shown(await contents(joined(writeRunArchive(read)))));
  },
};
