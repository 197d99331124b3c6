/** Persistence beyond chance: kappas, moves between classes, and what a layer keeps as a whole. */
import type { Interval } from "../../stats/intervals.ts";
import { type DotRow, dotRowsPanel } from "../dotRows.ts";
import type { FigureSpec } from "../figure.ts";
import { heatMapPanel } from "../heatMaps.ts";
import { fixed, intervalText, listed, percent } from "../numberText.ts";
import { type Population, presetTitle, seedsSentence } from "../population.ts";
import { nowColor } from "../theme.ts";

/** Kappa of one layer and factor; intervals are over seeds. */
export interface KappaGroup {
  label: string;
  kappa: Interval;
  /** Kappa of another network's units of the same index. */
  stranger: Interval;
  /** Kappa on the original's probe, with a position that is never trained. */
  untrained: Interval;
}

/** What {@link correctedKappas} draws of one preset. */
export interface KappasData extends Population {
  groups: readonly KappaGroup[];
}

/** Figure: chance-corrected persistence, a row a layer and factor. */
export function correctedKappas(presets: readonly KappasData[], intervals: string): FigureSpec {
  const findings = presets.map(
    ({ summary, groups }) =>
      `${summary.preset} ${groups
        .map(
          ({ label, kappa }) => `${label} ${fixed(kappa.estimate)} ${intervalText([kappa.low, kappa.high])}`,
        )
        .join(", ")}`,
  );
  return {
    name: "kappas",
    title: `Kappa of the original criterion: ${findings.join("; ")}.`,
    question: "How much of the way from chance to certainty do the most selective units of a layer keep?",
    seeds: seedsSentence(presets),
    nullModel:
      "zero: any unit of the same trained layer (identity shuffle); grey band: units of another initialisation at the same index, 95 % t interval and mean.",
    reading: `Dot: mean over seeds; line: ${intervals}. Hollow: the same on the original's probe, whose last position is never trained, with its 95 % t interval.`,
    panels: presets.map((data) =>
      dotRowsPanel({
        title: presetTitle(data),
        rows: data.groups.map(
          ({ label, kappa, stranger, untrained }): DotRow => ({
            ...{ label, ...kappa, other: untrained },
            null: { low: stranger.low, high: stranger.high, middle: stranger.estimate },
          }),
        ),
        axis: "kappa",
        domain: [-0.3, 1],
        reference: 0,
        color: nowColor,
      }),
    ),
  };
}

/** Class transitions of one layer, pooled over seeds. */
export interface TransitionMap {
  layer: number;
  /** P(after | before), [before][after], row-major; NaN for a class that no unit had. */
  own: ArrayLike<number>;
  /** The same with the classes of another network's units after training. */
  stranger: ArrayLike<number>;
  /** Cohen's kappa over seeds. */
  kappa: Interval;
  strangerKappa: Interval;
}

/** What {@link classMoves} draws of one preset. */
export interface ClassMovesData extends Population {
  layers: readonly TransitionMap[];
}

/** Room for two maps of six classes side by side, px. */
const mapsWidth = 450;

/** Figure: where units of each class end, beside the classes that another network's units end in. */
export function classMoves(
  presets: readonly ClassMovesData[],
  { classes, threshold }: { classes: readonly string[]; threshold: number },
): FigureSpec {
  const findings = presets.flatMap(({ summary, layers }) =>
    layers.map(
      ({ layer, kappa, strangerKappa }) =>
        `${summary.preset} layer ${layer} ${fixed(kappa.estimate)} ${intervalText([kappa.low, kappa.high])} (${fixed(strangerKappa.estimate)})`,
    ),
  );
  return {
    name: "class-moves",
    title: `Agreement of classes before and after, Cohen's kappa (with another network): ${findings.join("; ")}.`,
    question: "What do units become that were tuned to tokens, to positions or to neither?",
    seeds: seedsSentence(presets),
    nullModel:
      "maps at the right: the classes in which units of another initialisation end; rows are then alike, and kappa is zero.",
    reading: `Rows: class before training; columns: after; numbers: % of the row, all seeds together. A unit's class is the source with more than ${percent(threshold)} of its variance.`,
    panels: presets.flatMap((data) =>
      data.layers.map(({ layer, own, stranger, kappa, strangerKappa }) =>
        heatMapPanel({
          title: `${presetTitle(data)} · layer ${layer}`,
          description: classes
            .flatMap((name, row) => {
              const stays = own[row * classes.length + row];
              return Number.isFinite(stays) ? [`${name} stays ${name}: ${percent(stays)}`] : [];
            })
            .join("; "),
          maps: [
            { title: "own units", note: `kappa ${fixed(kappa.estimate)}`, values: own },
            { title: "another network", note: `kappa ${fixed(strangerKappa.estimate)}`, values: stranger },
          ],
          rows: { title: "before", labels: classes },
          columns: { title: "after", labels: classes, upwards: true },
          scale: { kind: "amount", low: 0, high: 1 },
          maxWidth: mapsWidth,
          maxCell: 26,
          cellText: (value) => ({ text: fixed(100 * value, 0) }),
        }),
      ),
    ),
  };
}

/** One layer as a whole. */
export interface LayerKeeps {
  label: string;
  /** Left-out R² of trained tuning on the layer's own initial stream, and on another network's. */
  subspace: Interval;
  subspaceNull: Interval;
  /** Share of units that matching gives back to themselves, and the same of another network's units. */
  recovered: Interval;
  recoveredNull: Interval;
}

/** Figure: identity of units by matching, and the part of trained tuning that lies in the initial stream. */
export function layerKeeps(rows: readonly LayerKeeps[], presets: readonly Population[]): FigureSpec {
  const rowsOf = (own: (row: LayerKeeps) => Interval, other: (row: LayerKeeps) => Interval) =>
    rows.map((row): DotRow => {
      const { low, high, estimate: middle } = other(row);
      return { label: row.label, ...own(row), null: { low, high, middle } };
    });
  return {
    name: "layer-keeps",
    title: `Matching by tuning gives ${listed(
      rows.map(({ label, recovered }) => `${percent(recovered.estimate)} (${label})`),
    )} of the units back to themselves; the initial stream predicts ${listed(
      rows.map(
        ({ subspace, subspaceNull }) =>
          `${fixed(subspace.estimate)} (another network's ${fixed(subspaceNull.estimate)})`,
      ),
    )} of their tuning.`,
    question:
      "Does a unit stay who it was, and does it stay within what its layer could read from the start?",
    seeds: seedsSentence(presets),
    nullModel:
      "grey band: the units, and the initial stream, of another initialisation, 95 % t interval and mean.",
    reading: "Dot: mean over seeds; line: its 95 % t interval.",
    panels: [
      dotRowsPanel({
        title: "units matched to themselves",
        rows: rowsOf(
          ({ recovered }) => recovered,
          ({ recoveredNull }) => recoveredNull,
        ),
        axis: "share of units",
        domain: [0, 1],
        color: nowColor,
      }),
      dotRowsPanel({
        title: "tuning predicted from the initial stream",
        rows: rowsOf(
          ({ subspace }) => subspace,
          ({ subspaceNull }) => subspaceNull,
        ),
        axis: "R² in cells left out",
        domain: [0, 1],
        color: nowColor,
      }),
    ],
  };
}
