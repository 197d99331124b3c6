/**
 * Losses of many variants of a few networks: some weights put back, some units silenced.
 *
 * Variants stand side by side as the models of one session, so hundreds of them cost one compilation, fill the vectors
 * and see the same sequences.
 */
import { integerIn } from "../base/check.ts";
import { ArgumentError } from "../base/errors.ts";
import type { RandomStream } from "../base/random.ts";
import { type Scored, scoredPositions } from "../data/scored.ts";
import type { Sequences } from "../data/types.ts";
import type { Backend, Program } from "../graph/backend.ts";
import { broadcast, gather, input, reshape, select } from "../graph/build.ts";
import { type Graph, makeGraph } from "../graph/graph.ts";
import type { Node } from "../graph/node.ts";
import type { ModelConfig } from "../model/config.ts";
import { hook } from "../model/hookPoints.ts";
import { totalLoss } from "../model/loss.ts";
import { forward } from "../model/transformer.ts";
import { stackWeights, type Weights, weightNodes, weightShapes } from "../model/weights.ts";

/** Some MLP units of one layer, the empty list for none. */
export interface UnitSet {
  readonly layer: number;
  readonly units: readonly number[];
}

/** A network with some of its units silenced. */
export interface SilencedVariant {
  /** Of one network, [1, ...shape]. */
  readonly weights: Weights;
  readonly silenced: UnitSet;
}

/** What a meter is opened with. */
export interface VariantOptions {
  /** The sequences, in sets whose losses are told apart: halves give the reliability of a difference. */
  readonly sets: readonly Sequences[];
  /** Variants side by side in a run, default 32: a multiple of the vector's width; it changes no result. */
  readonly lanes?: number;
  /** How often each set goes through a network with silenced units, each time with other partners; default 1. */
  readonly partners?: number;
  /** Decides who is whose partner. */
  readonly stream: RandomStream;
}

/** Loss of any number of variants; every result is [set][variant], mean over the positions that count, nats. */
export interface VariantLosses {
  /** Of networks as they are, [1, ...shape] each. */
  plain(variants: readonly Weights[]): Promise<Float64Array[]>;
  /**
   * With the units' activations taken from another sequence of the same set at the same position, all units from the
   * same one: resample ablation. What follows the units is computed anew.
   */
  resampled(variants: readonly SilencedVariant[]): Promise<Float64Array[]>;
  close(): void;
}

/** Sequences in a run; partners are found within it. */
const BLOCK = 64;

interface Run {
  readonly set: number;
  readonly size: number;
  readonly inputs: Readonly<Record<"tokens" | "targets", Int32Array>>;
  /** For each repetition the row that each row takes its silenced units from. */
  readonly partners: readonly Int32Array[];
}

/**
 * Opens a meter. Each block of `BLOCK` sequences is turned by a random number of rows, so no sequence is its own
 * partner; every variant gets the same partners, which makes differences between variants more exact than losses.
 *
 * @throws ArgumentError if there is no set, the sets differ in length, or a block would hold a single sequence
 */
export function openVariantLosses(
  backend: Backend,
  config: ModelConfig,
  { sets, lanes = 32, partners = 1, stream }: VariantOptions,
): VariantLosses {
  integerIn("variants, lanes", lanes, 1);
  integerIn("variants, partners", partners, 1);
  const runs = runsOf(sets, partners, stream);
  const session = backend.open({ models: lanes, states: Object.fromEntries(weightShapes(config)) });
  const programs = new Map<string, Program>();
  const compiled = (silences: boolean, { set, size }: Run): Program => {
    const key = `${silences} ${size} ${sets[set].scored?.join("")}`;
    const program = programs.get(key) ?? session.compile(lossGraph(config, size, sets[set], silences));
    programs.set(key, program);
    return program;
  };

  const inLanes = async <V extends { readonly weights: Weights }>(
    variants: readonly V[],
    silencedOf: ((together: readonly V[]) => Record<string, Float32Array>) | undefined,
  ): Promise<Float64Array[]> => {
    const losses = sets.map(() => new Float64Array(variants.length));
    for (let first = 0; first < variants.length; first += lanes) {
      const own = variants.slice(first, first + lanes);
      // the last lanes repeat the last variant, and nobody reads them
      const together = Array.from({ length: lanes }, (_, lane) => own[Math.min(lane, own.length - 1)]);
      const stacked = stackWeights(
        config,
        together.map(({ weights }) => weights),
      );
      for (const [name, values] of Object.entries(stacked)) session.write(name, values);
      const masks = silencedOf?.(together);
      for (const run of runs) {
        const repetitions = masks === undefined ? run.partners.slice(0, 1) : run.partners;
        const { count, nPos, scored } = sets[run.set];
        const share = 1 / (count * scoredPositions(scored, nPos).length * repetitions.length);
        for (const partner of repetitions) {
          const { loss } = await compiled(masks !== undefined, run).run(
            masks === undefined ? run.inputs : { ...run.inputs, partner, ...masks },
          );
          for (let lane = 0; lane < own.length; lane++) losses[run.set][first + lane] += share * loss[lane];
        }
      }
    }
    return losses;
  };

  return {
    plain: async (variants) =>
      inLanes(
        variants.map((weights) => ({ weights })),
        undefined,
      ),
    resampled: async (variants) =>
      inLanes(variants, (together) =>
        masksOf(
          config,
          together.map(({ silenced }) => silenced),
        ),
      ),
    close: () => session.close(),
  };
}

/** Mean over sets of equal size: the loss on all sequences together, [variant]. */
export function overSets(losses: readonly Float64Array[]): Float64Array {
  return losses[0].map((_, at) => losses.reduce((sum, of) => sum + of[at], 0) / losses.length);
}

function runsOf(sets: readonly Sequences[], partners: number, stream: RandomStream): Run[] {
  const refuse = (rule: string, got: string) => new ArgumentError({ where: "variants, sets", rule, got });
  if (sets.length === 0) throw refuse("needs at least one set of sequences", "none");
  if (sets.some(({ count, nPos }) => count !== sets[0].count || nPos !== sets[0].nPos))
    throw refuse("sets must be of one size", sets.map(({ count, nPos }) => `${count}x${nPos}`).join(" and "));
  return sets.flatMap(({ count, nPos, inputs, targets }, set) =>
    Array.from({ length: Math.ceil(count / BLOCK) }, (_, block): Run => {
      const first = block * BLOCK;
      const size = Math.min(BLOCK, count - first);
      if (size < 2)
        throw refuse(
          `must not leave a single sequence in a block of ${BLOCK}, for it would have no partner`,
          String(count),
        );
      const cut = (values: Int32Array) => values.slice(first * nPos, (first + size) * nPos);
      return {
        ...{ set, size, inputs: { tokens: cut(inputs), targets: cut(targets) } },
        partners: Array.from({ length: partners }, () => {
          const turn = 1 + stream.integer(size - 1);
          return Int32Array.from({ length: size }, (_, row) => (row + turn) % size);
        }),
      };
    }),
  );
}

const maskName = (layer: number) => `silenced ${layer}`;

/** 1 for each silenced unit, [lane, unit], by layer. */
function masksOf({ nLayers, dMlp }: ModelConfig, sets: readonly UnitSet[]): Record<string, Float32Array> {
  const masks = Array.from({ length: nLayers }, () => new Float32Array(sets.length * dMlp));
  for (const [lane, { layer, units }] of sets.entries()) {
    integerIn("silenced units, layer", layer, 0, nLayers - 1);
    for (const unit of units) masks[layer][lane * dMlp + integerIn("silenced unit", unit, 0, dMlp - 1)] = 1;
  }
  return Object.fromEntries(masks.map((mask, layer) => [maskName(layer), mask]));
}

/** Sum of the loss over a block, []. */
function lossGraph(
  config: ModelConfig,
  size: number,
  { nPos, scored }: { nPos: number; scored?: Scored },
  silences: boolean,
): Graph {
  const tokens = input("tokens", [size, nPos], "int32"); // [batch, pos]
  const targets = input("targets", [size, nPos], "int32"); // [batch, pos]
  const masks = new Map<string, Node>(
    silences
      ? Array.from({ length: config.nLayers }, (_, layer) => [
          hook.mlpPost(layer),
          input(maskName(layer), [config.dMlp]), // [dMlp]
        ])
      : [],
  );
  const logits = forward(config, weightNodes(config), tokens, (name, node) => {
    const mask = masks.get(name);
    if (mask === undefined) return node;
    const rows = reshape(node, [size, nPos * config.dMlp]); // [batch, pos · dMlp]
    const other = reshape(gather(rows, input("partner", [size], "int32")), node.shape); // [batch, pos, dMlp]
    return select(broadcast(mask, node.shape), other, node);
  }); // [batch, pos, dVocab]
  return makeGraph({ outputs: { loss: totalLoss(logits, targets, scored) } });
}
