/** The graphs of a sweep: one block from some position on, and what reads logits off the stream. */
import { broadcast, concat, constant, gather, input, reshape, select } from "../graph/build.ts";
import { type Graph, makeGraph } from "../graph/graph.ts";
import type { Node } from "../graph/node.ts";
import { block } from "../model/block.ts";
import { keyValueHeads, type ModelConfig } from "../model/config.ts";
import { hook, type SiteName } from "../model/hookPoints.ts";
import { applyNorm } from "../model/norm.ts";
import { unembed } from "../model/transformer.ts";
import { weightNodes } from "../model/weights.ts";
import { partMaker } from "./partOf.ts";

/** What a block's graph depends on besides the config. */
export interface BlockForm {
  readonly layer: number;
  /** Rows of the batch. */
  readonly rows: number;
  /** Unchanged sequences that the rows are made from. */
  readonly batch: number;
  readonly pos: number;
  /** First position of the rows' streams; the positions before it are as in the unchanged run. */
  readonly first: number;
  /** Positions of the stream after the block that are wanted, from `first` on. */
  readonly wanted: readonly [start: number, end: number];
  /** Sites of the block where elements are replaced, in firing order. */
  readonly replaced: readonly SiteName[];
}

/**
 * One block of rows that agree with an unchanged run before some position.
 *
 * Inputs: `stream` [row, pos from first, dModel]; `sequence` [row], which unchanged sequence a row is made from;
 * `known` keys and values of the unchanged sequences before `first`, [batch, first · kvHead · dHead]; the `value` of
 * replaced sites, [row, …site], and for all but the first of them, which is known whole, which elements are `set`.
 * Output: `stream` after the block at the positions wanted.
 */
export function blockGraph(config: ModelConfig, form: BlockForm): Graph {
  const { layer, rows, batch, pos, first, wanted, replaced } = form;
  const { dModel, dHead } = config;
  const heads = keyValueHeads(config);
  const part = partMaker();
  const given = input("stream", [rows, pos - first, dModel]);
  // what stands before `first` only fills the shape: nothing that is wanted reads it
  const filled = () => concat([broadcast(constant(0), [rows, first, dModel]), given], 1);
  const x = first === 0 ? given : filled(); // [row, pos, dModel]
  const withKnown = (name: SiteName, computed: Node): Node => {
    if (first === 0) return computed;
    const table = input(`known ${name}`, [batch, first * heads * dHead]);
    const before = gather(table, input("sequence", [rows], "int32")); // [row, first · kvHead · dHead]
    return concat([reshape(before, [rows, first, heads, dHead]), part(computed, 1, first, pos)], 1);
  };
  const keysAndValues: readonly string[] = [hook.k(layer), hook.v(layer)];
  const put = (name: SiteName, node: Node): Node => {
    if (!replaced.includes(name)) return node;
    const value = input(`value ${name}`, node.shape);
    return name === replaced[0] ? value : select(input(`set ${name}`, node.shape), value, node);
  };
  const after = block(config, weightNodes(config), layer, x, (name, node) => {
    const own = put(name, node);
    return keysAndValues.includes(name) ? withKnown(name, own) : own;
  }); // [row, pos, dModel]
  return makeGraph({ outputs: { stream: part(after, 1, ...wanted) } });
}

/** Logits [row, pos, dVocab] of the final `stream` [row, pos, dModel], at as many positions as it has. */
export function logitGraph(config: ModelConfig, { rows, pos }: { rows: number; pos: number }): Graph {
  const weights = weightNodes(config);
  const stream = input("stream", [rows, pos, config.dModel]);
  const last = config.finalNorm ? applyNorm(config, weights, "ln_final", stream, (_, node) => node) : stream; // [row, pos, dModel]
  return makeGraph({ outputs: { logits: unembed(config, weights, last) } });
}
