/**
 * The original's claims C1 to C7: each with a decision rule written here, before any run, and applied by the code below
 * it. A verdict that its rule does not give cannot be reported.
 */

import { holm } from "../../stats/multiplicity.ts";
import type { GroupBySeed, PresetBySeed } from "./analyse.ts";
import { finite, intervalOverSeeds, meanOverSeeds, pOverSeeds } from "./overSeeds.ts";
import type { ClaimVerdict, Kind } from "./result.ts";

type Verdict = ClaimVerdict["verdict"];

/** What the rules read. */
export interface ClaimEvidence {
  presets: readonly PresetBySeed[];
  /** Mean eta² at initialisation beside the random-projection null's; empty where that null does not apply. */
  selectivity: readonly { preset: string; layer: number; kind: Kind; observed: number; null: number }[];
}

/** Share of configurations in which the null must hold (or be exceeded) to decide C1. */
const C1_SHARE = 0.8;
const C1_EQUAL = 0.03;
const C1_ABOVE = 0.05;
/** Chance-corrected persistence that C2 and C5 call substantial. */
const KAPPA = 0.2;
const ALPHA = 0.05;
/** Seeds below which a test that finds nothing has too little power to refute. */
const ENOUGH = 20;
/** The claimed percentages of C2, as shares. */
const CLAIMED = { L0_token: 1, L0_position: 0.96, L1_token: 0.72, L1_position: 0.32 } as const;
/** C5: how much of the way from the first loss to the Bayes floor counts as having learned. */
const LEARNED = 0.9;
const OVERWRITTEN = 0.5;
/** C7: correlations inside this band are none. */
const NO_CORRELATION = 0.05;

const show = (value: number) => (Number.isFinite(value) ? value.toFixed(2) : "undefined");
const showP = (p: number) => (p < 0.001 ? p.toExponential(0) : p.toFixed(3));
const interval = (values: ArrayLike<number>) => {
  const [low, high] = intervalOverSeeds(values);
  const estimate = meanOverSeeds(values);
  return { estimate, low, high, text: `${show(estimate)} [${show(low)}, ${show(high)}]` };
};
const cellName = ({ layer, kind }: { layer: number; kind: Kind }) => `L${layer} ${kind}`;

/** Differences between two cells, seed by seed. */
function paired(a: Float64Array, b: Float64Array): number[] {
  return finite(a.map((value, seed) => value - b[seed]));
}

function groupOf(preset: PresetBySeed, layer: number, kind: Kind): GroupBySeed | undefined {
  return preset.groups.find((group) => group.layer === layer && group.kind === kind);
}

/** Whether kappa is above 0 in every cell after Holm, and above {@link KAPPA}; and in which cells it is not above 0. */
function kappaTest(groups: readonly GroupBySeed[]) {
  const adjusted = holm(groups.map((group) => pOverSeeds(group.kappa)));
  const cells = groups.map((group, i) => ({
    name: cellName(group),
    kappa: meanOverSeeds(group.kappa),
    above: adjusted[i] < ALPHA && meanOverSeeds(group.kappa) > 0,
  }));
  const text = cells
    .map(({ name, kappa }, i) => `${name} ${show(kappa)} (Holm p ${showP(adjusted[i])})`)
    .join(", ");
  return {
    all: cells.every(({ above, kappa }) => above && kappa > KAPPA),
    includesZero: cells.some(({ above }) => !above),
    text,
  };
}

interface Claim {
  id: ClaimVerdict["id"];
  claim: string;
  rule: string;
  decide(evidence: ClaimEvidence): { verdict: Verdict; evidence: string };
}

const notTested = (evidence: string) => ({ verdict: "not tested here" as const, evidence });

const claims: readonly Claim[] = [
  {
    id: "C1",
    claim: "Random networks already contain structure: every neuron is selective.",
    rule: `Refuted as a discovery if the mean eta² at initialisation is within ${C1_EQUAL} of the random-projection null in at least ${C1_SHARE * 100} % of layers and kinds; supported if it exceeds the null by more than ${C1_ABOVE} in as many.`,
    decide({ selectivity }) {
      if (selectivity.length === 0)
        return notTested(
          "The random-projection null is for PyTorch's initialisation with layer norm, learned positions and biases.",
        );
      const share = (holds: (difference: number) => boolean) =>
        selectivity.filter((cell) => holds(cell.observed - cell.null)).length / selectivity.length;
      const equal = share((difference) => Math.abs(difference) < C1_EQUAL);
      const above = share((difference) => difference > C1_ABOVE);
      const worst = selectivity.reduce((a, b) =>
        Math.abs(b.observed - b.null) > Math.abs(a.observed - a.null) ? b : a,
      );
      const text = `${Math.round(equal * 100)} % of ${selectivity.length} cells within ${C1_EQUAL}; the farthest is ${worst.preset} ${cellName(worst)}, ${worst.observed.toFixed(3)} against ${worst.null.toFixed(3)}.`;
      return {
        verdict: equal >= C1_SHARE ? "refuted" : above >= C1_SHARE ? "supported" : "undecided",
        evidence: text,
      };
    },
  },
  {
    id: "C2",
    claim:
      "Maintained after training: layer 0 token 100 %, position 96 %, layer 1 token 72 %, position 32 %.",
    rule: `For the preset original at 160 steps. Supported if chance-corrected persistence (kappa) exceeds ${KAPPA} with a Holm-corrected test above 0 in all four cells; refuted if at ${ENOUGH} seeds or more kappa cannot be told from 0 in any.`,
    decide({ presets }) {
      const preset = presets.find((of) => of.preset === "original" && of.main.arm.steps === 160);
      if (preset === undefined) return notTested("Needs the preset original with 160 steps.");
      const test = kappaTest(preset.groups);
      const seeds = preset.main.models.length;
      const rates = preset.groups
        .map((group) => {
          const claimed = CLAIMED[`L${group.layer}_${group.kind}` as keyof typeof CLAIMED];
          return `${cellName(group)} ${interval(group.maintained).text} (claimed ${show(claimed)}, chance ${show(meanOverSeeds(group.nullShuffle))})`;
        })
        .join("; ");
      return {
        verdict: test.all ? "supported" : test.includesZero && seeds >= ENOUGH ? "refuted" : "undecided",
        evidence: `Maintained: ${rates}. Kappa: ${test.text}.`,
      };
    },
  },
  {
    id: "C3",
    claim: "Features of layer 0 persist far more than those of layer 1.",
    rule: "Supported if, in every preset, the paired difference layer 0 − layer 1 is above 0 (Holm over its tests) in tuning r and in kappa, for token and position; refuted if any difference is significantly below 0.",
    decide({ presets }) {
      const rows = presets.flatMap((preset) =>
        (["token", "position"] as const).flatMap((kind) => {
          const [zero, one] = [groupOf(preset, 0, kind), groupOf(preset, 1, kind)];
          if (zero === undefined || one === undefined) return [];
          return (["r", "kappa"] as const).map((metric) => ({
            name: `${preset.preset} ${kind} ${metric}`,
            differences: paired(zero[metric], one[metric]),
          }));
        }),
      );
      return decideSigns(rows, "A second layer is needed.");
    },
  },
  {
    id: "C4",
    claim: "Token features persist more than position features (an earlier text of the study: the reverse).",
    rule: "Confirmed in either direction only if token − position has one and the same significant sign (Holm over all tests) in the raw rate, kappa, tuning r and the ratio of absolute variances, in both layers of every preset; refuted if two of them are significant with opposite signs.",
    decide({ presets }) {
      const rows = presets.flatMap((preset) =>
        preset.groups
          .filter(({ kind }) => kind === "token")
          .flatMap((token) => {
            const position = groupOf(preset, token.layer, "position") as GroupBySeed;
            return (["maintained", "kappa", "r", "varianceRatio"] as const).map((metric) => ({
              name: `${preset.preset} L${token.layer} ${metric === "maintained" ? "raw" : metric === "varianceRatio" ? "V ratio" : metric}`,
              differences: paired(token[metric], position[metric]),
            }));
          }),
      );
      if (rows.length === 0) return notTested("No layer was followed.");
      const { signs, text } = signsOf(rows);
      const opposite = signs.includes(1) && signs.includes(-1);
      const agree = signs.every((sign) => sign !== 0 && sign === signs[0]);
      return { verdict: opposite ? "refuted" : agree ? "supported" : "undecided", evidence: text };
    },
  },
  {
    id: "C5",
    claim: "Features persist rather than being overwritten.",
    rule: `Supported if in a preset that has covered ${LEARNED * 100} % of the way from its first loss to the Bayes floor kappa exceeds ${KAPPA} (Holm) in all cells; refuted if there the mean tuning r of the last layer is below ${OVERWRITTEN}. Persistence in a network that has not yet learned its task decides nothing.`,
    decide({ presets }) {
      const rows = presets.map((preset) => {
        const progress = meanOverSeeds(preset.lossProgress);
        const r = meanOverSeeds(preset.overallR[preset.overallR.length - 1] ?? []);
        const leaks = !preset.main.arm.config.causal;
        const test = kappaTest(preset.groups);
        const text = `${preset.preset}: loss progress ${show(progress)}${leaks ? " (its targets are in sight, so its loss measures copying)" : ""}, last layer r ${show(r)}, kappa ${test.text}`;
        return { learned: progress >= LEARNED && !leaks, r, all: test.all, text };
      });
      const learned = rows.filter((row) => row.learned);
      const evidence = `${rows.map(({ text }) => text).join(". ")}.`;
      if (learned.some(({ r }) => r < OVERWRITTEN)) return { verdict: "refuted", evidence };
      return {
        verdict: learned.length > 0 && learned.every(({ all }) => all) ? "supported" : "undecided",
        evidence,
      };
    },
  },
  {
    id: "C6",
    claim: "Networks do not learn from a blank slate: training refines pre-existing structure.",
    rule: "Needs three studies that this one is not: training against random noise of equal size, the importance of what persists, and whether a strengthened initial feature wins.",
    decide: () =>
      notTested(
        "Persistence alone cannot tell refinement from small steps: a network that learns nothing keeps its features too.",
      ),
  },
  {
    id: "C7",
    claim: "The persisting features are universal across seeds, not an artefact.",
    rule: `Refuted if the correlation between a unit's initial tuning and the trained tuning of another initialisation fed the same data has a 95 % interval within ±${NO_CORRELATION} in every cell; supported if every interval is above that band.`,
    decide({ presets }) {
      const cells = presets.flatMap((preset) =>
        preset.groups.map((group) => ({
          name: `${preset.preset} ${cellName(group)}`,
          ...interval(group.nullR),
        })),
      );
      if (cells.length === 0) return notTested("No layer was followed.");
      const inside = cells.every(({ low, high }) => low > -NO_CORRELATION && high < NO_CORRELATION);
      const above = cells.every(({ low }) => low > NO_CORRELATION);
      const evidence = `${cells.map(({ name, text }) => `${name} ${text}`).join("; ")}.`;
      return { verdict: inside ? "refuted" : above ? "supported" : "undecided", evidence };
    },
  },
];

interface Contrast {
  name: string;
  differences: readonly number[];
}

/** Sign of each mean difference where Holm over all of them leaves it significant, else 0. */
function signsOf(rows: readonly Contrast[]) {
  const adjusted = holm(rows.map(({ differences }) => pOverSeeds(differences)));
  const signs = rows.map(({ differences }, i) =>
    adjusted[i] < ALPHA ? Math.sign(meanOverSeeds(differences)) : 0,
  );
  const text = `${rows.map(({ name, differences }) => `${name} ${interval(differences).text}`).join("; ")}.`;
  return { signs, text };
}

function decideSigns(rows: readonly Contrast[], need: string): { verdict: Verdict; evidence: string } {
  if (rows.length === 0) return notTested(need);
  const { signs, text } = signsOf(rows);
  return {
    verdict: signs.includes(-1) ? "refuted" : signs.every((sign) => sign === 1) ? "supported" : "undecided",
    evidence: text,
  };
}

/** Applies every rule. */
export function decideClaims(evidence: ClaimEvidence): ClaimVerdict[] {
  return claims.map(({ id, claim, rule, decide }) => ({ id, claim, rule, ...decide(evidence) }));
}
