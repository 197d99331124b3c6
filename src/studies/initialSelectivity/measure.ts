/** Untrained networks of one configuration, and as many of the null: how selective their units are. */
import { randomStream } from "../../base/random.ts";
import { latinBlocks } from "../../data/probes.ts";
import { randomProjectionNull, varianceComponents } from "../../features/index.ts";
import { initialPopulation } from "../../model/init.ts";
import { streams } from "../population/arm.ts";
import { tuningOf } from "../population/lookInside.ts";
import { type ScreenedLayer, screenUnits } from "../population/screenUnits.ts";
import type { MeasureContext } from "../protocol/study.ts";
import type { SelectivityArm } from "./arms.ts";
import { plan } from "./plan.ts";

/** eta² of units, dead ones left out. */
export interface Shares {
  readonly token: Float32Array;
  readonly position: Float32Array;
}

/** What one seed tells. */
export interface SelectivityTold {
  /** Of the network's MLP units, [layer]. */
  readonly layers: readonly Shares[];
  /** Of the units of its null networks, [network]. */
  readonly nulls: readonly Shares[];
  /** Units of the network without variance. */
  readonly dead: number;
  /** Permutation tests, [layer]; of the seeds that are screened. */
  readonly screened?: readonly ScreenedLayer[];
}

/** Measures untrained networks. */
export async function measureSelectivity(
  arm: SelectivityArm,
  seeds: readonly number[],
  { backend, progress }: MeasureContext,
): Promise<SelectivityTold[]> {
  const { config, init, blocks } = arm;
  const weights = initialPopulation(
    config,
    init,
    seeds.map((seed) => randomStream(...streams.init(plan.name, seed))),
  );
  const probe = latinBlocks({
    ...{ dVocab: config.dVocab, nPos: config.nCtx - 1, blocks },
    stream: randomStream(...streams.probe(plan.name)),
  });
  const curves = [
    ...(await tuningOf(backend, config, weights, { sites: ["blocks.*.mlp.hook_post"], probe })).values(),
  ];
  const components = curves.map(varianceComponents);
  progress(0.4, Number.NaN);
  const screened = await screenUnits(backend, config, weights, {
    ...{ study: plan.name, probe, permutations: arm.permutations },
    seeds: new Map([...seeds.entries()].filter(([, seed]) => arm.screened.includes(seed))),
  });
  progress(0.7, Number.NaN);
  return seeds.map((seed, model) => {
    const of = (values: Float64Array, units: number) =>
      Float32Array.from(values.subarray(model * units, (model + 1) * units).filter(Number.isFinite));
    const layers = components.map(({ eta2, units }) => ({
      token: of(eta2.token, units),
      position: of(eta2.position, units),
    }));
    const dead = components.reduce((sum, { units }, layer) => sum + units - layers[layer].token.length, 0);
    return { layers, nulls: nullShares(arm, seed), dead, screened: screened.get(seed) };
  });
}

/** Null networks of the configuration, each with as many units as one of its layers. */
function nullShares({ config, init, nullNetworks }: SelectivityArm, seed: number): Shares[] {
  const { dModel, dVocab, nCtx, dMlp, actFn, positions } = config;
  return Array.from({ length: nullNetworks }, (_, network) => {
    const { token, position } = randomProjectionNull({
      ...{ dModel, dVocab, nPos: nCtx - 1, actFn, embeddingSd: init.embeddingScale },
      positions: positions === "sinusoidal" ? positions : "learned",
      ...{ draws: 1, units: dMlp, stream: randomStream(plan.name, seed, "null", network) },
    });
    return { token: Float32Array.from(token), position: Float32Array.from(position) };
  });
}
