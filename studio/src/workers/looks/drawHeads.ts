/**
 * The null of head scores, drawn a little at a time: networks of the run's own initialisation, those that
 * `palimpsest inspect RUN heads` draws. They are kept in the worker, whatever step is looked at.
 */
import { wasmBackend } from "../../../../src/backends/wasm/index.ts";
import { randomStream } from "../../../../src/base/random.ts";
import {
  type ByHeadScore,
  type HeadScoreNull,
  headScoreNames,
  headScoreNull,
  type Network,
} from "../../../../src/interp/index.ts";
import type { ModelConfig } from "../../../../src/model/config.ts";
import { type InitOptions, initialWeights } from "../../../../src/model/init.ts";

/** Which null. */
export interface HeadNullRequest {
  readonly init: Required<InitOptions>;
  /** What scores are measured on, [batch][pos]. */
  readonly sequences: readonly (readonly number[])[];
}

/** How far it is. */
export interface DrawnHeads {
  readonly draws: number;
  /** Draws from which on a head can have a class. */
  readonly needed: number;
}

/** Chance that a network of random weights gets any label: that of the command line. */
export const alpha = 0.05;

/** Nulls that are kept, the latest: a few runs and probes. */
const KEPT = 4;
const nulls = new Map<string, HeadScoreNull>();

const keyOf = (config: ModelConfig, { init, sequences }: HeadNullRequest) =>
  JSON.stringify([config, init, sequences]);

/** What is drawn so far. */
export function headNullOf({ config }: Network, request: HeadNullRequest): HeadScoreNull | undefined {
  return nulls.get(keyOf(config, request));
}

/** Draws without which no head could have a class: p · tests ≤ alpha with p = 1 / (1 + draws). */
function neededFor({ sorted, layers, heads }: HeadScoreNull): number {
  const defined = headScoreNames.filter((name) => !Number.isNaN(sorted[name][0][0][0])).length;
  return Math.ceil((layers * heads * defined) / alpha) - 1;
}

function joined(a: HeadScoreNull | undefined, b: HeadScoreNull): HeadScoreNull {
  if (a === undefined) return b;
  const sorted = Object.fromEntries(
    headScoreNames.map((name) => [
      name,
      a.sorted[name].map((heads, layer) =>
        heads.map((values, head) => Float64Array.from([...values, ...b.sorted[name][layer][head]]).sort()),
      ),
    ]),
  ) as unknown as ByHeadScore<Float64Array[][]>;
  return { ...a, draws: a.draws + b.draws, sorted };
}

/** Draws at most `more` networks, and never more than are needed. */
export async function drawHeads(
  network: Network,
  { more, ...request }: HeadNullRequest & { readonly more: number },
): Promise<DrawnHeads> {
  const { config } = network;
  const { init, sequences } = request;
  const before = headNullOf(network, request);
  const first = before?.draws ?? 0;
  const needed = before === undefined ? Number.POSITIVE_INFINITY : neededFor(before);
  const count = Math.min(more, needed - first);
  if (count <= 0) return { draws: first, needed };
  // draw i is child i of one stream, however the draws are cut
  const stream = randomStream("inspect", "null");
  let draw = first;
  const part = await headScoreNull(
    wasmBackend(),
    config,
    () => initialWeights(config, init, stream.child(draw++)),
    { draws: count, stream, tokens: sequences },
  );
  const all = joined(before, part);
  const key = keyOf(config, request);
  nulls.delete(key);
  nulls.set(key, all);
  for (const old of [...nulls.keys()].slice(0, -KEPT)) nulls.delete(old);
  return { draws: all.draws, needed: neededFor(all) };
}
