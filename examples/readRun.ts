/** Reads a run folder: checks its files, then takes numbers and weights out. `node readRun.mjs runs/…` */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parquetReadObjects } from "hyparquet";

const bytesOf = (path: string) => new Uint8Array(readFileSync(path)).buffer;

/** Paths of the files that are not what the manifest says they are; none in a sound run. */
export function damagedFiles(run: string): string[] {
  const manifest = JSON.parse(readFileSync(join(run, "manifest.json"), "utf8"));
  const hash = (path: string) =>
    createHash("sha256")
      .update(readFileSync(join(run, path)))
      .digest("hex");
  return manifest.files
    .filter(({ path, sha256 }: { path: string; sha256: string }) => hash(path) !== sha256)
    .map(({ path }: { path: string }) => path);
}

/** Rows of one measurements file: arm, model, seed, step, site, unit, statistic, value. */
export function measurements(path: string): Promise<Record<string, unknown>[]> {
  return parquetReadObjects({ file: bytesOf(path) });
}

/** Tensors of one checkpoint by name, [model, ...shape] with every model of the arm. */
export function weights(path: string): Map<string, { shape: number[]; data: Float32Array }> {
  const buffer = bytesOf(path);
  const headerBytes = Number(new DataView(buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, headerBytes)));
  delete header.__metadata__; // step and seeds, as text
  return new Map(
    Object.entries<{ shape: number[]; data_offsets: [number, number] }>(header).map(
      ([name, { shape, data_offsets }]) => {
        const [from, to] = data_offsets.map((offset) => 8 + headerBytes + offset);
        return [name, { shape, data: new Float32Array(buffer.slice(from, to)) }];
      },
    ),
  );
}

/** Mean token share of variance (eta²) of the neurons of one layer in one file, over all models and living units. */
export async function meanEta2(path: string, site: string): Promise<number> {
  const values = (await measurements(path))
    .filter((row) => row.site === site && row.statistic === "eta2.token")
    .map((row) => row.value as number)
    .filter(Number.isFinite); // a dead unit has no share
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

const [run] = process.argv.slice(2);
if (run !== undefined && process.argv[1]?.includes("readRun")) {
  console.log(`damaged files: ${damagedFiles(run).join(", ") || "none"}`);
  const { files } = JSON.parse(readFileSync(join(run, "manifest.json"), "utf8"));
  for (const { path } of files.filter(({ path }: { path: string }) => /step-\d+\.parquet$/.test(path)))
    console.log(`${path}: ${(await meanEta2(join(run, path), "blocks.0.mlp.hook_post")).toFixed(3)}`);
}
