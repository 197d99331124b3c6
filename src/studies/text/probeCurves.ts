/**
 * Responses of units to a labelled probe: the mean activation by token and by position, added up inside the graph.
 *
 * Unlike tuning curves over every cell (token, position), whose number is the vocabulary times the context, these two
 * take room for one number a token and one a position.
 */
import { inTurn } from "../../base/inTurn.ts";
import type { Session } from "../../graph/backend.ts";
import { add, input, mul, reshape, scatterAdd, state, sum } from "../../graph/build.ts";
import { makeGraph } from "../../graph/graph.ts";
import type { Node, Shape } from "../../graph/node.ts";
import { sizeOf } from "../../graph/node.ts";
import type { ModelConfig } from "../../model/config.ts";
import { resolveSites, type Site, type SiteSelector } from "../../model/hookPoints.ts";
import { forward } from "../../model/transformer.ts";
import { weightNodes } from "../../model/weights.ts";
import type { TextProbe } from "./probe.ts";

/** What a unit can be tuned to on a text. */
export type TextFactor = "token" | "position";

/** Both factors, in the order in which they are shown. */
export const textFactors: readonly TextFactor[] = ["token", "position"];

/** Responses to one factor. */
export interface FactorCurves {
  /** Mean activation at each followed token, or at each position, [model, unit, level]. */
  readonly mean: Float32Array;
  /** Share of the variance over the positions that count which the levels explain, [model, unit]; NaN without variance. */
  readonly eta2: Float64Array;
}

/** Responses of the units of one site. */
export interface ProbeCurves extends Readonly<Record<TextFactor, FactorCurves>> {
  readonly units: number;
}

/** Most sequences in one run of the graph: bounds the scratch memory. */
const BLOCK = 32;
/** A sum of squares about the mean below this share of that about 0 is rounding of float32. */
const RESOLUTION = 2 ** -20;

const stateName = (site: Site, part: string) => `probe.${site.name}.${part}`;
const unitsOf = (site: Site) => sizeOf(site.shape(1, 1));

/**
 * The accumulators of {@link probeProgram}: open the session with these among its states.
 *
 *   probe.{site}.token      [followed + 1, units]   Σ a by token, and by all tokens that are not followed
 *   probe.{site}.position   [nPos + 1, units]       Σ a by position, and one row for padding
 *   probe.{site}.squares    [2, units]              Σ a² over followed tokens, and over all
 */
export function probeStates(
  config: ModelConfig,
  sites: readonly SiteSelector[],
  { followed, nPos }: TextProbe,
): Record<string, Shape> {
  return Object.fromEntries(
    resolveSites(config, sites).flatMap((site) => {
      const units = unitsOf(site);
      return [
        [stateName(site, "token"), [followed.length + 1, units]],
        [stateName(site, "position"), [nPos + 1, units]],
        [stateName(site, "squares"), [2, units]],
      ];
    }),
  );
}

/** A compiled measurement of the session's present weights. */
export interface ProbeProgram {
  /** By site name in firing order. */
  measure(): Promise<Record<string, ProbeCurves>>;
}

/**
 * Compiles the measurement for an open session.
 *
 *   eta² = (Σ_k n_k m_k² − N m²) / (Σ a² − N m²),  k the levels, N the positions that have one
 *
 * @param sites  with axes [batch, pos, unit]
 */
export function probeProgram(
  session: Session,
  config: ModelConfig,
  { sites: selectors, probe }: { sites: readonly SiteSelector[]; probe: TextProbe },
): ProbeProgram {
  const sites = resolveSites(config, selectors);
  const batch = Math.ceil(probe.count / Math.ceil(probe.count / BLOCK)); // blocks of equal size: the least padding
  const program = session.compile(accumulation(config, sites, batch, probe));
  const blocks = blocksOf(probe, batch);
  const counts = levelCounts(probe);
  const zeros = Object.entries(probeStates(config, selectors, probe)).map(
    ([name, shape]) => [name, new Float32Array(session.models * sizeOf(shape))] as const,
  );
  const curvesOf = async (site: Site): Promise<ProbeCurves> => {
    const units = unitsOf(site);
    const squares = await session.read(stateName(site, "squares"));
    const factor = async (name: TextFactor) =>
      factorCurves(await session.read(stateName(site, name)), {
        ...{ models: session.models, units, counts: counts[name] },
        squares: (model, unit) => squares[(model * 2 + (name === "token" ? 0 : 1)) * units + unit],
      });
    return { units, token: await factor("token"), position: await factor("position") };
  };
  return {
    measure: async () => {
      for (const [name, values] of zeros) session.write(name, values);
      for (const block of blocks) await program.run(block);
      return Object.fromEntries(
        await inTurn(sites, async (site) => [site.name, await curvesOf(site)] as const),
      );
    },
  };
}

/** One block: forward pass as far as it is needed, then sums added to the accumulators. */
function accumulation(
  config: ModelConfig,
  sites: readonly Site[],
  batch: number,
  { nPos, followed }: TextProbe,
) {
  const seen = new Map<string, Node>();
  const asked = new Set<string>(sites.map(({ name }) => name));
  const rows = batch * nPos;
  const tokens = input("tokens", [batch, nPos], "int32");
  const label = input("label", [rows], "int32");
  const place = input("place", [rows], "int32");
  const counting = input("counting", [batch, nPos, 2]); // 1 where a token is followed, 1 where a sequence is none of the padding
  forward(config, weightNodes(config), tokens, (name, node) => {
    if (asked.has(name)) seen.set(name, node);
    return node;
  });
  const updates = new Map<Node<"state">, Node>();
  for (const site of sites) {
    const units = unitsOf(site);
    const activation = seen.get(site.name) as Node; // [batch, pos, unit]
    const flat = reshape(activation, [rows, units]);
    const grow = (part: string, shape: Shape, more: Node) => {
      const sofar = state(stateName(site, part), shape) as Node<"state">;
      updates.set(sofar, add(sofar, more));
    };
    grow("token", [followed.length + 1, units], scatterAdd(label, flat, followed.length + 1));
    grow("position", [nPos + 1, units], scatterAdd(place, flat, nPos + 1));
    const square = reshape(mul(activation, activation), [batch, nPos, 1, units]);
    const counted = mul(square, reshape(counting, [batch, nPos, 2, 1])); // [batch, pos, 2, unit]
    // over positions, then over sequences: no long chain of additions loses digits
    grow("squares", [2, units], sum(sum(counted, [1]), [0]));
  }
  return makeGraph({ updates });
}

/** The probe cut into inputs of equal size; sequences that fill up the last one count nowhere. */
function blocksOf({ tokens, labels, count, nPos, followed }: TextProbe, batch: number) {
  return Array.from({ length: Math.ceil(count / batch) }, (_, block) => {
    const rows = batch * nPos;
    const from = block * rows;
    const real = Math.min(rows, count * nPos - from);
    const inputs = {
      tokens: new Int32Array(rows),
      label: new Int32Array(rows).fill(followed.length),
      place: new Int32Array(rows).fill(nPos),
      counting: new Float32Array(2 * rows),
    };
    inputs.tokens.set(tokens.subarray(from, from + real));
    for (let row = 0; row < real; row++) {
      const label = labels[from + row];
      inputs.place[row] = row % nPos;
      inputs.counting[2 * row + 1] = 1;
      if (label < 0) continue;
      inputs.label[row] = label;
      inputs.counting[2 * row] = 1;
    }
    return inputs;
  });
}

/** Positions of the probe that have each level. */
function levelCounts({ labels, count, nPos, followed }: TextProbe): Record<TextFactor, Float64Array> {
  const token = new Float64Array(followed.length);
  for (const label of labels) if (label >= 0) token[label]++;
  return { token, position: new Float64Array(nPos).fill(count) };
}

interface Sums {
  models: number;
  units: number;
  counts: Float64Array;
  squares: (model: number, unit: number) => number;
}

/** @param sums  [model, level, unit], with one more level that counts for nothing */
function factorCurves(sums: ArrayLike<number>, { models, units, counts, squares }: Sums): FactorCurves {
  const levels = counts.length;
  const total = counts.reduce((sum, count) => sum + count, 0);
  const mean = new Float32Array(models * units * levels);
  const eta2 = new Float64Array(models * units);
  for (let model = 0; model < models; model++)
    for (let unit = 0; unit < units; unit++) {
      let whole = 0;
      let between = 0;
      for (let level = 0; level < levels; level++) {
        const here = sums[(model * (levels + 1) + level) * units + unit];
        mean[(model * units + unit) * levels + level] = here / counts[level];
        whole += here;
        between += (here * here) / counts[level];
      }
      const raw = squares(model, unit);
      const about = raw - (whole * whole) / total;
      const explained = between - (whole * whole) / total;
      // two sums of nearly the same size: rounding alone can leave a little more explained than there is
      eta2[model * units + unit] =
        about > RESOLUTION * raw ? Math.min(1, Math.max(0, explained / about)) : Number.NaN;
    }
  return { mean, eta2 };
}
