/** One question about one unit, for who asks it by name: does it respond to this token at this position? */
import { integerIn } from "../../base/check.ts";
import { randomStream } from "../../base/random.ts";
import { cellGroups } from "../../features/cellContrasts.ts";
import { cellTest } from "../../features/cellTest.ts";
import { siteActivations } from "../../features/siteActivations.ts";
import { unitNamed } from "../../features/unitSites.ts";
import type { Network } from "../../interp/network.ts";
import { cohensD } from "../../stats/effectSize.ts";
import type { Interval } from "../../stats/intervals.ts";
import { mean } from "../../stats/moments.ts";
import { hypothesesProbe } from "./hypothesesMeasure.ts";
import type { ExperimentSetup } from "./section.ts";

/** Answer to one question that was asked beforehand. */
export interface UnitResponse {
  readonly seed: number;
  /** Cohen's d with its 95 % interval. */
  readonly d: Interval;
  /** Two-sided permutation p. */
  readonly p: number;
  readonly draws: number;
  /** Mean activation at the position with the token there and without, and sequences of either kind. */
  readonly having: { readonly mean: number; readonly count: number };
  readonly lacking: { readonly mean: number; readonly count: number };
}

/**
 * Does one unit respond to a token at a position? On the whole probe: the cell must not have been found on it.
 *
 * @param unit  `L0N17`, `L1R3` or `L0H1D2`, see {@link unitName}
 * @returns     one answer a model
 * @throws ArgumentError if there is no such unit, token or position
 */
export async function unitResponse(
  network: Network,
  setup: ExperimentSetup,
  { unit: name, token, pos }: { unit: string; token: number; pos: number },
): Promise<UnitResponse[]> {
  const { site, unit } = unitNamed(network.config, name);
  integerIn("token", token, 0, network.config.dVocab - 1);
  integerIn("position", pos, 0, setup.nPos - 1);
  const probe = hypothesesProbe(setup);
  const { units } = site;
  return (await siteActivations(network, probe, [site.site])).map((bySite, model): UnitResponse => {
    const whole = bySite.get(site.site) ?? new Float32Array(0);
    const values = Float64Array.from({ length: whole.length / units }, (_, at) => whole[at * units + unit]);
    const cells = { token: Int32Array.of(token), pos: Int32Array.of(pos) };
    const seed = setup.seeds[model];
    const stream = randomStream("experiments", "hypotheses", seed, "question");
    const { p } = cellTest(values, probe, { units: 1, cells, draws: setup.draws, stream });
    const { having, lacking } = cellGroups(values, probe, { units: 1, unit: 0, token, pos });
    const { d, low, high } = cohensD(having, lacking);
    return {
      seed,
      d: { estimate: d, low, high },
      p: p[0],
      draws: setup.draws,
      having: { mean: mean(having), count: having.length },
      lacking: { mean: mean(lacking), count: lacking.length },
    };
  });
}
