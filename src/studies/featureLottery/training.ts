/** Networks that add, in training on all pairs, and their portraits. */
import { type FourierSpectrum, fourierSpectrum } from "../../features/fourierFrequencies.ts";
import type { Backend, Session } from "../../graph/backend.ts";
import { countRight } from "../../train/countRight.ts";
import { optimizerStates, stepNumbers } from "../../train/optimizers.ts";
import type { LotteryArm } from "./arms.ts";
import { type AdditionNetwork, additionStep, pairSums, portraitGraph } from "./network.ts";

/** What is read from a population at one step; units of all models one after the other. */
export interface Portrait {
  /** Of the curves over a, over b and over the outputs. */
  readonly spectra: readonly FourierSpectrum[];
  /** Of the loss's slopes in those curves. */
  readonly slopes: readonly FourierSpectrum[];
  /** Mean activation over the pairs, [model, unit]; 0 for a unit that sleeps. */
  readonly active: ArrayLike<number>;
  /** Share of pairs that are right, [model]; NaN where a network diverged. */
  readonly accuracy: Float64Array;
}

/** A population in training. */
export interface Adders {
  readonly session: Session;
  /** Sets the weights of every network. */
  write(networks: readonly Readonly<Record<string, Float32Array>>[]): void;
  /** Update number `step`, from 1; the loss of every network before it, nats. */
  step(step: number): Promise<ArrayLike<number>>;
  portrait(): Promise<Portrait>;
}

/** Opens a population of `models` networks; to be closed by its session. */
export function openAdders(
  backend: Backend,
  network: AdditionNetwork,
  { optimizer, rate }: Pick<LotteryArm, "optimizer" | "rate">,
  models: number,
): Adders {
  const { modulus: period, units, shapes } = network;
  const session = backend.open({
    models,
    states: { ...Object.fromEntries(shapes), ...optimizerStates(optimizer, shapes) },
  });
  const update = session.compile(additionStep(network, optimizer));
  const look = session.compile(portraitGraph(network));
  const targets = pairSums(period);
  const spectrum = (values: ArrayLike<number>) => fourierSpectrum(values, { period, units });
  return {
    session,
    write: (networks) => {
      for (const name of shapes.keys()) {
        const size = networks[0][name].length;
        const all = new Float32Array(models * size);
        for (const [model, weights] of networks.entries()) all.set(weights[name], model * size);
        session.write(name, all);
      }
    },
    step: async (step) => (await update.run({ targets, ...stepNumbers(optimizer, step, [rate]) })).loss,
    portrait: async () => {
      const { byA, byB, output, slopeA, slopeB, slopeOutput, active, logits } = await look.run({ targets });
      const sizes = {
        models,
        batch: period * period,
        nPos: 1,
        dVocab: logits.length / (models * period * period),
      };
      const right = countRight(logits, targets, sizes);
      return {
        spectra: [byA, byB, output].map(spectrum),
        slopes: [slopeA, slopeB, slopeOutput].map(spectrum),
        active,
        accuracy: right.map((count) => count / (period * period)),
      };
    },
  };
}
