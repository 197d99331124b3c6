/** Loss through training, against what an honest predictor could reach at best. */
import { dot, line, ruleY, text } from "@observablehq/plot";
import { quantileSorted } from "../stats/quantile.ts";
import type { FigureSpec, Panel } from "./figure.ts";
import { fixed } from "./numberText.ts";
import { type Population, presetTitle } from "./population.ts";
import { singleSeeds, singleSeedsSentence } from "./singleSeeds.ts";
import { columnOf, meanFinite, sortedFinite } from "./spread.ts";
import { fontSize, ink, muted, nowColor, nullLine, paper } from "./theme.ts";

/** What {@link lossCurves} draws of one preset; losses in nats. */
export interface LossCurvesData extends Population {
  summary: Population["summary"] & { loss: { heldOut: number; leak: boolean } };
  /** Steps of the held-out losses. */
  checkpoints: readonly number[];
  loss: {
    /** [seed][step] */
    train: readonly ArrayLike<number>[];
    /** [seed][checkpoint] */
    heldOut: readonly ArrayLike<number>[];
    floor: { causal: number; leaky: number } | null;
  };
}

/** Points of a drawn curve: more than a panel has pixels to tell apart would only make the file large. */
const longestCurve = 160;

/** Means of consecutive blocks, so that a curve has at most {@link longestCurve} points; `step` is a block's middle. */
function blocks(losses: ArrayLike<number>): { step: number; loss: number }[] {
  const size = Math.ceil(losses.length / longestCurve);
  const points: { step: number; loss: number }[] = [];
  for (let start = 0; start < losses.length; start += size) {
    const end = Math.min(start + size, losses.length);
    let sum = 0;
    for (let step = start; step < end; step++) sum += losses[step];
    points.push({ step: (start + 1 + end) / 2, loss: sum / (end - start) });
  }
  return points;
}

function panelOf(data: LossCurvesData, top: number): Panel {
  // a curve that runs away is not drawn beyond the frame
  const inside = <P extends { loss: number }>(point: P): P =>
    point.loss <= top ? point : { ...point, loss: Number.NaN };
  const seedLines = singleSeeds(data.loss.train).flatMap((losses, seed) =>
    blocks(losses).map((point) => inside({ ...point, seed })),
  );
  const steps = Math.max(0, ...data.loss.train.map(({ length }) => length));
  const mean = blocks(Array.from({ length: steps }, (_, i) => meanFinite(columnOf(data.loss.train, i)))).map(
    inside,
  );
  const heldOut = data.checkpoints.map((step, i) => ({
    step,
    loss: meanFinite(columnOf(data.loss.heldOut, i)),
  }));
  const last = heldOut[heldOut.length - 1];
  const { floor } = data.loss;
  // the label keeps clear of the curves: these end below the floor where there is a leak, above it otherwise
  const side = floor !== null && data.summary.loss.heldOut < floor.causal ? -7 : 9;
  const floors =
    floor === null
      ? []
      : [
          { loss: floor.causal, name: `Bayes floor, target unseen: ${fixed(floor.causal, 3)}` },
          ...(data.config.causal
            ? []
            : [{ loss: floor.leaky, name: `Bayes floor, targets in sight: ${fixed(floor.leaky, 3)}` }]),
        ];
  return {
    title: presetTitle(data),
    description: `training loss of every seed and held-out loss against step; held-out loss ends at ${fixed(last?.loss)} nats, ${floor === null ? "no exact floor is known" : `the exact floor is ${fixed(floor.causal, 3)}`}`,
    options: {
      width: 450,
      height: 290,
      marginLeft: 40,
      marginRight: 44,
      marginBottom: 38,
      x: {
        domain: [0, Math.max(1, steps)],
        label: "step (updates)",
        labelAnchor: "center",
        labelArrow: "none",
        ticks: 5,
      },
      y: { domain: [0, top], label: "loss (nats)", labelArrow: "none", grid: true, ticks: 5 },
      marks: [
        ruleY(floors, { y: "loss", stroke: nullLine, strokeWidth: 1.5 }),
        line(seedLines, {
          x: "step",
          y: "loss",
          z: "seed",
          stroke: nowColor,
          strokeWidth: 0.7,
          strokeOpacity: 0.22,
        }),
        line(mean, { x: "step", y: "loss", stroke: nowColor, strokeWidth: 2 }),
        dot(heldOut, { x: "step", y: "loss", r: 3, fill: paper, stroke: ink, strokeWidth: 1.3 }),
        text(floors.slice(0, 1), {
          y: "loss",
          text: "name",
          frameAnchor: "right",
          textAnchor: "end",
          dx: -2,
          dy: side,
          fill: muted,
          fontSize: fontSize.label,
        }),
        text(floors.slice(1), {
          y: "loss",
          text: "name",
          frameAnchor: "left",
          textAnchor: "start",
          dx: 4,
          dy: -7,
          fill: muted,
          fontSize: fontSize.label,
        }),
        text(last === undefined ? [] : [last], {
          x: "step",
          y: "loss",
          text: ({ loss }) => fixed(loss),
          textAnchor: "start",
          dx: 8,
          fill: ink,
          fontWeight: 600,
          fontSize: fontSize.label,
        }),
      ],
    },
  };
}

function finding(data: LossCurvesData): string {
  const { summary, loss } = data;
  if (!Number.isFinite(summary.loss.heldOut)) return `${summary.preset} has no finite loss left`;
  const end = `${summary.preset} ends at ${fixed(summary.loss.heldOut)} nats`;
  if (loss.floor === null) return end;
  const floor = fixed(loss.floor.causal);
  if (!summary.loss.leak) return `${end}; the floor is ${floor}`;
  return summary.loss.heldOut < loss.floor.causal
    ? `${end}, below the floor of ${floor}: it reads its targets`
    : `${end}, below the floor at single positions only (mean ${floor})`;
}

/** Figure: thin lines are seeds, their mean stands on top, circles are held-out sequences, grey lines exact floors. */
export function lossCurves(presets: readonly LossCurvesData[]): FigureSpec {
  const largest = sortedFinite(
    presets.flatMap(({ loss }) => loss.train.map((losses) => sortedFinite(losses).pop() ?? Number.NaN)),
  );
  // one diverging seed must not flatten all others: it leaves the picture at three times the usual maximum
  const usual = quantileSorted(largest, 0.5);
  const top = Math.ceil(10 * (largest.filter((loss) => loss <= 3 * usual).pop() ?? 1)) / 10;
  return {
    name: "loss-curves",
    title: `${presets.map(finding).join("; ")}.`,
    question: "Do the models learn the task, or do they see what they should predict?",
    seeds: singleSeedsSentence(presets),
    nullModel:
      "the exact Bayes floor (grey), below which no predictor that has not seen the target can stay.",
    reading: `Thin lines: training loss of each seed; thick line: their mean; circles: mean held-out loss at the checkpoints${
      presets.some(({ loss }) => loss.train.some(({ length }) => length > longestCurve))
        ? "; curves are block means"
        : ""
    }.`,
    panels: presets.map((data) => panelOf(data, top)),
  };
}
