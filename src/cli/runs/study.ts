/** `palimpsest study NAME` and `study all`: from checked options to a run folder with its reports. */
import { type BackendName, chosenBackend } from "../../backends/registry.ts";
import { renderFigure } from "../../figures/index.ts";
import { type JsonValue, readableJson } from "../../record/canonicalJson.ts";
import { commandText } from "../../record/commandWords.ts";
import { overviewReport } from "../../studies/findings/overview.ts";
import { type CarriedOut, carryOut } from "../../studies/protocol/carryOut.ts";
import { studyReport } from "../../studies/protocol/report.ts";
import type { StudyResult } from "../../studies/protocol/result.ts";
import type { Study, StudySize } from "../../studies/protocol/study.ts";
import { registeredStudies, type StudyMaterial, studyNamed } from "../../studies/registry.ts";
import { type StudyOptions, type StudyRunOptions, studyWords } from "../commands/study.ts";
import type { Outcome, RunIo } from "../io.ts";
import { drawingDocument } from "../svgFile.ts";
import { type Card, cardFacts, cardOf, modelsOnCard } from "./card.ts";
import { shippedRuns } from "./fidelity.ts";
import { type Beside, inRun, type OpenRun, type Printed, type RunPlan } from "./inRun.ts";
import { engineOf, installed } from "./installed.ts";
import { progressState } from "./progressState.ts";
import { shippedText } from "./shippedText.ts";
import { studiesSummary, studySummary } from "./studySummary.ts";

/** What a run is made of, besides its studies. */
interface Run extends OpenRun {
  readonly options: StudyRunOptions & { readonly backend: BackendName };
  readonly io: RunIo;
  /** SHA-256 of the kernels, which only the wasm backend has. */
  readonly engine: string | null;
  readonly card: Card | null;
}

/** Steps that a seed of cost 1 counts for in the display. */
const SHOWN_STEPS = 1000;

/** Runs one study into a run folder. */
export function runStudy(options: StudyOptions, io: RunIo, beside?: Beside): Promise<Outcome> {
  const study = studyNamed(options.study, materialOf(options.study));
  return inStudyRun(study.plan.name, options, io, async (run) => {
    const carried = await carryOutStudy(study, run, "");
    run.io.board.log(`Writing ${run.folder.name}`);
    writeStudy(carried, run, "");
    const printed: Printed = (place) => ({
      result: { ...carried.result, run: place },
      summary: studySummary(carried.result, `${place}/report.html`),
    });
    return beside?.(run, printed) ?? printed;
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
  return inStudyRun("all", options, io, async (run) => {
    const results: StudyResult[] = [];
    for (const [at, study] of studies.entries()) {
      const carried = await carryOutStudy(study, run, `, study ${at + 1} of ${studies.length}`);
      writeStudy(carried, run, `${study.plan.name}/`);
      const { id, decisions } = carried.result;
      run.folder.log({ event: "study", id, verdicts: decisions.map(({ verdict }) => verdict) });
      results.push(carried.result);
    }
    const { folder } = run;
    const command = commandText(studyWords("all", run.options));
    const { quick } = run.options;
    // tables stand in the studies' own results
    const studiesOf = results.map(({ tables: _, ...result }) => result);
    folder.write("report.html", overviewReport({ results, quick, command, facts: factsOf(run) }));
    return (place) => ({
      result: { study: "all", quick, studies: studiesOf, command, run: place },
      summary: studiesSummary(results, `${place}/report.html`),
    });
  });
}

/** Opens folder and workers for `work`. */
async function inStudyRun(
  name: string,
  asked: StudyRunOptions,
  io: RunIo,
  work: (run: Run) => Promise<Printed>,
): Promise<Outcome> {
  const options = { ...asked, backend: chosenBackend(asked.backend) };
  const { out, workers, quick } = options;
  const engine = engineOf(options.backend);
  const card = await cardOf(options.backend);
  const plan: RunPlan = {
    ...{ study: name, out, workers, engine, card },
    config: configOf(options),
    command: studyWords(name, options),
    started: { study: name, quick },
  };
  return inRun(plan, io, (run) => work({ ...run, options, io, engine, card }));
}

function sizeOf({ plan }: Study, { seeds, quick }: StudyRunOptions): StudySize {
  const planned = quick ? plan.seeds.quick : plan.seeds.full;
  return { seeds: seeds ?? Array.from({ length: planned }, (_, seed) => seed), quick };
}

async function carryOutStudy(
  study: Study,
  { options, pool, io, card }: Run,
  place: string,
): Promise<CarriedOut> {
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
    seedsPerJob: card === null ? undefined : modelsOnCard,
    command: commandText(studyWords(plan.name, options)),
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
function writeStudy({ result, figures }: CarriedOut, run: Run, place: string): void {
  const { folder } = run;
  const document = drawingDocument();
  folder.write(`${place}result.json`, `${readableJson({ ...result, run: "." })}\n`);
  for (const figure of figures)
    folder.write(`${place}figures/${figure.name}.svg`, renderFigure(figure, document));
  const facts = factsOf(run);
  folder.write(`${place}report.html`, studyReport({ result, figures, facts, document }));
}

function factsOf({ options, engine, card }: Run): [label: string, value: string][] {
  return [
    ["Palimpsest", installed.versions.palimpsest],
    ["backend", options.backend],
    ...cardFacts(card),
    ["kernels", engine === null ? "none" : engine.slice(0, 16)],
  ];
}

/** What decided the numbers. */
function configOf({ seeds, quick, backend }: StudyRunOptions): Record<string, JsonValue> {
  return { seeds: seeds === null ? null : [...seeds], quick, backend };
}
