/** A web worker that looks into the networks of one step: whatever the page shows of them besides their tuning. */
import { expose } from "comlink";
import { wasmBackend } from "../../../src/backends/wasm/index.ts";
import { type Network, openNetwork } from "../../../src/interp/index.ts";
import type { ModelConfig } from "../../../src/model/config.ts";
import type { Weights } from "../../../src/model/weights.ts";
import { attention } from "./looks/attention.ts";
import { attribution } from "./looks/attribution.ts";
import { composition } from "./looks/composition.ts";
import { drawHeads } from "./looks/drawHeads.ts";
import { embeddings } from "./looks/embeddings.ts";
import { headKinds } from "./looks/headKinds.ts";
import { lens } from "./looks/lens.ts";
import { pairMap } from "./looks/pairMap.ts";
import { patchRow } from "./looks/patchRow.ts";
import { projection } from "./looks/projection.ts";
import { streamLengths } from "./looks/streamLengths.ts";
import { neurons, touch } from "./looks/touch.ts";
import { touchVariants } from "./looks/touchVariants.ts";
import { unitPairs } from "./looks/unitPairs.ts";

/** Every kind of look: a function of the networks and of a request, plain data in and out. */
const looks = {
  attention,
  attribution,
  composition,
  drawHeads,
  embeddings,
  headKinds,
  lens,
  neurons,
  pairMap,
  patchRow,
  projection,
  streamLengths,
  touch,
  touchVariants,
  unitPairs,
};

export type LookKind = keyof typeof looks;
export type LookRequest<K extends LookKind> = Parameters<(typeof looks)[K]>[1];
export type LookResult<K extends LookKind> = Awaited<ReturnType<(typeof looks)[K]>>;

let network: Network | undefined;

const deeds = {
  /** Takes the networks that are looked into from now on, [model, ...shape]. */
  hold(config: ModelConfig, weights: Weights): void {
    network?.close();
    network = undefined; // should the next ones not fit into the memory
    network = openNetwork(wasmBackend(), config, weights);
  },

  async look<K extends LookKind>(kind: K, request: LookRequest<K>): Promise<LookResult<K>> {
    if (network === undefined) throw new Error("look worker: holds no networks");
    const look = looks[kind] as (network: Network, request: LookRequest<K>) => Promise<LookResult<K>>;
    return look(network, request);
  },
};

/** The worker as the page sees it. */
export type LookWorker = typeof deeds;

expose(deeds);
