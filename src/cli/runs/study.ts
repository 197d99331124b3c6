/** `palimpsest study NAME` and `study all`: from checked options to a run folder with its reports. */
import packageJson from "../../../package.json" with { type: "json" };
import { type BackendName, chosenBackend } from "../../backends/registry.ts";
import { engineBytes } from "../../backends/wasm/index.ts";
import { renderFigure } from "../../figures/index.ts";
import { type JsonValue, readableJson } from "../../record/canonicalJson.ts";
import { sha256OfBytes } from "../../record/sha256.ts";
import { overviewReport } from "../../studies/findings/overview.ts";
import { type CarriedOut, carryOut } from "../../studies/protocol/carryOut.ts";
import { studyReport } from "../../studies/protocol/report.ts";
import type { StudyResult } from "../../studies/protocol/result.ts";
import type { Study, StudySize } from "../../studies/protocol/study.ts";
import { registeredStudies, type StudyMaterial, studyNamed } from "../../studies/registry.ts";
import type { StudyOptions, StudyRunOptions } from "../commands/study.ts";
import type { Outcome, RunIo } from "../io.ts";
import { createRunFolder, type RunFolder } from "../runFolder.ts";
import { drawingDocument } from "../svgFile.ts";
import { openPool, type Pool } from "../workers/pool.ts";
import { shippedRuns } from "./fidelity.ts";
import { progressState } from "./progressState.ts";
import { shippedText } from "./shippedText.ts";
import { studiesSummary, studySummary } from "./studySummary.ts";

/** What a run is made of, besides its studies. */
interface Run {
  readonly options: StudyRunOptions & { readonly backend: BackendName };
  readonly folder: RunFolder;
  readonly pool: Pool;
  readonly io: RunIo;
  /** SHA-256 of the kernels, which only the wasm backend has. */
  readonly engine: string | null;
}

/** Steps that a seed of cost 1 counts for in the display. */
const SHOWN_STEPS = 1000;

/** Runs one study into a run folder. */
export function runStudy(options: StudyOptions, io: RunIo): Promise<Outcome> {
  const study = studyNamed(options.study, materialOf(options.study));
  return inRunFolder(study.plan.name, options, io, async (run) => {
    const carried = await carryOutStudy(study, run, "");
    run.io.board.log(`Writing ${run.folder.name}`);
    writeStudy(carried, run, "");
    const { name } = run.folder;
    return {
      result: { ...carried.result, run: name },
      summary: studySummary(carried.result, `${name}/report.html`),
    };
  });
}

/** The files that a study is made from, and no others. */
function materialOf(name: string): StudyMaterial {
  if (name === "fidelity") return { recorded: shippedRuns() };
  return name === "text-persistence" ? { text: shippedText() } : {};
}

/** Runs every study into one run folder: a folder for each, and a report that joins them. */
export function runAllStudies(options: StudyRunOptions, io: RunIo): Promise<Outcome> {
  const studies = registeredStudies({ recorded: shippedRuns(), text: shippedText() }).map(
    ({ study }) => study,
  );
  return inRunFolder("all", options, io, async (run) => {
    const results: StudyResult[] = [];
    for (const [at, study] of studies.entries()) {
      const carried = await carryOutStudy(study, run, `, study ${at + 1} of ${studies.length}`);
      writeStudy(carried, run, `${study.plan.name}/`);
      const { id, decisions } = carried.result;
      run.folder.log({ event: "study", id, verdicts: decisions.map(({ verdict }) => verdict) });
      results.push(carried.result);
    }
    const { folder, engine } = run;
    const command = commandOf("all", run.options);
    const { quick } = run.options;
    // tables stand in the studies' own results
    const studiesOf = results.map(({ tables: _, ...result }) => result);
    const result = { study: "all", quick, studies: studiesOf, command };
    folder.write("result.json", `${readableJson({ ...result, run: "." })}\n`);
    folder.write(
      "report.html",
      overviewReport({ results, quick, command, facts: factsOf(run.options, engine) }),
    );
    return {
      result: { ...result, run: folder.name },
      summary: studiesSummary(results, `${folder.name}/report.html`),
    };
  });
}

/** Opens folder and workers, lets `work` work, and commits the manifest, however that ends. */
async function inRunFolder(
  name: string,
  asked: StudyRunOptions,
  io: RunIo,
  work: (run: Run) => Promise<Outcome>,
): Promise<Outcome> {
  const options = { ...asked, backend: chosenBackend(asked.backend) };
  const folder = createRunFolder({ study: name, out: options.out, cwd: io.cwd, date: io.date });
  folder.log({ event: "started", study: name, quick: options.quick, workers: options.workers });
  const engine = options.backend === "wasm" ? sha256OfBytes(engineBytes()) : null;
  const parts = {
    study: name,
    config: configOf(options),
    versions: { palimpsest: packageJson.version, node: process.versions.node },
    engine,
  };
  const pool = openPool({ workers: options.workers, signal: io.signal });
  try {
    const outcome = await work({ options, folder, pool, io, engine });
    folder.log({ event: "complete" });
    folder.commit({ ...parts, status: "complete" });
    return outcome;
  } catch (error) {
    folder.log({ event: "failed", message: error instanceof Error ? error.message : String(error) });
    folder.commit({ ...parts, status: io.signal.aborted ? "interrupted" : "failed" });
    throw error;
  } finally {
    await pool.close();
  }
}

function sizeOf({ plan }: Study, { seeds, quick }: StudyRunOptions): StudySize {
  const planned = quick ? plan.seeds.quick : plan.seeds.full;
  return { seeds: seeds ?? Array.from({ length: planned }, (_, seed) => seed), quick };
}

async function carryOutStudy(study: Study, { options, pool, io }: Run, place: string): Promise<CarriedOut> {
  const { plan } = study;
  const size = sizeOf(study, options);
  const steps = new Map(
    study.arms(size).map((arm) => [arm.name, Math.max(1, Math.round(SHOWN_STEPS * (arm.cost ?? 1)))]),
  );
  const title = `${plan.id} ${plan.name}${options.quick ? ", quick" : ""}${place}`;
  const progress = progressState(
    study.arms(size).map(({ name, seeds }) => ({
      ...{ name, models: seeds.length, steps: steps.get(name) as number },
    })),
    io.clock,
    { title, shares: true },
  );
  return carryOut(study, size, {
    backend: { name: options.backend },
    command: commandOf(plan.name, options),
    runJobs: (jobs, tell) =>
      pool.runStudy(jobs, (job, event, slot) => {
        const { arm, seeds } = jobs[job];
        const whole = steps.get(arm.name) as number;
        if (event.kind === "progress") {
          const step = Math.round(whole * event.done);
          progress.event(arm.name, job, seeds.length, slot, { kind: "progress", step, loss: event.loss });
        } else {
          progress.advance(arm.name, job, seeds.length, slot, whole);
          progress.leave(arm.name, slot);
        }
        io.board.update(progress.read());
        tell(job, event);
      }),
    onMeasured: () => io.board.log(`${plan.id} ${plan.name}: comparing over seeds`),
  });
}

/** Writes a study's files; `place` is the folder inside the run, with a slash at its end, or empty. */
function writeStudy({ result, figures }: CarriedOut, { folder, options, engine }: Run, place: string): void {
  const document = drawingDocument();
  folder.write(`${place}result.json`, `${readableJson({ ...result, run: "." })}\n`);
  for (const figure of figures)
    folder.write(`${place}figures/${figure.name}.svg`, renderFigure(figure, document));
  const facts = factsOf(options, engine);
  folder.write(`${place}report.html`, studyReport({ result, figures, facts, document }));
}

function factsOf({ backend }: Run["options"], engine: string | null): [label: string, value: string][] {
  return [
    ["Palimpsest", packageJson.version],
    ["backend", backend],
    ["kernels", engine === null ? "none" : engine.slice(0, 16)],
  ];
}

/** What decided the numbers. */
function configOf({ seeds, quick, backend }: StudyRunOptions): Record<string, JsonValue> {
  return { seeds: seeds === null ? null : [...seeds], quick, backend };
}

/** The command that gives the same numbers again. */
function commandOf(name: string, { seeds, quick, backend }: StudyRunOptions): string {
  const isRange = seeds?.every((seed, i) => seed === i);
  return [
    `npx palimpsest study ${name}`,
    ...(quick ? ["--quick"] : []),
    ...(seeds === null ? [] : [`--seeds ${isRange ? seeds.length : seeds.join(",")}`]),
    ...(backend === "wasm" ? [] : [`--backend ${backend}`]),
  ].join(" ");
}
