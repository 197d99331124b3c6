/** One network in a session, whose weights are exchanged for those of one checkpoint after the other. */
import { ArgumentError } from "../../base/errors.ts";
import { type TextTuning, textTuningProgram, textTuningStates } from "../../features/textTuning.ts";
import type { Backend } from "../../graph/backend.ts";
import { input } from "../../graph/build.ts";
import { makeGraph } from "../../graph/graph.ts";
import type { Node } from "../../graph/node.ts";
import { type ByHeadScore, byHeadScore, patternScores } from "../../interp/headScores.ts";
import type { ModelConfig } from "../../model/config.ts";
import { hook, resolveSites } from "../../model/hookPoints.ts";
import { forward } from "../../model/transformer.ts";
import { weightNodes, weightShapes } from "../../model/weights.ts";
import type { TrackPlan } from "./plan.ts";

/** Corrected scores of one network's heads, [layer][head]. */
export type HeadTable = ByHeadScore<readonly (readonly number[])[]>;

/** What one network tells under its present weights. */
export interface Looked {
  readonly tuning: TextTuning;
  /** Null for a model without attention. */
  readonly heads: HeadTable | null;
}

/** A session for one network. Only one thing may be asked of it at a time. */
export interface TrackSession {
  /** Sets a weight, without a model axis. */
  write(name: string, values: Float32Array): void;
  look(onBlock?: (done: number, total: number) => void): Promise<Looked>;
  close(): void;
}

/** Opens a session: its memory is that of one network's weights, and of one block of the probe. */
export function openTrackSession(backend: Backend, config: ModelConfig, plan: TrackPlan): TrackSession {
  const { sites, tables, probe, repeated } = plan;
  if (sites.length === 0 && repeated === null)
    throw new ArgumentError({
      where: "track",
      rule: "needs a model with attention or with MLP neurons",
      got: `${config.nLayers} layers`,
    });
  const shapes = weightShapes(config);
  const states = { ...Object.fromEntries(shapes), ...textTuningStates(config, { sites, tables }) };
  const session = backend.open({ models: 1, states });
  const tuning = textTuningProgram(session, config, { sites, probe, tables });
  const patterns =
    repeated === null ? null : session.compile(patternGraph(config, repeated.batch, repeated.pos));
  return {
    write: (name, values) => session.write(name, values),
    look: async (onBlock) => {
      const measured = await tuning.measure(onBlock);
      if (patterns === null || repeated === null) return { tuning: measured, heads: null };
      const out = await patterns.run({ tokens: repeated.data });
      const shape = [1, repeated.batch, config.nHeads, repeated.pos, repeated.pos];
      const axes = ["model", "batch", "head", "queryPos", "keyPos"] as const;
      const layers = Object.keys(out).map((name) => ({ axes, shape, data: out[name] }));
      const { scores } = patternScores(layers, repeated, { causal: config.causal });
      const rows = byHeadScore((name) => {
        const { data } = scores[name].corrected;
        return Array.from({ length: config.nLayers }, (_, layer) =>
          Array.from(data.subarray(layer * config.nHeads, (layer + 1) * config.nHeads)),
        );
      });
      return { tuning: measured, heads: rows };
    },
    close: () => session.close(),
  };
}

/** The attention patterns of every layer, in order. */
function patternGraph(config: ModelConfig, batch: number, pos: number) {
  const wanted = new Set<string>(resolveSites(config, [hook.pattern("all")]).map(({ name }) => name));
  const outputs: Record<string, Node> = {};
  const tokens = input("tokens", [batch, pos], "int32");
  forward(config, weightNodes(config), tokens, (name, node) => {
    if (wanted.has(name)) outputs[name] = node;
    return node;
  });
  return makeGraph({ outputs });
}
