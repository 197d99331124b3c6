/** `palimpsest study fidelity`: recorded runs of the original study against this engine. */
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { backendNamed, chosenBackend } from "../../backends/registry.ts";
import { parseJson } from "../../record/canonicalJson.ts";
import { strictUtf8 } from "../../record/strictJson.ts";
import { type FidelityResult, fidelity } from "../../studies/fidelity/fidelity.ts";
import { type Fixture, parseFixture } from "../../studies/fidelity/fixture.ts";
import type { FidelityOptions } from "../commands/studyFidelity.ts";
import type { BackendChoice } from "../commonOptions.ts";
import type { Outcome, RunIo } from "../io.ts";
import { readInput } from "../readInput.ts";
import type { Beside } from "./inRun.ts";
import { writePrintedResult } from "./printed.ts";

/** The recorded runs that come with Palimpsest. */
const shipped = () =>
  ["seed-42.json", "seed-123.json"].map((name) =>
    fileURLToPath(new URL(`../fixtures/original/${name}`, import.meta.url)),
  );

function readFixture(path: string, cwd: string): Fixture {
  const bytes = readInput(path, { cwd });
  return parseFixture(basename(path), parseJson(strictUtf8(bytes, path), { file: path }));
}

/** The recorded runs that come with Palimpsest, read and checked. */
export function shippedRuns(): Fixture[] {
  return shipped().map((path) => readFixture(path, "/"));
}

/** Makes a run folder of study S1, which is the same comparison with a plan and a verdict. */
export type MakeRun = (
  out: string | null,
  backend: BackendChoice,
  io: RunIo,
  beside: Beside,
) => Promise<Outcome>;

/** Runs the study for every file; exit code 1 where one does not pass. */
export async function runFidelity(options: FidelityOptions, io: RunIo, makeRun: MakeRun): Promise<Outcome> {
  const { out, backend } = options;
  const isRun = out !== null || io.out !== undefined || io.resume !== undefined;
  if (!isRun) return outcomeOf(await compare(options, io));
  return makeRun(out, backend, io, async ({ folder, pool }, printed) => {
    const runs = await pool.remember("fidelity", () => compare(options, io));
    writePrintedResult(folder, outcomeOf(runs).result);
    return (place) => outcomeOf(runs, [printed(place).summary]);
  });
}

async function compare({ fixtures, backend: choice }: FidelityOptions, io: RunIo): Promise<FidelityResult[]> {
  const backend = await backendNamed(chosenBackend(choice));
  const paths = fixtures.length > 0 ? fixtures : shipped();
  const runs: FidelityResult[] = [];
  for (const fixture of paths.map((path) => readFixture(path, io.cwd))) {
    io.signal.throwIfAborted();
    runs.push(await fidelity(fixture, backend));
  }
  return runs;
}

function outcomeOf(runs: readonly FidelityResult[], more: readonly string[] = []): Outcome {
  const pass = runs.every((run) => run.pass);
  return {
    result: runs.length === 1 ? runs[0] : { runs, pass },
    summary: [...runs.map(describe), ...more].join("\n"),
    exitCode: pass ? 0 : 1,
  };
}

function describe(run: FidelityResult): string {
  const { L0_token, L0_position, L1_token, L1_position } = run.maintained;
  const lines = [
    `seed ${run.seed}, ${run.backend}: ${run.pass ? "equal" : "NOT equal"}`,
    `  initial logits     within ${run.initialLogitsMaxError.toExponential(1)}`,
    `  epoch losses       within ${run.epochLossMaxError.toExponential(1)} nats: ${run.epochLosses.map((loss) => loss.toFixed(4)).join(" ")}`,
    `  eta²               within ${run.eta2MaxError.toExponential(1)}`,
    `  most selective     ${run.top5Equal ? "the same five" : "other neurons"} in every layer and kind`,
    `  maintained of five L0 token ${L0_token}, L0 position ${L0_position}, L1 token ${L1_token}, L1 position ${L1_position}`,
  ];
  return lines.join("\n");
}
