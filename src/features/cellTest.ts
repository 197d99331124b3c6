/** A permutation test that a unit responds to a token at a position, exact by the design of the probe. */
import { integerIn } from "../base/check.ts";
import { ArgumentError } from "../base/errors.ts";
import type { RandomStream } from "../base/random.ts";
import type { Probe } from "../data/probes.ts";
import { checkProbed, type Part, type UnitCells } from "./cellContrasts.ts";

/** Sums of the same numbers in another order differ by less than this share of Σ |x|. */
const ROUNDING = 1e-12;

/** What {@link cellTest} returns. */
export interface CellTest {
  /** Mean activation with the token at the position less that without, [unit]; NaN for a unit without a cell. */
  readonly difference: Float64Array;
  /** Two-sided permutation p, in [1/(1 + draws), 1]; NaN for a unit without a cell or with NaN in it, [unit]. */
  readonly p: Float64Array;
  readonly draws: number;
}

/**
 * Permutation test of one cell a unit, on a probe of Latin blocks.
 *
 *   p = (1 + #{|T drawn| ≥ |T|}) / (1 + draws),   T = Σ of the activations with the token
 *
 * A block has each token once at a position, and which of its sequences has it was drawn at random, whatever stands at
 * the other positions. So under the null (the unit's activation at the position does not depend on the token there) the
 * labels of a block may be rotated, each block by its own amount, and every rotation is equally likely: the test is
 * exact, and needs no assumption about contexts. Each draw rotates the blocks for all units at once.
 *
 * Edges: a unit that is constant at its position has p = 1.
 *
 * @param values  [sequence, pos, unit]
 * @param cells   the cell to test of every unit; which must not have been chosen on the same part
 * @throws ArgumentError if the probe is not made of Latin blocks, or the part holds none; ShapeError if values do not fit
 * @source Phipson & Smyth 2010 for the 1 + in both counts
 */
export function cellTest(
  values: ArrayLike<number>,
  probe: Probe,
  {
    units,
    cells,
    part = "both",
    draws = 999,
    stream,
  }: { units: number; cells: UnitCells; part?: Part; draws?: number; stream: RandomStream },
): CellTest {
  const { count, dVocab, half, design } = probe;
  integerIn("cell test, draws", draws, 1);
  checkProbed("cell test", values, probe, units);
  const blocks = Array.from({ length: Math.floor(count / dVocab) }, (_, block) => block).filter(
    (block) => part === "both" || half[block * dVocab] === part,
  );
  if (design !== "latin" || blocks.length === 0)
    throw new ArgumentError({
      where: "cell test",
      rule: "needs Latin blocks, whose labels may be rotated",
      got: design === "latin" ? "a part without any" : `a probe of design ${design}`,
      wayOut: "Make the probe with latinBlocks, of two blocks or more.",
    });
  const rows = rotations(values, probe, units, cells, blocks); // [block, rotation, unit]
  const observed = new Float64Array(units);
  const scale = new Float64Array(units);
  blocks.forEach((_, j) => {
    for (let unit = 0; unit < units; unit++) {
      observed[unit] += rows[j * dVocab * units + unit];
      for (let by = 0; by < dVocab; by++) scale[unit] += Math.abs(rows[(j * dVocab + by) * units + unit]);
    }
  });
  // sums of the same numbers in another order must not break ties
  const bar = observed.map((sum, unit) => Math.abs(sum) - ROUNDING * scale[unit]);
  const extreme = new Float64Array(units).fill(1);
  const drawn = new Float64Array(units);
  for (let draw = 0; draw < draws; draw++) {
    drawn.fill(0);
    for (let j = 0; j < blocks.length; j++) {
      const from = (j * dVocab + stream.integer(dVocab)) * units;
      for (let unit = 0; unit < units; unit++) drawn[unit] += rows[from + unit];
    }
    for (let unit = 0; unit < units; unit++) if (Math.abs(drawn[unit]) >= bar[unit]) extreme[unit]++;
  }
  const tested = (x: Float64Array) =>
    x.map((value, unit) => (cells.token[unit] < 0 || Number.isNaN(observed[unit]) ? Number.NaN : value));
  // T is taken about the mean of its block: with n tokens of V n, mean with − mean without = T/n · V/(V − 1)
  const toDifference = dVocab / ((dVocab - 1) * blocks.length);
  return {
    difference: tested(observed.map((sum) => sum * toDifference)),
    p: tested(extreme.map((n) => n / (1 + draws))),
    draws,
  };
}

/**
 * Activation at a unit's position of the sequence that has its token once a block's labels are rotated, about the mean
 * of the block; 0 for a unit without a cell. [block, rotation, unit]
 */
function rotations(
  values: ArrayLike<number>,
  { tokens, nPos, dVocab }: Probe,
  units: number,
  cells: UnitCells,
  blocks: readonly number[],
): Float64Array {
  const table = new Float64Array(blocks.length * dVocab * units);
  blocks.forEach((block, j) => {
    for (let unit = 0; unit < units; unit++) {
      const [token, pos] = [cells.token[unit], cells.pos[unit]];
      if (token < 0) continue;
      const sample = (row: number) => (block * dVocab + (row % dVocab)) * nPos + pos;
      let home = 0;
      while (tokens[sample(home)] !== token) home++;
      const origin = values[sample(home) * units + unit]; // about a value of its own, a constant gives exactly 0
      let mean = 0;
      for (let row = 0; row < dVocab; row++) mean += (values[sample(row) * units + unit] - origin) / dVocab;
      for (let by = 0; by < dVocab; by++)
        table[(j * dVocab + by) * units + unit] = values[sample(home + by) * units + unit] - origin - mean;
    }
  });
  return table;
}
