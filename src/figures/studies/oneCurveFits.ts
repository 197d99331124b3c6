/** How well one curve of each amount serves all learning rates. */
import { dotRowsPanel } from "../dotRows.ts";
import type { FigureSpec } from "../figure.ts";
import { counted, fixed, listed } from "../numberText.ts";
import { meanInterval } from "../spread.ts";
import { ink } from "../theme.ts";

/** What {@link oneCurveFits} draws. */
export interface OneCurveFitsData {
  readonly seeds: number;
  readonly rows: readonly {
    readonly layer: number;
    /** Name of the amount. */
    readonly label: string;
    /** R² of exp(−(x/τ)^β), one a seed. */
    readonly stretched: ArrayLike<number>;
    /** R² of any falling curve, one a seed. */
    readonly monotone: ArrayLike<number>;
  }[];
}

/** Mean over seeds with its interval; without an interval the point alone. */
function estimateOf(values: ArrayLike<number>) {
  const { mean, low, high } = meanInterval(values);
  return { estimate: mean, low, high };
}

/** Figure: R² of every amount in every layer, best first. */
export function oneCurveFits({ seeds, rows }: OneCurveFitsData): FigureSpec {
  const layers = [...new Set(rows.map(({ layer }) => layer))];
  const ranked = layers.map((layer) =>
    rows
      .filter((row) => row.layer === layer)
      .map(({ label, stretched, monotone }) => ({
        ...{ label, ...estimateOf(stretched), other: estimateOf(monotone) },
      }))
      .sort((a, b) => b.estimate - a.estimate),
  );
  const lowest = Math.min(
    0,
    ...ranked.flat().flatMap(({ low, other }) => [low, other.low].filter(Number.isFinite)),
  );
  const best = layers.map((layer, i) => ({ layer, label: ranked[i][0]?.label, r2: ranked[i][0]?.estimate }));
  const same = best.every(({ label }) => label === best[0]?.label);
  const finding = same
    ? `${best[0]?.label ?? "none"}: R² ${listed(best.map(({ r2 }) => fixed(r2, 3)))} in layers ${listed(layers.map(String))}`
    : listed(best.map(({ layer, label, r2 }) => `${label} (R² ${fixed(r2, 3)}) in layer ${layer}`));
  return {
    name: "dose-response-amounts",
    title: `Of all amounts, one curve for all learning rates fits best in ${finding}.`,
    question: "Which amount of training, of motion or of learning tells how much tuning is left?",
    seeds: `${counted(seeds, "seed")} at each rate; each is predicted by the curve of the others.`,
    nullModel: "R² = 0 (dashed): predicting the mean of the other seeds, whatever the amount.",
    reading:
      "Full dot: exp(−(x/τ)^β); hollow: any curve that does not rise. Lines: 95 % t intervals over seeds, mostly narrower than the dot.",
    panels: layers.map((layer, i) =>
      dotRowsPanel({
        ...{
          title: `layer ${layer}`,
          rows: ranked[i].map((row) => ({ ...row, note: fixed(row.estimate, 3) })),
        },
        ...{ axis: "R² of one curve, left-out seeds", reference: 0, domain: [lowest, 1.02], color: ink },
        ...{ digits: 3, width: 450 },
      }),
    ),
  };
}
