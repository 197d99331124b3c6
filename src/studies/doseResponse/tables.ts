/** Tables of S5. */
import { seedInterval, whenReached } from "../../features/index.ts";
import { fixed, intervalText } from "../../figures/index.ts";
import type { StudyTable } from "../protocol/study.ts";
import { amounts } from "./amounts.ts";
import type { Course, FadingFit, JudgedAmount } from "./courses.ts";
import type { DoseTold, LayerCourse } from "./measure.ts";
import { layers, learned, rates } from "./plan.ts";

/** Every rate in every layer. */
const groups = layers.flatMap((layer) => rates.map((rate) => ({ layer, rate })));

/** `0.31 [0.25, 0.37]` over seeds. */
function overSeedsText(values: ArrayLike<number>, digits = 2): string {
  const { estimate, low, high } = seedInterval(values);
  return `${fixed(estimate, digits)} ${intervalText([low, high], digits)}`;
}

/** Geometric mean with its interval, three digits: times spread over orders of magnitude. */
function timesText(values: readonly number[]): string {
  const { estimate, low, high } = seedInterval(values.map(Math.log));
  const [middle, from, to] = [estimate, low, high].map((log) =>
    Number.isFinite(log) ? String(Number(Math.exp(log).toPrecision(3))) : "–",
  );
  return `${middle} [${from}, ${to}]`;
}

/** How fast tuning fades at every rate. */
export function halfLifeTable(courses: readonly Course[], fits: readonly FadingFit[]): StudyTable {
  return {
    title: "Half-life of tuning in steps",
    columns: [
      ...["layer", "rate", "half-life", "τ", "β", "R² of the fit", "last r"],
      ...[`r at progress ${learned}`, "networks there"],
    ],
    rows: groups.map(({ layer, rate }) => {
      const own = fits.filter((fit) => fit.layer === layer && fit.rate === rate);
      const networks = courses.filter((course) => course.rate === rate).map(({ told }) => told);
      const there = networks
        .map(({ progress, layers: of }) => whenReached(progress, of[layer].r, learned))
        .filter(Number.isFinite);
      return [
        ...[
          layer,
          rate,
          timesText(own.map(({ halfLife }) => halfLife)),
          timesText(own.map(({ tau }) => tau)),
        ],
        ...[
          overSeedsText(own.map(({ beta }) => beta)),
          overSeedsText(
            own.map(({ r2 }) => r2),
            3,
          ),
        ],
        overSeedsText(networks.map(({ layers: of }) => of[layer].r.at(-1) ?? Number.NaN)),
        ...[overSeedsText(there), `${there.length} of ${networks.length}`],
      ];
    }),
    caption:
      "κ = exp(−(steps/τ)^β) fitted to every network; mean over seeds with its 95 % t interval, of times on the logarithm. A half-life beyond the last step is an extrapolation.",
  };
}

/** How well one curve of each amount serves all rates. */
export function amountTable(judged: readonly JudgedAmount[]): StudyTable {
  return {
    title: "One curve for all learning rates",
    columns: [
      ...["layer", "amount", "R², exp(−(x/τ)^β)", "R², any falling curve"],
      ...["R² with a curve for each rate", "κ per tenfold rate"],
    ],
    rows: judged.map(({ layer, amount, stretched, monotone, byRate }) => [
      ...[layer, amounts[amount].label, overSeedsText(stretched.r2, 3), overSeedsText(monotone.r2, 3)],
      ...[overSeedsText(byRate, 3), overSeedsText(stretched.rateSlope, 3)],
    ]),
    caption:
      "R² of each seed's networks under the curve of the other seeds, mean over seeds with its 95 % t interval; the last column is what is left of κ at equal amount, by rate.",
  };
}

/** What moved, and what is left, at the last step. */
export function motionTable(courses: readonly Course[]): StudyTable {
  return {
    title: "Motion at the last step",
    columns: [
      ...["layer", "rate", "loss progress", "displacement", "cosine of fan-in", "effective rank of ΔW_in"],
      ...["units matched to themselves", "r before the ReLU", "r with a stranger", "logits", "KL (nats)"],
    ],
    rows: groups.map(({ layer, rate }) => {
      const networks = courses.filter((course) => course.rate === rate).map(({ told }) => told);
      const last = (pick: (told: DoseTold) => Float64Array) =>
        overSeedsText(networks.map((told) => pick(told).at(-1) ?? Number.NaN));
      const ofLayer = (pick: (course: LayerCourse) => Float64Array) =>
        last((told) => pick(told.layers[layer]));
      return [
        ...[layer, rate, last(({ progress }) => progress), ofLayer(({ displacement }) => displacement)],
        ...[ofLayer(({ fanInCosine }) => fanInCosine), ofLayer(({ rank }) => rank)],
        ...[ofLayer(({ recovered }) => recovered), ofLayer(({ rPre }) => rPre)],
        ...[ofLayer(({ stranger }) => stranger), last(({ logits }) => logits), last(({ kl }) => kl)],
      ];
    }),
    caption:
      "Displacement: root mean square of ‖ΔW‖/‖W₀‖ over the matrices upstream of the units; cosine: of a unit's fan-in with itself before training, mean over units; rank: at most 16; logits and KL: the answers on the probe against those before training.",
  };
}
