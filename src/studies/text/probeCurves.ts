/**
 * Responses of units to a labelled probe: the mean activation by token and by position, added up inside the graph.
 *
 * Unlike tuning curves over every cell (token, position), whose number is the vocabulary times the context, these two
 * take room for one number a token and one a position.
 */
import { InternalError } from "../../base/errors.ts";
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

/** What a unit can be tuned to on a text: the token, its position, and the class of its word where words have tags. */
export type TextFactor = "token" | "position" | "class";

/** The factors of a probe, in the order in which they are shown. */
export const textFactorsOf = ({ classes }: Pick<TextProbe, "classes">): readonly TextFactor[] =>
  classes === null ? ["token", "position"] : ["token", "position", "class"];

/** Responses to one factor. */
export interface FactorCurves {
  /** Mean activation at each followed token, or at each position, [model, unit, level]. */
  readonly mean: Float32Array;
  /** Share of the variance over the positions that count which the levels explain, [model, unit]; NaN without variance. */
  readonly eta2: Float64Array;
}

/** Responses of the units of one site, by the factors of the probe. */
export interface ProbeCurves {
  readonly units: number;
  readonly factors: Readonly<Partial<Record<TextFactor, FactorCurves>>>;
}

/** The responses to a factor. @throws InternalError for one that the probe has not */
export function curvesBy({ factors }: ProbeCurves, factor: TextFactor): FactorCurves {
  const found = factors[factor];
  if (found !== undefined) return found;
  throw new InternalError({ where: "responses", rule: "have the factors of the probe", got: factor });
}

/** Levels of a factor, and that of every position; −1 for none, [sequence, pos]. */
interface Labels {
  readonly factor: TextFactor;
  readonly levels: number;
  readonly of: Int32Array;
}

function labelsOf(probe: TextProbe): Labels[] {
  const { followed, labels, nPos, count, classes } = probe;
  const place = Int32Array.from({ length: count * nPos }, (_, at) => at % nPos);
  return [
    { factor: "token", levels: followed.length, of: labels },
    { factor: "position", levels: nPos, of: place },
    ...(classes === null
      ? []
      : [{ factor: "class" as const, levels: classes.levels.length, of: classes.of }]),
  ];
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
 *   probe.{site}.class      [classes + 1, units]    Σ a by class, and by what has none; where words have classes
 *   probe.{site}.squares    [factors, units]        Σ a² over the positions that have a level of each factor
 */
export function probeStates(
  config: ModelConfig,
  sites: readonly SiteSelector[],
  probe: TextProbe,
): Record<string, Shape> {
  const labels = labelsOf(probe);
  return Object.fromEntries(
    resolveSites(config, sites).flatMap((site) => {
      const units = unitsOf(site);
      return [
        ...labels.map(({ factor, levels }) => [stateName(site, factor), [levels + 1, units]]),
        [stateName(site, "squares"), [labels.length, units]],
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
  const labels = labelsOf(probe);
  const program = session.compile(accumulation(config, sites, labels, { batch, nPos: probe.nPos }));
  const blocks = blocksOf(probe, labels, batch);
  const counts = labels.map(levelCounts);
  const zeros = Object.entries(probeStates(config, selectors, probe)).map(
    ([name, shape]) => [name, new Float32Array(session.models * sizeOf(shape))] as const,
  );
  const curvesOf = async (site: Site): Promise<ProbeCurves> => {
    const units = unitsOf(site);
    const squares = await session.read(stateName(site, "squares"));
    const factors = await inTurn(
      [...labels.entries()],
      async ([at, { factor }]) =>
        [
          factor,
          factorCurves(await session.read(stateName(site, factor)), {
            ...{ models: session.models, units, counts: counts[at] },
            squares: (model, unit) => squares[(model * labels.length + at) * units + unit],
          }),
        ] as const,
    );
    return { units, factors: Object.fromEntries(factors) };
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
  labels: readonly Labels[],
  { batch, nPos }: { batch: number; nPos: number },
) {
  const seen = new Map<string, Node>();
  const asked = new Set<string>(sites.map(({ name }) => name));
  const rows = batch * nPos;
  const tokens = input("tokens", [batch, nPos], "int32");
  const counting = input("counting", [batch, nPos, labels.length]); // 1 where there is a level
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
    for (const { factor, levels } of labels)
      grow(factor, [levels + 1, units], scatterAdd(input(factor, [rows], "int32"), flat, levels + 1));
    const square = reshape(mul(activation, activation), [batch, nPos, 1, units]);
    const counted = mul(square, reshape(counting, [batch, nPos, labels.length, 1])); // [batch, pos, factor, unit]
    // over positions, then over sequences: no long chain of additions loses digits
    grow("squares", [labels.length, units], sum(sum(counted, [1]), [0]));
  }
  return makeGraph({ updates });
}

/** The probe cut into inputs of equal size; sequences that fill up the last one count nowhere. */
function blocksOf({ tokens, count, nPos }: TextProbe, labels: readonly Labels[], batch: number) {
  return Array.from({ length: Math.ceil(count / batch) }, (_, block) => {
    const rows = batch * nPos;
    const from = block * rows;
    const real = Math.min(rows, count * nPos - from);
    const inputs: Record<string, Int32Array | Float32Array> = { tokens: new Int32Array(rows) };
    inputs.tokens.set(tokens.subarray(from, from + real));
    const counting = new Float32Array(labels.length * rows);
    labels.forEach(({ factor, levels, of }, at) => {
      const label = new Int32Array(rows).fill(levels);
      for (let row = 0; row < real; row++) {
        if (of[from + row] < 0) continue;
        label[row] = of[from + row];
        counting[labels.length * row + at] = 1;
      }
      inputs[factor] = label;
    });
    return { ...inputs, counting };
  });
}

/** Positions of the probe that have each level. */
function levelCounts({ levels, of }: Labels): Float64Array {
  const counts = new Float64Array(levels);
  for (const level of of) if (level >= 0) counts[level]++;
  return counts;
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
