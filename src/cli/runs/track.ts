/** `palimpsest track`: from checked options to a run folder with its report. The gate comes before any measurement. */
import { backendNamed, chosenBackend } from "../../backends/registry.ts";
import { ArgumentError, FileError } from "../../base/errors.ts";
import { renderFigure } from "../../figures/index.ts";
import type { Backend } from "../../graph/backend.ts";
import type { ModelConfig } from "../../model/config.ts";
import {
  gateRules,
  judgeSeries,
  type SeriesCheckpoint,
  type SeriesIntegrity,
} from "../../pretrained/series/index.ts";
import { canonicalJson, type JsonValue } from "../../record/canonicalJson.ts";
import { commandText } from "../../record/commandWords.ts";
import { littleEndianBytes } from "../../record/littleEndian.ts";
import { type Measurement, measurementsToParquet } from "../../record/measurements.ts";
import { sha256OfBytes } from "../../record/sha256.ts";
import {
  type CheckpointSource,
  type JudgedSeries,
  type MeasureOptions,
  measureSeries,
  type TrackPlan,
  type TrackResult,
  trackFigures,
  trackPlan,
  trackReport,
} from "../../studies/track/index.ts";
import { type TrackOptions, trackWords } from "../commands/track.ts";
import type { Outcome, RunIo } from "../io.ts";
import { printable } from "../printable.ts";
import type { Picture } from "../progress.ts";
import { bar } from "../renderBoard.ts";
import type { RunFolder } from "../runFolder.ts";
import { drawingDocument } from "../svgFile.ts";
import { cardFacts, cardOf } from "./card.ts";
import { inRun, type RunPlan } from "./inRun.ts";
import { engineOf, installed } from "./installed.ts";
import { trackProbe } from "./trackProbe.ts";
import { type FoundSeries, findSeries } from "./trackSeries.ts";
import { trackJson, trackSummary } from "./trackSummary.ts";

/** A series whose checkpoints were read and judged. */
interface Judged {
  readonly found: FoundSeries;
  readonly integrity: SeriesIntegrity;
  /** Steps that are measured. */
  readonly steps: readonly number[];
  readonly config: ModelConfig;
}

/** Runs the gate and the measurements into a run folder. */
export async function runTrack(options: TrackOptions, io: RunIo): Promise<Outcome> {
  const series: FoundSeries[] = [];
  for (const model of options.models) series.push(...(await findSeries(model, options, io.cwd)));
  const card = await cardOf(options.backend); // auto never takes one
  const runPlan: RunPlan = {
    ...{ study: "track", out: options.out, workers: options.workers, engine: null, card },
    config: configOf(options),
    command: trackWords(options),
    started: { networks: series.length },
  };
  return inRun(runPlan, io, async ({ folder, pool, decide }) => {
    const judged: Judged[] = [];
    for (const one of series) judged.push(await judgeOne(one, options, io));
    sameConfigs(judged);
    const { config } = judged[0];
    const name = chosenBackend(options.backend, { dModel: config.dModel });
    const named = await trackProbe(judged[0].found, config, options, io.cwd);
    const plan = trackPlan(config, named.probe, named.texts, named.name, {
      ...{ leastCount: options.leastCount, draws: options.draws },
      ...{ classes: named.classes, begins: named.begins },
    });
    const engine = engineOf(name);
    decide({ config: { backend: name, inputs: inputsOf(judged, plan) }, engine });
    const backend = await backendNamed(name, { threads: options.workers });
    const measured: JudgedSeries[] = [];
    for (const [at, one] of judged.entries()) {
      const key = (part: string) => `network ${at}, ${part}`;
      const measure = () =>
        measureOne(backend, one, plan, options, io, (part, work) => pool.remember(key(part), work));
      measured.push(await pool.remember(key("whole"), measure));
    }
    const result = resultOf(measured, plan, options);
    io.board.log(`Writing ${folder.name}`);
    writeRun(folder, result, [
      ["Palimpsest", installed.versions.palimpsest],
      ["backend", name],
      ...cardFacts(card),
      ["kernels", engine === null ? "none" : engine.slice(0, 16)],
    ]);
    return (place) => ({
      result: { ...trackJson(result), run: place },
      summary: trackSummary(result, `${place}/report.html`),
    });
  });
}

/** The hashes of all that is measured, and of what it is measured with. */
function inputsOf(judged: readonly Judged[], { probe, tables }: TrackPlan): Record<string, JsonValue> {
  const hash = (value: JsonValue) => sha256OfBytes(new TextEncoder().encode(canonicalJson(value)));
  const factors = tables.flatMap(({ rows, columns }) => [rows, columns]);
  return {
    model: { ...judged[0].config },
    series: judged.map(({ integrity }) =>
      integrity.checkpoints.map(({ step, sha256, files }) => ({ step, sha256, files: hash({ ...files }) })),
    ),
    probe: hash([
      sha256OfBytes(littleEndianBytes(probe.tokens)),
      ...factors.map(({ levels, of }) => [
        [...levels],
        sha256OfBytes(littleEndianBytes(Int32Array.from(of))),
      ]),
    ]),
  };
}

/** Reads and judges one series, and decides which checkpoints are measured. */
async function judgeOne(found: FoundSeries, { force }: TrackOptions, io: RunIo): Promise<Judged> {
  const { name, checkpoints } = found;
  const started = io.clock();
  let config: ModelConfig | undefined;
  const watched = checkpoints.map(
    (checkpoint): SeriesCheckpoint => ({
      ...checkpoint,
      open: async () => {
        io.signal.throwIfAborted();
        return checkpoint.open();
      },
    }),
  );
  const show = (done: number, total: number) =>
    io.board.draw(
      picture(`reading ${name}`, { done, total, what: `${done} of ${total} checkpoints` }, started),
    );
  show(0, checkpoints.length);
  const integrity = await judgeSeries(watched, { onRead: show });
  for (const { step, faults } of integrity.checkpoints)
    for (const { rule, facts } of faults) io.board.log(`${name}, step ${step}: ${rule}: ${facts}`);
  const measurable = integrity.checkpoints.filter(
    ({ faults, sha256 }) =>
      faults.length === 0 ||
      (force && sha256 !== null && !faults.some(({ rule }) => rule === "config" || rule === "finite")),
  );
  if (measurable.length < 2)
    throw new FileError({
      where: name,
      rule: "needs at least two checkpoints that can be measured",
      got: `${measurable.length} of ${checkpoints.length}; ${faultsText(integrity)}`,
      wayOut: force ? undefined : "--force measures faulty ones too, and says so everywhere.",
    });
  const first = await checkpoints.find(({ step }) => step === measurable[0].step)?.open();
  try {
    config = first?.config as ModelConfig;
  } finally {
    await first?.close();
  }
  return { found, integrity, steps: measurable.map(({ step }) => step), config };
}

function faultsText({ checkpoints }: SeriesIntegrity): string {
  const faulty = checkpoints.filter(({ faults }) => faults.length > 0);
  const shown = faulty
    .slice(0, 3)
    .map(({ step, faults }) => `step ${step}, ${faults[0].rule}: ${faults[0].facts.replace(/\.$/, "")}`);
  if (shown.length === 0) return "no faults";
  return `${shown.join("; ")}${faulty.length > 3 ? `; and ${faulty.length - 3} more` : ""}`;
}

/** Networks that are one kind: what is averaged over them must mean the same in each. */
function sameConfigs(judged: readonly Judged[]): void {
  const keyOf = ({ config }: Judged) =>
    JSON.stringify(Object.entries(config).sort(([a], [b]) => (a < b ? -1 : 1)));
  const other = judged.find((one) => keyOf(one) !== keyOf(judged[0]));
  if (other !== undefined)
    throw new ArgumentError({
      where: "track",
      rule: "several networks are seeds of one kind and must have one config",
      got: `another in ${other.found.name} than in ${judged[0].found.name}`,
      wayOut: "Track them one by one.",
    });
  const [first, ...others] = judged.map(({ steps }) => steps);
  const common = first.filter((step) => others.every((steps) => steps.includes(step)));
  if (common.length < 2)
    throw new ArgumentError({
      where: "track",
      rule: "several networks need at least two steps in common",
      got: `${common.length}`,
    });
}

/** Measures one series. */
async function measureOne(
  backend: Backend,
  { found, integrity, steps, config }: Judged,
  plan: TrackPlan,
  { init, force }: TrackOptions,
  io: RunIo,
  remember: MeasureOptions["remember"],
): Promise<JudgedSeries> {
  const started = io.clock();
  const checkpoints = found.checkpoints.filter(({ step }) => steps.includes(step));
  const faulty = (step: number) =>
    (integrity.checkpoints.find((one) => one.step === step)?.faults.length ?? 0) > 0;
  const first = checkpoints[0].step;
  const startsUntrained = first === 0 && (faulty(0) ? false : integrity.initialised !== false);
  const tracked = await measureSeries(
    backend,
    {
      ...{ name: found.name, config, startsUntrained, scheme: init },
      checkpoints: checkpoints.map(streamed),
    },
    plan,
    {
      remember,
      onProgress: ({ label, done, total, sequences, ofSequences }) => {
        io.signal.throwIfAborted();
        const share = done + sequences / ofSequences;
        const what = `${label}, ${sequences} of ${ofSequences} sequences`;
        io.board.draw(picture(`measuring ${found.name}`, { done: share, total, what }, started));
      },
    },
  );
  return {
    ...tracked,
    gate: integrity.checkpoints,
    forced: force ? steps.filter(faulty) : [],
    initialised: integrity.initialised,
  };
}

/** A checkpoint as the measurement takes it. */
function streamed({ step, label, open }: SeriesCheckpoint): CheckpointSource {
  return {
    ...{ step, label },
    stream: async (take) => {
      const checkpoint = await open();
      try {
        await checkpoint.stream(take);
      } finally {
        await checkpoint.close();
      }
    },
  };
}

/** How far a part of the run is. */
function picture(
  title: string,
  { done, total, what }: { done: number; total: number; what: string },
  started: number,
): Picture {
  const share = total > 0 ? done / total : 1;
  return {
    lines: (_, width) =>
      [title, `${bar(share)} ${String(Math.floor(share * 100)).padStart(3)} %  ${what}`].map((line) =>
        printable(line).replaceAll("\n", " ").slice(0, width),
      ),
    record: (now) => ({
      ...{ event: "progress", title: printable(title), seconds: (now - started) / 1000 },
      ...{ done: share, what: printable(what) },
    }),
  };
}

function resultOf(series: readonly JudgedSeries[], plan: TrackPlan, options: TrackOptions): TrackResult {
  const untrained = series.every(({ startsUntrained }) => startsUntrained);
  const several = options.draws === 1 ? "1 random network" : `${options.draws} random networks`;
  const [first, second] = plan.tables;
  return {
    series,
    rules: Object.values(gateRules),
    probe: {
      ...{ name: plan.probeName, sequences: plan.probe.count, positions: plan.probe.nPos },
      ...{ classesAre: first.rows.name, classes: first.rows.levels, contexts: second.columns.levels },
      leastCount: plan.leastCount,
    },
    randomNetworks: untrained
      ? `${several}, the numbers of step 0 in another order within each weight`
      : `${several} drawn with the scheme ${options.init}`,
    command: commandText(trackWords(options)),
  };
}

function writeRun(folder: RunFolder, result: TrackResult, facts: [string, string][]): void {
  const document = drawingDocument();
  result.series.forEach((one, model) => {
    for (const checkpoint of one.checkpoints) {
      const name = `network-${model}-step-${String(checkpoint.step).padStart(6, "0")}`;
      folder.write(`measurements/${name}.parquet`, measurementsToParquet(rowsOf(one, model, checkpoint)));
    }
  });
  for (const figure of trackFigures(result))
    folder.write(`figures/${figure.name}.svg`, renderFigure(figure, document));
  folder.write("report.html", trackReport({ result, facts, document }));
}

/** Every number of a checkpoint's units and heads as tidy rows. */
function rowsOf(
  { name }: JudgedSeries,
  model: number,
  { step, lossBySequence, layers, heads }: JudgedSeries["checkpoints"][number],
): Measurement[] {
  const rows: Measurement[] = [];
  const add = (site: string, unit: number | null, statistic: string, value: number) =>
    rows.push({ arm: name, model, seed: model, step, site, unit, statistic, value });
  lossBySequence?.forEach((value, sequence) => {
    add("model", sequence, "loss.sequence", value);
  });
  for (const { site, units } of layers)
    for (const kind of ["selectivity", "r"] as const)
      for (const [tuned, values] of Object.entries(units[kind]))
        values.forEach((value, unit) => {
          add(site, unit, `${kind}.${tuned}`, value);
        });
  for (const { site, units } of layers)
    units.prefers.forEach((value, unit) => {
      add(site, unit, "prefers.class", value);
    });
  for (const [score, table] of Object.entries(heads ?? {}))
    table.forEach((row, layer) => {
      row.forEach((value, head) => {
        add(`blocks.${layer}.attn.hook_pattern`, head, `head.${score}`, value);
      });
    });
  return rows;
}

/** What decided the numbers. */
function configOf(options: TrackOptions): Record<string, JsonValue> {
  const { workers: _, out: __, models, steps, seeds, ...rest } = options;
  return {
    ...rest,
    models: [...models],
    steps: steps === null ? null : [...steps],
    seeds: seeds === "all" ? "all" : [...seeds],
  };
}
