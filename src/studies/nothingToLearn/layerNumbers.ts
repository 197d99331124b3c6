/** What stands beside persistence in S7: what the layers are good for, and which tokens their units listen to. */
import { heldOut } from "../../data/batches.ts";
import { exhaustive, type Probe } from "../../data/probes.ts";
import { taskNamed } from "../../data/registry.ts";
import { scoredMean } from "../../data/scored.ts";
import type { Sequences } from "../../data/types.ts";
import {
  featureDimension,
  linearQuality,
  targetAlignment,
  unigramResiduals,
  unitQuality,
} from "../../features/featureQuality.ts";
import type { LabelledSamples } from "../../features/logisticProbe.ts";
import { siteActivations } from "../../features/siteActivations.ts";
import { sobolIndices } from "../../features/sobolIndices.ts";
import type { Backend } from "../../graph/backend.ts";
import { openNetwork } from "../../interp/network.ts";
import { hook } from "../../model/hookPoints.ts";
import type { Weights } from "../../model/weights.ts";
import { mean } from "../../stats/moments.ts";
import { streams } from "../population/arm.ts";
import type { Growth } from "../population/growth.ts";
import { layers } from "./plan.ts";

/** Numbers of one layer of one network. */
export interface LayerNumbers {
  /** Share of what can be known of the next token that a linear readout of the neurons finds. */
  readonly linear: number;
  /** Debiased alignment of the neurons with the next token. */
  readonly alignment: number;
  /** Directions that carry the variance on the task. */
  readonly participation: number;
  /** Directions that a ridge regression can use. */
  readonly effective: number;
  /** Held-out quality of every neuron, [unit]; NaN for a dead one. */
  readonly units: Float64Array;
  /** Shares of variance at the third position of all sequences, mean over neurons. */
  readonly own: number;
  readonly previous: number;
  readonly first: number;
  /** What tokens do only together. */
  readonly together: number;
}

/** What the layers are measured on, the same for all networks of the study. */
export interface LayerProbe {
  readonly fitted: Sequences;
  readonly judged: Sequences;
  /** Loss of the best predictor on the judged sequences, nats. */
  readonly bayes: number;
  readonly all: Probe;
}

/** Penalty of the linear readouts: between those that fit the first layers of untrained and of trained networks best. */
const RIDGE = 0.03;
const PROBED = 3; // V³ sequences: the third position hears a first, a previous and its own token

/** The task's unseen sequences, half to fit and half to judge, and all sequences of three tokens. */
export function layerProbe(growth: Growth, samples: number): LayerProbe {
  const { dVocab, nCtx } = growth.config;
  const task = taskNamed(growth.task, { dVocab, nCtx });
  const drawn = (part: string) => heldOut(task, [...streams.heldOut(growth.study), part], samples);
  const judged = drawn("judge");
  const bayes = task.bayesLoss(judged);
  return {
    ...{ fitted: drawn("fit"), judged },
    bayes: bayes === undefined ? Number.NaN : scoredMean(bayes, judged.scored),
    all: exhaustive({ dVocab, nPos: PROBED }),
  };
}

/** Numbers of every network and layer, [model][layer]; of a diverged network NaN. */
export async function layerNumbers(
  backend: Backend,
  { config }: Growth,
  weights: Weights,
  { fitted, judged, bayes, all }: LayerProbe,
): Promise<LayerNumbers[][]> {
  const classes = config.dVocab;
  const sites = layers.map((layer) => hook.mlpPost(layer));
  const network = openNetwork(backend, config, weights);
  try {
    const of = async (sequences: { tokens: Int32Array; count: number; nPos: number }) =>
      siteActivations(network, sequences, sites);
    const [fit, judge, everywhere] = [
      await of({ ...fitted, tokens: fitted.inputs }),
      await of({ ...judged, tokens: judged.inputs }),
      await of(all),
    ];
    return fit.map((activations, model) =>
      sites.map((site): LayerNumbers => {
        const seen = rowsOf(activations.get(site), config.dMlp);
        const unseen = rowsOf(judge[model].get(site), config.dMlp);
        if (![seen, unseen].every((rows) => rows.every((row) => row.every(Number.isFinite)))) return nothing;
        const [known, asked]: LabelledSamples[] = [
          { features: seen, labels: fitted.targets },
          { features: unseen, labels: judged.targets },
        ];
        const { participation, effective } = featureDimension(unseen);
        return {
          linear: linearQuality(known, asked, { classes, bayes, ridge: RIDGE }).quality,
          alignment: targetAlignment(asked, classes).debiased,
          ...{ participation, effective },
          units: unitQuality(
            { features: seen, residuals: unigramResiduals(fitted.targets, classes) },
            { features: unseen, residuals: unigramResiduals(judged.targets, classes, fitted.targets) },
          ),
          ...listening(everywhere[model].get(site) ?? [], all, config.dMlp),
        };
      }),
    );
  } finally {
    network.close();
  }
}

/** Activations as rows, [sequence · pos][unit]. */
function rowsOf(activations: ArrayLike<number> | undefined, units: number): Float64Array[] {
  const values = activations ?? [];
  return Array.from({ length: values.length / units }, (_, row) =>
    Float64Array.from({ length: units }, (_, unit) => values[row * units + unit]),
  );
}

function listening(activations: ArrayLike<number>, probe: Probe, units: number) {
  const { alone, interaction, nPos } = sobolIndices(activations, { probe, units });
  const last = (values: Float64Array) =>
    mean(values.subarray((nPos - 1) * units, nPos * units).filter(Number.isFinite));
  return {
    own: last(alone.own),
    previous: last(alone.previous),
    first: last(alone.first),
    together: last(interaction),
  };
}

const nothing: LayerNumbers = {
  ...{ linear: Number.NaN, alignment: Number.NaN, participation: Number.NaN, effective: Number.NaN },
  ...{ units: new Float64Array(), own: Number.NaN, previous: Number.NaN },
  ...{ first: Number.NaN, together: Number.NaN },
};
