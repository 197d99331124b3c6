/** Training beside noise of its size, what of a displacement moves tuning, and tuning by output scale and by width. */
import { barX, dot, line, link, ruleX, ruleY, text, tickX } from "@observablehq/plot";
import { axisNumber, type DotRow, dotRowsPanel } from "../dotRows.ts";
import type { FigureSpec, Panel } from "../figure.ts";
import { counted, fixed, intervalText } from "../numberText.ts";
import { meanInterval } from "../spread.ts";
import { longestLabel } from "../textWidth.ts";
import { fontSize, ink, muted, nowColor, nullFill, nullLine, paper } from "../theme.ts";

const panelWidth = 400;

/** One setting in one layer, by seed. */
export interface NoiseSetting {
  setting: string;
  layer: number;
  /** r with the initialisation of the trained network, and of networks displaced as far by noise. */
  trained: readonly number[];
  isotropic: readonly number[];
  gradient: readonly number[];
}

/** What {@link noiseDifferences} and {@link noiseLevels} draw. */
export interface NoiseSettingsData {
  settings: readonly NoiseSetting[];
  /** Difference that counts as none. */
  margin: number;
  seeds: number;
}

const layersOf = (rows: readonly { layer: number }[]) => [...new Set(rows.map(({ layer }) => layer))];
const minus = (a: readonly number[], b: readonly number[]) => a.map((value, at) => value - b[at]);
const ends = (values: readonly number[]) => {
  const finite = values.filter(Number.isFinite);
  return finite.length === 0 ? [Number.NaN, Number.NaN] : [Math.min(...finite), Math.max(...finite)];
};
const paired = (seeds: number) =>
  `${counted(seeds, "seed")}, each a trained network and noise of the size of its own displacement.`;

/** Figure: r trained − r of isotropic noise, seed by seed, over the margin that counts as none. */
export function noiseDifferences({ settings, margin, seeds }: NoiseSettingsData): FigureSpec {
  const all = settings.map((row) => ({ ...row, difference: minus(row.trained, row.isotropic) }));
  const [low, high] = ends(
    all.flatMap(({ difference }) => {
      const interval = meanInterval(difference);
      return [...difference, interval.low, interval.high, -margin, margin];
    }),
  );
  const pad = (high - low) / 25;
  const spans = layersOf(settings).map((layer) => {
    const means = all
      .filter((row) => row.layer === layer)
      .map(({ difference }) => meanInterval(difference).mean);
    const [least, most] = ends(means);
    return `${fixed(least)} to ${fixed(most)} in layer ${layer}`;
  });
  return {
    name: "noise-differences",
    title: `Trained minus displaced at random by as much: r ${spans.join(", ")}.`,
    question:
      "Does training keep tuning better (right of 0) or worse (left) than isotropic noise of equal size?",
    seeds: paired(seeds),
    nullModel: `0, the same as isotropic noise of equal Frobenius norm in every tensor; grey band: ±${fixed(margin)}, differences that count as none.`,
    reading:
      "Thin tick: one seed. Dot: mean over seeds with its 95 % t interval. r is the correlation of a unit's mean activations by token and position before and after, mean over units.",
    panels: layersOf(settings).map((layer) =>
      differencePanel(
        layer,
        all.filter((row) => row.layer === layer),
        { margin, domain: [low - pad, high + pad] },
      ),
    ),
  };
}

function differencePanel(
  layer: number,
  rows: readonly { setting: string; difference: readonly number[] }[],
  { margin, domain }: { margin: number; domain: [number, number] },
): Panel {
  const marginLeft =
    Math.ceil(
      Math.min(
        panelWidth / 2.2,
        longestLabel(
          rows.map(({ setting }) => setting),
          fontSize.small,
        ),
      ),
    ) + 8;
  const means = rows.map(({ setting, difference }) => ({ setting, ...meanInterval(difference) }));
  const points = rows.flatMap(({ setting, difference }) =>
    difference.filter(Number.isFinite).map((value) => ({ setting, value })),
  );
  return {
    title: `layer ${layer}`,
    description: means
      .map(({ setting, mean, low, high }) => `${setting} ${fixed(mean, 3)} ${intervalText([low, high], 3)}`)
      .join("; "),
    options: {
      width: panelWidth,
      height: 48 + 34 * rows.length,
      ...{ marginLeft, marginRight: 12, marginTop: 8, marginBottom: 38 },
      x: {
        domain,
        ticks: 4,
        tickFormat: (value: number) => axisNumber(value, domain[1] - domain[0]),
        label: "r trained − r noise",
        labelAnchor: "center",
        labelArrow: "none",
        grid: true,
      },
      y: { type: "band", domain: rows.map(({ setting }) => setting), axis: null, padding: 0.2 },
      marks: [
        barX(rows, { x1: -margin, x2: margin, y: "setting", insetTop: -4, insetBottom: -4, fill: nullFill }),
        ruleX([0], { stroke: nullLine }),
        tickX(points, {
          x: "value",
          y: "setting",
          insetTop: 6,
          insetBottom: 6,
          stroke: nowColor,
          strokeOpacity: 0.35,
        }),
        link(
          means.filter(({ low, high }) => Number.isFinite(low + high)),
          { x1: "low", x2: "high", y: "setting", stroke: nowColor, strokeWidth: 3 },
        ),
        dot(
          means.filter(({ mean }) => Number.isFinite(mean)),
          { x: "mean", y: "setting", r: 4, fill: nowColor, stroke: paper },
        ),
        text(means, {
          x: "mean",
          y: "setting",
          text: ({ mean }: { mean: number }) => fixed(mean, 3),
          dy: -12,
          ...{ fill: ink, stroke: paper, strokeWidth: 3, fontWeight: 600, fontSize: fontSize.small },
        }),
        text(rows, {
          y: "setting",
          text: "setting",
          frameAnchor: "left",
          textAnchor: "end",
          ...{ dx: -6, fill: ink, fontSize: fontSize.small },
        }),
      ],
    },
  };
}

/** Figure: r of trained networks between two noises of their size. */
export function noiseLevels({ settings, seeds }: NoiseSettingsData): FigureSpec {
  const middle = (pick: (row: NoiseSetting) => readonly number[], layer: number) =>
    meanInterval(settings.filter((row) => row.layer === layer).map((row) => meanInterval(pick(row)).mean))
      .mean;
  const inLayers = (pick: (row: NoiseSetting) => readonly number[]) =>
    layersOf(settings)
      .map((layer) => fixed(middle(pick, layer)))
      .join(" and ");
  const [lowest] = ends(
    settings.flatMap(({ trained, isotropic, gradient }) =>
      [trained, isotropic, gradient].map((of) => meanInterval(of).mean),
    ),
  );
  const floor = Number.isFinite(lowest) ? Math.floor((lowest - 0.05) * 10) / 10 : 0;
  return {
    name: "noise-levels",
    title: `Tuning kept on average (layers ${layersOf(settings).join(" and ")}): r ${inLayers(({ trained }) => trained)} after training, ${inLayers(({ isotropic }) => isotropic)} after isotropic noise and ${inLayers(({ gradient }) => gradient)} after noise among its gradients, all of one size.`,
    question: "How much tuning is left after training, and after noise of the same size?",
    seeds: paired(seeds),
    nullModel: "grey band and tick: isotropic noise of equal size in every tensor, 95 % t interval and mean.",
    reading:
      "Filled: trained. Hollow: normal noise with the covariance of gradients along the training path, equal in size too. Lines: 95 % t intervals over seeds.",
    panels: layersOf(settings).map((layer) =>
      dotRowsPanel({
        title: `layer ${layer}`,
        rows: settings
          .filter((row) => row.layer === layer)
          .map(({ setting, trained, isotropic, gradient }): DotRow => {
            const [own, null_, other] = [trained, isotropic, gradient].map(meanInterval);
            return {
              label: setting,
              estimate: own.mean,
              ...{ low: own.low, high: own.high },
              null: { low: null_.low, high: null_.high, middle: null_.mean },
              other: { estimate: other.mean, low: other.low, high: other.high },
            };
          }),
        axis: "r with the initialisation",
        domain: [floor, 1],
        color: nowColor,
        width: panelWidth,
      }),
    ),
  };
}

/** A kind of noise in one layer: r of the noise − r of isotropic noise, mean over the settings, by seed. */
export interface NoiseRung {
  kind: string;
  layer: number;
  difference: readonly number[];
  /** Training itself. */
  isTraining?: boolean;
}

/** Figure: what a displacement must keep of training's to move tuning as training does. */
export function noiseLadder(rungs: readonly NoiseRung[], seeds: number): FigureSpec {
  const rowsOf = (layer: number) => rungs.filter((rung) => rung.layer === layer);
  const intervals = new Map(rungs.map((rung) => [rung, meanInterval(rung.difference)]));
  const of = (rung: NoiseRung) => intervals.get(rung) as ReturnType<typeof meanInterval>;
  const [low, high] = ends(rungs.flatMap((rung) => [of(rung).low, of(rung).high, 0]));
  const pad = Math.max(0.005, (high - low) / 20);
  const training = rungs
    .filter(({ isTraining }) => isTraining)
    .map((rung) => `${fixed(of(rung).mean, 3)} in layer ${rung.layer}`);
  return {
    name: "noise-ladder",
    title: `r after training − r after isotropic noise of its size is ${training.join(" and ")}. Rows: noise that keeps more and more of what training did.`,
    question: "Which property of training's displacement moves tuning more than isotropic noise does?",
    seeds: `${paired(seeds)} Mean over the settings.`,
    nullModel: "0: isotropic noise. All rows have the displacement's Frobenius norm in every tensor.",
    reading:
      "Dot: r of networks displaced so − r of isotropic noise, mean over seeds with its 95 % t interval (not adjusted, exploratory). In colour: training itself. Grey band: training's interval.",
    panels: layersOf(rungs).map((layer) => {
      const own = rowsOf(layer).find(({ isTraining }) => isTraining);
      return dotRowsPanel({
        title: `layer ${layer}`,
        rows: rowsOf(layer).map((rung): DotRow => {
          const { mean, ...interval } = of(rung);
          const band = own === undefined ? undefined : { low: of(own).low, high: of(own).high };
          return {
            label: rung.kind,
            estimate: mean,
            ...interval,
            null: band,
            strong: rung.isTraining ?? false,
          };
        }),
        axis: "r − r of isotropic noise",
        domain: [low - pad, high + pad],
        reference: 0,
        color: nowColor,
        digits: 3,
        width: panelWidth,
      });
    }),
  };
}

/** One part of a network displaced alone, in one layer's tuning, by seed. */
export interface PartAlone {
  part: string;
  layer: number;
  trained: readonly number[];
  isotropic: readonly number[];
}

/** Figure: tuning after one part alone went where training took it, or as far at random. */
export function partsAlone(parts: readonly PartAlone[], seeds: number): FigureSpec {
  const differences = parts.map((row) => ({ row, ...meanInterval(minus(row.trained, row.isotropic)) }));
  const largest = [...differences].sort((a, b) => Math.abs(b.mean) - Math.abs(a.mean))[0];
  const [lowest] = ends(
    parts.flatMap(({ trained, isotropic }) => [trained, isotropic].map((of) => meanInterval(of).low)),
  );
  return {
    name: "parts-alone",
    title:
      largest === undefined
        ? "No part was measured."
        : `Of parts displaced alone, training differs from noise most in ${largest.row.part} (layer ${largest.row.layer}): r ${fixed(largest.mean, 3)} ${intervalText([largest.low, largest.high], 3)}.`,
    question: "Displacements of which part make the difference?",
    seeds: `${paired(seeds)} Mean over the settings.`,
    nullModel:
      "grey band and tick: the same part displaced by isotropic noise of equal size, 95 % t interval and mean.",
    reading:
      "Dot: only this part has its trained weights, all others their initial ones. Lines: 95 % t intervals over seeds (exploratory).",
    panels: layersOf(parts).map((layer) =>
      dotRowsPanel({
        title: `layer ${layer}`,
        rows: parts
          .filter((row) => row.layer === layer)
          .map(({ part, trained, isotropic }): DotRow => {
            const { mean, ...interval } = meanInterval(trained);
            const { mean: middle, ...band } = meanInterval(isotropic);
            return { label: part, estimate: mean, ...interval, null: { ...band, middle } };
          }),
        axis: "r with the initialisation",
        domain: [Number.isFinite(lowest) ? Math.floor(lowest * 20) / 20 : 0, 1],
        color: nowColor,
        width: panelWidth,
      }),
    ),
  };
}

/** Networks of one value of a sweep, by seed. */
export interface SweepPoint {
  at: number;
  /** r with the initialisation, [layer][seed]. */
  r: readonly (readonly number[])[];
}

/** Sweep of one panel. */
export interface Sweep {
  title: string;
  points: readonly SweepPoint[];
  /** Slope of r (both layers) on the axis' logarithm, as the title of the figure shows it. */
  slope: string;
}

/** The texts that differ between sweeps. */
export interface SweepTexts {
  name: string;
  title: string;
  question: string;
  axis: string;
  nullModel: string;
  seeds: number;
}

/** Figure: r against what was varied, a panel a kind of network; both layers. */
export function sweepFigure(sweeps: readonly Sweep[], texts: SweepTexts): FigureSpec {
  const { name, title, question, axis, nullModel, seeds } = texts;
  return {
    name,
    title,
    question,
    seeds: `${counted(seeds, "seed")}; seeds share initialisations and data where the sizes agree.`,
    nullModel,
    reading:
      "Thin lines: seeds. Dots: means with their 95 % t intervals; filled layer 0, hollow layer 1. r is the correlation of tuning with the initialisation, mean over units.",
    panels: sweeps.map((sweep) => sweepPanel(sweep, axis)),
  };
}

function sweepPanel({ title, points, slope }: Sweep, axis: string): Panel {
  const layers = points[0]?.r.map((_, layer) => layer) ?? [];
  const means = layers.flatMap((layer) =>
    points.map(({ at, r }) => ({ at, layer, ...meanInterval(r[layer]) })),
  );
  const threads = layers.flatMap((layer) =>
    points.flatMap(({ at, r }) => r[layer].map((value, seed) => ({ at, value, thread: `${layer} ${seed}` }))),
  );
  const [lowest] = ends(threads.map(({ value }) => value).concat(0));
  const first = points[0]?.at;
  const finite = means.filter(({ mean }) => Number.isFinite(mean));
  return {
    title: `${title} · ${slope}`,
    description: finite
      .map(
        ({ at, layer, mean, low, high }) =>
          `layer ${layer} at ${at}: ${fixed(mean)} ${intervalText([low, high])}`,
      )
      .join("; "),
    options: {
      width: 270,
      height: 250,
      ...{ marginLeft: 34, marginRight: 14, marginTop: 28, marginBottom: 38 },
      x: {
        type: "log",
        domain: ends(points.map(({ at }) => at)),
        ticks: points.map(({ at }) => at),
        tickFormat: (value: number) => String(value),
        label: axis,
        labelAnchor: "center",
        labelArrow: "none",
      },
      y: {
        domain: [Math.max(-1, lowest), 1],
        ticks: 5,
        label: "r with the initialisation",
        labelArrow: "none",
        tickFormat: (value: number) => fixed(value, 1),
        grid: true,
      },
      marks: [
        ruleY([0], { stroke: nullLine, strokeWidth: 1.5 }),
        line(
          threads.filter(({ value }) => Number.isFinite(value)),
          { x: "at", y: "value", z: "thread", stroke: muted, strokeOpacity: 0.25, strokeWidth: 0.75 },
        ),
        line(finite, { x: "at", y: "mean", z: "layer", stroke: nowColor, strokeWidth: 1.5 }),
        link(
          finite.filter(({ low, high }) => Number.isFinite(low + high)),
          { x1: "at", x2: "at", y1: "low", y2: "high", stroke: nowColor, strokeWidth: 2.5 },
        ),
        dot(finite, {
          x: "at",
          y: "mean",
          r: 4,
          stroke: nowColor,
          strokeWidth: 1.5,
          fill: ({ layer }: { layer: number }) => (layer === 0 ? nowColor : paper),
        }),
        ...layers.map((layer) =>
          text(
            finite.filter((mean) => mean.at === first && mean.layer === layer),
            {
              x: "at",
              y: "mean",
              text: () => `layer ${layer}`,
              ...{ textAnchor: "start", dx: 7, dy: layer === 0 ? -8 : 9 },
              ...{ fill: ink, stroke: paper, strokeWidth: 3, fontSize: fontSize.small },
            },
          ),
        ),
      ],
    },
  };
}
