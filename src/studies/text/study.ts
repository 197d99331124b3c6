/** A population of language models from a text to gathered measurements; whoever calls it says how jobs are run. */
import type { Corpus } from "../../data/text/corpus.ts";
import type { Weights } from "../../model/weights.ts";
import type { TextEvent, TextJob } from "./job.ts";
import { type TextProbe, textProbe } from "./probe.ts";
import { curvesBy, type ProbeCurves, type TextFactor } from "./probeCurves.ts";
import type { TextSpec } from "./spec.ts";

/** A population at one checkpoint. */
export interface TextCheckpoint {
  readonly step: number;
  /** [model, pos], nats per token. */
  readonly heldOut: Float64Array;
  /** By site. */
  readonly curves: Readonly<Record<string, ProbeCurves>>;
  readonly weights: Weights;
}

/** All that a population's jobs told; models are in the order of the seeds. */
export interface TextPopulation {
  readonly spec: TextSpec;
  readonly seeds: readonly number[];
  readonly probe: TextProbe;
  readonly checkpoints: readonly TextCheckpoint[];
  /** Training loss before every update, [model][step]. */
  readonly losses: readonly Float64Array[];
  /** Updates after which a loss or a weight first was not finite; null where it always was. */
  readonly divergedAt: readonly (number | null)[];
  /** Prompt and continuation, [model][sample][token]. */
  readonly samples: readonly (readonly Int32Array[])[];
}

/** How a population is grown; changes no number. */
export interface TextExecution {
  readonly backend: TextJob["backend"];
  /** Networks in a job. */
  readonly modelsPerJob: number;
  /** Runs jobs somewhere and tells their events, those of one job in order; resolves when all are done. */
  readonly runJobs: (
    jobs: readonly TextJob[],
    tell: (job: number, event: TextEvent) => void,
  ) => Promise<void>;
}

/**
 * Grows a population on a text. The same spec, seeds and corpus give the same numbers, however many jobs and workers
 * there are.
 *
 * @param prompt  tokens that every sample begins with, at least one
 */
export async function growTextPopulation(
  spec: TextSpec,
  seeds: readonly number[],
  { corpus, prompt }: { corpus: Corpus; prompt: Int32Array },
  { backend, modelsPerJob, runJobs }: TextExecution,
): Promise<TextPopulation> {
  const probe = textProbe(corpus, spec.probe, spec.study);
  const jobs: TextJob[] = [];
  for (let start = 0; start < seeds.length; start += modelsPerJob)
    jobs.push({
      ...{ spec, backend, train: corpus.train, heldOut: corpus.heldOut, probe, prompt },
      seeds: seeds.slice(start, start + modelsPerJob),
    });
  const told = jobs.map((): TextEvent[] => []);
  await runJobs(jobs, (job, event) => {
    if (event.kind === "checkpoint" || event.kind === "end") told[job].push(event);
  });
  return { spec, seeds, probe, ...gather(spec, jobs, told) };
}

type Gathered = Pick<TextPopulation, "checkpoints" | "losses" | "divergedAt" | "samples">;

function gather(spec: TextSpec, jobs: readonly TextJob[], told: readonly (readonly TextEvent[])[]): Gathered {
  const ends = told.flatMap((events) => events.filter((event) => event.kind === "end"));
  const looks = told.map((events) => events.filter((event) => event.kind === "checkpoint"));
  return {
    checkpoints: spec.checkpoints.map((step, at) => {
      const parts = looks.map((of) => of[at]);
      const names = (record: object) => Object.keys(record);
      return {
        step,
        heldOut: joined(parts.map(({ heldOut }) => heldOut)),
        curves: Object.fromEntries(
          names(parts[0].curves).map((site) => [site, joinedCurves(parts.map(({ curves }) => curves[site]))]),
        ),
        weights: Object.fromEntries(
          names(parts[0].weights).map((name) => [name, joined(parts.map(({ weights }) => weights[name]))]),
        ),
      };
    }),
    losses: ends.flatMap(({ losses }, at) =>
      jobs[at].seeds.map((_, model) => Float64Array.from(losses, (ofStep) => ofStep[model])),
    ),
    divergedAt: ends.flatMap(({ divergedAt }) => divergedAt),
    samples: ends.flatMap(({ samples }) => samples),
  };
}

function joinedCurves(parts: readonly ProbeCurves[]): ProbeCurves {
  const factors = (Object.keys(parts[0].factors) as TextFactor[]).map((factor) => {
    const curves = parts.map((part) => curvesBy(part, factor));
    const [mean, eta2] = [joined(curves.map((one) => one.mean)), joined(curves.map((one) => one.eta2))];
    return [factor, { mean, eta2 }] as const;
  });
  return { units: parts[0].units, factors: Object.fromEntries(factors) };
}

/** Arrays of jobs one after the other along the model axis. */
function joined<A extends Float32Array | Float64Array>(parts: readonly A[]): A {
  const total = parts.reduce((sum, part) => sum + part.length, 0);
  const out = new (parts[0].constructor as new (length: number) => A)(total);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
