/** Experiment 2 in one network: the strongest cell of every unit, found on one half of the probe, tested on the other. */
import { type RandomStream, randomStream } from "../../base/random.ts";
import { latinBlocks, type Probe } from "../../data/probes.ts";
import {
  cellContrasts,
  cellGroups,
  type Part,
  strongestCells,
  type UnitCells,
} from "../../features/cellContrasts.ts";
import { cellTest } from "../../features/cellTest.ts";
import { siteActivations } from "../../features/siteActivations.ts";
import { type UnitSite, unitSites } from "../../features/unitSites.ts";
import type { Network } from "../../interp/network.ts";
import { cohensD } from "../../stats/effectSize.ts";
import { bh, holm } from "../../stats/multiplicity.ts";
import { median, quantile } from "../../stats/quantile.ts";
import type { ExperimentSetup } from "./section.ts";

/** Level of the tests, of a family after correction. */
export const ALPHA = 0.05;
/** A |d| from which on an effect is called large (Cohen 1988, p. 26). */
const LARGE = 0.8;
/** Most permutations: beyond a thousand units Holm's correction needs more, and `smallestHolm` says so. */
const MOST_DRAWS = 20_000;
/** Repetitions with permuted labels; and permutations of each of their tests. */
export const REPETITIONS = 20;
const CALIBRATION_DRAWS = 199;

/** Effect sizes of one half, [unit]; NaN for a unit without a cell. */
export interface Effects {
  readonly d: Float64Array;
  readonly low: Float64Array;
  readonly high: Float64Array;
}

/** The strongest cells of one network's units of one kind and layer. */
export interface HypothesesSite {
  readonly site: UnitSite;
  /** The cell that was found on half 0, [unit]; −1 for a unit that is constant there. */
  readonly cells: UnitCells;
  /** Its effect on half 0, which it was selected for, and on half 1. */
  readonly selected: Effects;
  readonly tested: Effects;
  /** Permutation p on half 1, and corrected over all tested units of the network; NaN without a cell, [unit]. */
  readonly p: Float64Array;
  readonly holm: Float64Array;
  readonly bh: Float64Array;
  /** Share of all cells of all units with |d| ≥ 0.8 over both halves. */
  readonly largeShare: number;
  /** The same procedure with labels permuted. */
  readonly permuted: {
    /** Tests, and those of them with p ≤ alpha, over all repetitions. */
    readonly tests: number;
    readonly rejected: number;
    /** Median |d| of the strongest cells where they were found, and d on the other half, with the sign of the first. */
    readonly selectedD: number;
    readonly testedD: number;
    /** 2.5 and 97.5 % quantile of d on the other half, over units and repetitions. */
    readonly low: number;
    readonly high: number;
    readonly largeShare: number;
  };
}

/** {@link measureHypotheses} of one network. */
export interface HypothesesModel {
  readonly seed: number;
  /** Permutations of each test. */
  readonly draws: number;
  readonly sites: readonly HypothesesSite[];
}

/** The probe of experiment 2, which all networks share. */
export const hypothesesProbe = ({ config, nPos, blocks }: ExperimentSetup) =>
  latinBlocks({
    ...{ dVocab: config.dVocab, nPos, blocks },
    stream: randomStream("experiments", "hypotheses", "probe"),
  });

/** Permutations of a test: as asked, and as many as Holm's correction of so many hypotheses needs. */
export const drawsFor = (hypotheses: number, asked: number) =>
  Math.max(asked, Math.min(MOST_DRAWS, Math.ceil(hypotheses / ALPHA)));

/**
 * Finds and tests the strongest cell of every unit of every model.
 *
 * @throws ArgumentError if the setup has fewer than two Latin blocks: one half would be empty
 */
export async function measureHypotheses(
  network: Network,
  setup: ExperimentSetup,
): Promise<HypothesesModel[]> {
  const sites = unitSites(network.config);
  const probe = hypothesesProbe(setup);
  const draws = drawsFor(
    sites.reduce((total, { units }) => total + units, 0),
    setup.draws,
  );
  const all = await siteActivations(
    network,
    probe,
    sites.map(({ site }) => site),
  );
  return all.map((bySite, model) => {
    const seed = setup.seeds[model];
    const stream = randomStream("experiments", "hypotheses", seed);
    const relabelled = Array.from({ length: REPETITIONS }, (_, repetition) =>
      latinBlocks({ ...probe, blocks: setup.blocks, stream: stream.child("labels", repetition) }),
    );
    const tested = sites.map((site) => {
      const values = bySite.get(site.site) ?? new Float32Array(0);
      const own = stream.child(site.site);
      return {
        ...tests(values, probe, site, draws, own),
        permuted: calibration(values, relabelled, site, own),
      };
    });
    return { seed, draws, sites: corrected(tested) };
  });
}

type Values = ArrayLike<number>;
type Uncorrected = Omit<HypothesesSite, "holm" | "bh">;

function tests(
  values: Values,
  probe: Probe,
  site: UnitSite,
  draws: number,
  stream: RandomStream,
): Omit<Uncorrected, "permuted"> {
  const { units } = site;
  const cells = strongestCells(cellContrasts(values, probe, { units, part: 0 }), probe);
  const { p } = cellTest(values, probe, { units, cells, part: 1, draws, stream: stream.child("test") });
  return {
    site,
    cells,
    p,
    selected: effects(values, probe, { units, cells, part: 0 }),
    tested: effects(values, probe, { units, cells, part: 1 }),
    largeShare: shareLarge(cellContrasts(values, probe, { units })),
  };
}

const shareLarge = (contrasts: Float64Array): number =>
  contrasts.filter((d) => Math.abs(d) >= LARGE).length / contrasts.length;

function effects(
  values: Values,
  probe: Probe,
  { units, cells, part }: { units: number; cells: UnitCells; part: Part },
): Effects {
  const result = { d: new Float64Array(units), low: new Float64Array(units), high: new Float64Array(units) };
  for (let unit = 0; unit < units; unit++) {
    const [token, pos] = [cells.token[unit], cells.pos[unit]];
    const none = { d: Number.NaN, low: Number.NaN, high: Number.NaN };
    const { having, lacking } = cellGroups(values, probe, {
      units,
      unit,
      token,
      pos: Math.max(0, pos),
      part,
    });
    const { d, low, high } = token < 0 ? none : cohensD(having, lacking);
    result.d[unit] = d;
    result.low[unit] = low;
    result.high[unit] = high;
  }
  return result;
}

/**
 * Selection and test with labels of other Latin blocks, which know nothing of the activations. Labels of one position
 * are permuted within blocks, as the null says they may be.
 */
function calibration(
  values: Values,
  relabelled: readonly Probe[],
  { units }: UnitSite,
  stream: RandomStream,
): HypothesesSite["permuted"] {
  const found: number[] = [];
  const again: number[] = [];
  const signed: number[] = [];
  let [tests, rejected, large] = [0, 0, 0];
  relabelled.forEach((probe, repetition) => {
    const first = cellContrasts(values, probe, { units, part: 0 });
    const second = cellContrasts(values, probe, { units, part: 1 });
    large += shareLarge(first) / relabelled.length;
    const cells = strongestCells(first, probe);
    const own = stream.child("calibration", repetition);
    const { p } = cellTest(values, probe, { units, cells, part: 1, draws: CALIBRATION_DRAWS, stream: own });
    for (let unit = 0; unit < units; unit++) {
      if (cells.token[unit] < 0) continue;
      const cell = (unit * probe.dVocab + cells.token[unit]) * probe.nPos + cells.pos[unit];
      tests++;
      if (p[unit] <= ALPHA) rejected++;
      if (!Number.isFinite(first[cell]) || !Number.isFinite(second[cell])) continue;
      found.push(Math.abs(first[cell]));
      again.push(second[cell]);
      signed.push(second[cell] * Math.sign(first[cell]));
    }
  });
  return {
    tests,
    rejected,
    selectedD: median(found),
    testedD: median(signed),
    low: quantile(again, 0.025),
    high: quantile(again, 0.975),
    largeShare: large,
  };
}

/** Corrections over all tested units of a network. */
function corrected(sites: readonly Uncorrected[]): HypothesesSite[] {
  const pValues = sites.flatMap(({ p }) => Array.from(p)).filter((p) => !Number.isNaN(p));
  const [byHolm, byBh] = [holm(pValues), bh(pValues)];
  let next = 0;
  return sites.map((site) => {
    const places = site.p.map((p) => (Number.isNaN(p) ? -1 : next++));
    const at = (adjusted: Float64Array) => places.map((place) => (place < 0 ? Number.NaN : adjusted[place]));
    return { ...site, holm: at(byHolm), bh: at(byBh) };
  });
}
