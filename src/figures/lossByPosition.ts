/** Held-out loss position by position: where a leak shows. */
import { dot, rect, ruleX, text } from "@observablehq/plot";
import type { FigureSpec, Panel } from "./figure.ts";
import { fixed } from "./numberText.ts";
import { type Population, presetTitle } from "./population.ts";
import { singleSeeds, singleSeedsSentence } from "./singleSeeds.ts";
import { columnOf, meanFinite, type Spread, spreadOf } from "./spread.ts";
import { fontSize, ink, muted, nowColor, nullFill, paper } from "./theme.ts";

/** What {@link lossByPosition} draws of one preset; losses in nats. */
export interface LossByPositionData extends Population {
  /** Where the leak alarm is raised, see `leaksByPosition`; not given where nobody asked for it. */
  summary: Population["summary"] & { loss?: { leakAt?: readonly { pos: number }[] } };
  loss: {
    /** After training, [seed][pos]. */
    heldOutByPosition: readonly ArrayLike<number>[];
    floor: { byPosition: readonly number[] } | null;
  };
}

interface PositionLoss extends Spread {
  pos: number;
  mean: number;
  floor: number;
}

function positionLosses({ loss }: LossByPositionData): PositionLoss[] {
  const count = Math.max(0, ...loss.heldOutByPosition.map(({ length }) => length));
  return Array.from({ length: count }, (_, pos) => {
    const values = columnOf(loss.heldOutByPosition, pos);
    return {
      pos,
      mean: meanFinite(values),
      floor: loss.floor?.byPosition[pos] ?? Number.NaN,
      ...spreadOf(values),
    };
  });
}

/** Positions where at least 95 % of the seeds are below what the inputs so far allow. */
function below(positions: readonly PositionLoss[]): number[] {
  return positions.filter(({ high, floor }) => high < floor).map(({ pos }) => pos);
}

/**
 * Positions where a model sees its target: those of the alarm. Seeds are measured on the same sequences, so that all of
 * them can be below the floor by the luck of the draw, which the alarm allows for.
 */
function leaks({ summary }: LossByPositionData, positions: readonly PositionLoss[]): number[] {
  return summary.loss?.leakAt?.map(({ pos }) => pos) ?? below(positions);
}

/** `0–5`, `2`, `0, 3`: ascending whole numbers, runs joined. */
function ranges(numbers: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const number of numbers) {
    const run = runs[runs.length - 1];
    if (run !== undefined && number === run[1] + 1) run[1] = number;
    else runs.push([number, number]);
  }
  return runs.map(([from, to]) => (from === to ? `${from}` : `${from}–${to}`)).join(", ");
}

function panelOf(data: LossByPositionData, top: number): Panel {
  const positions = positionLosses(data);
  const known = positions.filter(({ floor }) => Number.isFinite(floor));
  const dots = singleSeeds(data.loss.heldOutByPosition).flatMap((losses) =>
    Array.from(losses, (loss, pos) => ({ pos, loss })).filter(({ loss }) => Number.isFinite(loss)),
  );
  const leaking = leaks(data, positions);
  return {
    title: presetTitle(data),
    description: `held-out loss at positions 0 to ${positions.length - 1}: ${positions.map(({ mean }) => fixed(mean)).join(", ")} nats; exact floors: ${known.map(({ floor }) => fixed(floor)).join(", ") || "not known"}; below the floor: ${leaking.length === 0 ? "none" : ranges(leaking)}`,
    options: {
      width: 450,
      height: 290,
      marginLeft: 40,
      marginRight: 12,
      marginBottom: 38,
      x: {
        domain: [-0.5, Math.max(0, positions.length - 1) + 0.5],
        ticks: positions.map(({ pos }) => pos),
        tickFormat: (pos: number) => String(pos),
        tickSize: 0,
        label: "position (tokens)",
        labelAnchor: "center",
        labelArrow: "none",
      },
      y: { domain: [0, top], label: "held-out loss (nats)", labelArrow: "none", grid: true, ticks: 5 },
      marks: [
        rect(known, {
          x1: ({ pos }) => pos - 0.46,
          x2: ({ pos }) => pos + 0.46,
          y1: 0,
          y2: "floor",
          fill: nullFill,
        }),
        text(known.length > 0 ? ["grey: out of reach unless the target is seen"] : [], {
          text: (label: string) => label,
          frameAnchor: "top-right",
          dy: -15,
          fill: muted,
          stroke: paper,
          strokeWidth: 4,
          fontSize: fontSize.label,
        }),
        dot(dots, { x: "pos", y: "loss", r: 1.6, fill: nowColor, fillOpacity: 0.35, dx: 7 }),
        ruleX(positions, { x: "pos", y1: "low", y2: "high", stroke: nowColor, strokeWidth: 2, dx: -3 }),
        dot(positions, { x: "pos", y: "mean", r: 4, fill: nowColor, dx: -3 }),
        text(positions, {
          x: "pos",
          y: "high",
          text: ({ mean }) => fixed(mean),
          dx: -3,
          dy: -9,
          fill: ink,
          stroke: paper,
          strokeWidth: 3,
          fontSize: fontSize.label,
        }),
      ],
    },
  };
}

/** Figure: dots are seeds, the large dot their mean; grey is out of reach for who has not seen the target. */
export function lossByPosition(presets: readonly LossByPositionData[]): FigureSpec {
  const perPreset = presets.map((data) => ({ data, positions: positionLosses(data) }));
  const top = Math.max(
    0.1,
    ...perPreset.flatMap(({ positions }) =>
      positions.flatMap(({ high, floor }) => [high, floor]).filter(Number.isFinite),
    ),
  );
  const findings = perPreset.map(({ data, positions }) => {
    const name = data.summary.preset;
    if (data.loss.floor === null) return `${name}: no exact floor is known`;
    const leaking = leaks(data, positions);
    const [first] = leaking;
    if (first === undefined)
      return `${name} is nowhere below its floor${below(positions).length === 0 ? "" : " by more than the draw of sequences explains"}`;
    return `${name} is below the floor at position${leaking.length === 1 ? "" : "s"} ${ranges(leaking)} (${fixed(positions[first].mean)} against ${fixed(positions[first].floor)} nats at ${first})`;
  });
  return {
    name: "loss-by-position",
    title: `${findings.join("; ")}.`,
    question: "At which positions does a model know more than its past allows?",
    seeds: singleSeedsSentence(presets),
    nullModel: "the exact floor H(next token | tokens so far) of every position, top of the grey columns.",
    reading:
      "Small dots: seeds; large dot: their mean, with the middle 90 % of seeds; unseen sequences, after training.",
    panels: perPreset.map(({ data }) => panelOf(data, 1.08 * top)),
  };
}
