/**
 * One series, checkpoint after checkpoint: loss, tuning on text, heads, and how far the weights have gone.
 *
 * Two sets of weights are held at most: those of the first checkpoint, which everything is compared with, and those in
 * the session. Curves of units are kept for the first checkpoint and for the random networks alone.
 */
import { type RandomStream, randomStream } from "../../base/random.ts";
import { crossCorrelation, identityShuffle } from "../../features/curveNulls.ts";
import { shuffledTensor } from "../../features/freshWeights.ts";
import {
  type TextCurveKind,
  type TextCurves,
  textCurves,
  textPersistence,
  textReliability,
  textSelectivity,
} from "../../features/textCurves.ts";
import { unitMeans } from "../../features/unitMeans.ts";
import type { Backend } from "../../graph/backend.ts";
import type { ModelConfig } from "../../model/config.ts";
import { type InitSchemeName, initialWeights } from "../../model/init.ts";
import { tInterval } from "../../stats/intervals.ts";
import { type Motion, motionOf } from "./motion.ts";
import type { TrackPlan } from "./plan.ts";
import type { LayerNumbers, TrackedCheckpoint, TrackedSeries, Tuned, UnitNumbers } from "./result.ts";
import { tunedTo } from "./result.ts";
import { type HeadTable, type Looked, openTrackSession, type TrackSession } from "./session.ts";

/** A checkpoint that is to be measured. */
export interface CheckpointSource {
  readonly step: number;
  readonly label: string;
  /** Gives every weight away in our layout, one after the other, without a model axis. */
  stream(take: (name: string, values: Float32Array) => void | Promise<void>): Promise<void>;
}

/** What is known of a series. */
export interface SeriesSource {
  readonly name: string;
  readonly config: ModelConfig;
  /** By step. */
  readonly checkpoints: readonly CheckpointSource[];
  /** Whether the first one is an initialisation: random networks then have its numbers in another order. */
  readonly startsUntrained: boolean;
  /** Scheme of the random networks otherwise. */
  readonly scheme: InitSchemeName;
}

/** How far a measurement is. */
export interface TrackProgress {
  /** What is measured: a checkpoint's label, or a random network. */
  readonly label: string;
  /** Networks measured before, and all. */
  readonly done: number;
  readonly total: number;
  /** Sequences of the probe that were read, and all. */
  readonly sequences: number;
  readonly ofSequences: number;
}

/** Which curve of which table is meant by a name. */
const curveOfName: Readonly<Record<Tuned, readonly [table: 0 | 1, kind: TextCurveKind]>> = {
  all: [0, "all"],
  class: [0, "rows"],
  position: [0, "columns"],
  interaction: [0, "interaction"],
  context: [1, "columns"],
};

/** Curves of one network: by site, one for each table. */
type Curves = ReadonlyMap<string, readonly TextCurves[]>;

function curvesOf({ tuning }: Looked, { leastCount }: TrackPlan): Curves {
  return new Map(
    [...tuning.cells].map(([site, cells]) => [site, cells.map((one) => textCurves(one, { leastCount }))]),
  );
}

const byTuned = <T>(of: (name: Tuned) => T) =>
  Object.fromEntries(tunedTo.map((name) => [name, of(name)])) as Record<Tuned, T>;

const meanOver = (values: ArrayLike<number>) => unitMeans(values, 1).mean[0];

/** What is done while a series is measured. */
export interface MeasureOptions {
  /** Told after each block of the probe. */
  readonly onProgress?: (progress: TrackProgress) => void;
  /**
   * Gives back what the work of a key gave before, or does it. Asked for every checkpoint after the first, to which all
   * others are compared.
   */
  readonly remember?: (key: string, work: () => Promise<TrackedCheckpoint>) => Promise<TrackedCheckpoint>;
}

/** Measures every checkpoint. */
export async function measureSeries(
  backend: Backend,
  series: SeriesSource,
  plan: TrackPlan,
  { onProgress = () => {}, remember = (_, work) => work() }: MeasureOptions = {},
): Promise<TrackedSeries> {
  const { config, checkpoints } = series;
  const session = openTrackSession(backend, config, plan);
  const total = checkpoints.length + plan.draws;
  let done = 0;
  const look = async (label: string) => {
    const looked = await session.look((sequences, ofSequences) =>
      onProgress({ label, done, total, sequences, ofSequences }),
    );
    done++;
    return looked;
  };
  const described = (
    { step, label }: CheckpointSource,
    looked: Looked,
    motions: readonly Motion[],
    compared: Parameters<typeof layersOf>[1],
  ): TrackedCheckpoint => ({
    ...{ step, label, ...lossOf(looked) },
    layers: layersOf(looked, compared),
    heads: looked.heads,
    motions,
  });
  try {
    const drawn = series.startsUntrained ? [] : await drawnNetworks(session, series, plan, look);
    const first: Record<string, Float32Array> = {};
    await checkpoints[0].stream((name, values) => {
      first[name] = values;
      session.write(name, values);
    });
    const begun = await look(checkpoints[0].label);
    const start = curvesOf(begun, plan);
    const random = series.startsUntrained ? await shuffledNetworks(session, first, plan, look) : drawn;
    const compared = { start, random, plan };
    const still = Object.entries(first).map(([name, values]) => motionOf(name, values, values));
    const measured = [described(checkpoints[0], begun, still, compared)];
    for (const [at, checkpoint] of checkpoints.entries()) {
      if (at === 0) continue;
      const own = await remember(`step ${checkpoint.step}`, async () => {
        const motions: Motion[] = [];
        await checkpoint.stream((name, values) => {
          session.write(name, values);
          motions.push(motionOf(name, first[name], values));
        });
        return described(checkpoint, await look(checkpoint.label), motions, compared);
      });
      done = plan.draws + at + 1;
      measured.push(own);
    }
    return {
      ...{ name: series.name, config, startsUntrained: series.startsUntrained },
      checkpoints: measured,
      random: random.map(({ curves, heads, loss }) => ({
        loss,
        heads,
        selectivity: [...curves.values()].map((tables) =>
          byTuned((name) => meanOver(selectivityOf(tables, name))),
        ),
      })),
    };
  } finally {
    session.close();
  }
}

interface RandomNetwork {
  readonly curves: Curves;
  readonly heads: HeadTable | null;
  readonly loss: number;
}

type Look = (label: string) => Promise<Looked>;

/** Looks at as many random networks as the plan asks for. @param write  sets all weights of a draw */
async function randomNetworks(
  plan: TrackPlan,
  look: Look,
  write: (stream: RandomStream) => void,
): Promise<RandomNetwork[]> {
  const networks: RandomNetwork[] = [];
  for (let draw = 0; draw < plan.draws; draw++) {
    write(randomStream("track", "random network", draw));
    const looked = await look(`random network ${draw + 1}`);
    networks.push({
      ...{ curves: curvesOf(looked, plan), heads: looked.heads },
      loss: lossOf(looked).loss.estimate,
    });
  }
  return networks;
}

/** Networks with the first checkpoint's numbers in another order. */
function shuffledNetworks(
  session: TrackSession,
  first: Readonly<Record<string, Float32Array>>,
  plan: TrackPlan,
  look: Look,
): Promise<RandomNetwork[]> {
  return randomNetworks(plan, look, (stream) => {
    for (const [name, values] of Object.entries(first))
      session.write(name, shuffledTensor(values, stream.child(name)));
  });
}

/** Networks drawn with a scheme; before any checkpoint is read, since a draw is a whole set of weights. */
function drawnNetworks(
  session: TrackSession,
  { config, scheme }: SeriesSource,
  plan: TrackPlan,
  look: Look,
): Promise<RandomNetwork[]> {
  return randomNetworks(plan, look, (stream) => {
    for (const [name, values] of Object.entries(initialWeights(config, { scheme }, stream)))
      session.write(name, values);
  });
}

/** Mean loss with the t interval over the sequences of the probe. */
function lossOf({ tuning: { losses } }: Looked): Pick<TrackedCheckpoint, "loss" | "lossBySequence"> {
  if (losses === null)
    return { loss: { estimate: Number.NaN, low: Number.NaN, high: Number.NaN }, lossBySequence: null };
  return { loss: tInterval(losses), lossBySequence: losses };
}

function selectivityOf(tables: readonly TextCurves[], name: Tuned): Float64Array {
  const [table, kind] = curveOfName[name];
  return textSelectivity(tables[table]).unbiased[kind];
}

/** The row with the largest effect, −1 for a unit without a curve over rows, [unit]. */
function preferredRows({ curves, rows, units }: TextCurves): Int32Array {
  const { values, length, flat } = curves.rows;
  return Int32Array.from({ length: units }, (_, unit) => {
    if (flat[unit] === 1) return -1;
    const own = values.subarray(unit * length, (unit + 1) * length);
    return rows[own.indexOf(own.reduce((most, value) => Math.max(most, value)))];
  });
}

function layersOf(
  looked: Looked,
  { start, random, plan }: { start: Curves; random: readonly RandomNetwork[]; plan: TrackPlan },
): LayerNumbers[] {
  const now = curvesOf(looked, plan);
  return [...now].map(([site, tables], layer): LayerNumbers => {
    const before = start.get(site) as readonly TextCurves[];
    const kept = [0, 1].map((table) => textPersistence(before[table], tables[table]));
    const shares = [0, 1].map((table) => textSelectivity(tables[table]));
    const trust = [0, 1].map((table) => textReliability(tables[table]));
    const units: UnitNumbers = {
      selectivity: byTuned((name) => shares[curveOfName[name][0]].unbiased[curveOfName[name][1]]),
      r: byTuned((name) => kept[curveOfName[name][0]].r[curveOfName[name][1]]),
      prefers: preferredRows(tables[0]),
    };
    const shuffles = byTuned((name) => {
      const [table, kind] = curveOfName[name];
      return identityShuffle(before[table].curves[kind], tables[table].curves[kind], {
        ...{ model: 0, units: tables[table].units, pairings: plan.pairings },
        stream: randomStream("track", "identity shuffle", layer, name),
      });
    });
    return {
      ...{ layer, site, units },
      flat: units.r.all.filter(Number.isNaN).length,
      selectivity: byTuned((name) => meanOver(units.selectivity[name])),
      plain: {
        class: meanOver(shares[0].plain.rows.omega2),
        position: meanOver(shares[0].plain.columns.omega2),
        context: meanOver(shares[1].plain.columns.omega2),
      },
      reliability: byTuned((name) => meanOver(trust[curveOfName[name][0]][curveOfName[name][1]])),
      r: byTuned((name) => meanOver(units.r[name])),
      corrected: byTuned((name) => meanOver(kept[curveOfName[name][0]].corrected[curveOfName[name][1]])),
      shuffled: byTuned((name) => {
        const { shuffled: mean, low, high, p } = shuffles[name];
        return { mean, low, high, p };
      }),
      randomR: byTuned((name) =>
        random.map(({ curves }) => {
          const [table, kind] = curveOfName[name];
          const other = (curves.get(site) as readonly TextCurves[])[table];
          return crossCorrelation(other.curves[kind], tables[table].curves[kind]);
        }),
      ),
    };
  });
}
