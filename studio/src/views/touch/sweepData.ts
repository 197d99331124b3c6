/** A patching sweep as numbers to show: means over seeds with every seed behind them. */
import { seedInterval } from "../../../../src/features/seedInterval.ts";
import type { FigureSpec } from "../../../../src/figures/figure.ts";
import { heatMapPanel } from "../../../../src/figures/heatMaps.ts";
import { counted, fixed, intervalText } from "../../../../src/figures/numberText.ts";
import { type Subject, subjectSeeds, subjectSlug } from "../../../../src/figures/subject.ts";
import type { Interval } from "../../../../src/stats/intervals.ts";
import type { SweepKind } from "../../state/touchChoice.ts";
import type { PatchRowSeen } from "../../workers/looks/patchRow.ts";

/** A cell of a sweep. */
export interface SweepCell {
  readonly layer: number;
  /** Position or head. */
  readonly index: number;
  /** [model]; NaN where a seed does not tell clean from corrupt, or diverged. */
  readonly bySeed: Float64Array;
  /** Mean with its 95 % t interval over seeds with a number. */
  readonly over: Interval;
}

/** Whether the interval of a cell leaves 0 out. */
export const isClear = ({ over: { low, high } }: SweepCell) => low > 0 || high < 0;

/** How a sweep is read. */
export interface SweepReading {
  /** As shares of the way from corrupt to clean; else as change of the measure against the unpatched run. */
  readonly share: boolean;
  readonly direction: "denoising" | "noising";
  readonly cells: number;
}

/** All cells, line by line; of lines that are not there yet null. */
export function sweepCells(
  lines: readonly (PatchRowSeen | null)[],
  { share, direction, cells }: SweepReading,
): (SweepCell | null)[] {
  return lines.flatMap((line, layer) =>
    Array.from({ length: cells }, (_, index) => {
      if (line === null) return null;
      const base = direction === "denoising" ? line.corrupt : line.clean;
      const bySeed = base.map((unpatched, model) => {
        const at = model * cells + index;
        return share ? line.effects[at] : line.patched[at] - unpatched;
      });
      return { layer, index, bySeed, over: seedInterval(bySeed) };
    }),
  );
}

/** What the parts of a kind are called. */
export const sweptNames: Readonly<Record<SweepKind, { site: string; column: "position" | "head" }>> = {
  stream: { site: "residual stream before the layer", column: "position" },
  heads: { site: "heads", column: "head" },
  mlp: { site: "MLP output", column: "position" },
};

/** The largest |mean|, at least 1 for shares: what the last colour stands for. */
export function sweepLimit(maps: readonly (readonly (SweepCell | null)[])[], share: boolean): number {
  const sizes = maps.flat().flatMap((cell) => (cell === null ? [] : [Math.abs(cell.over.estimate)]));
  const largest = Math.max(share ? 1 : 0, ...sizes.filter(Number.isFinite));
  return largest > 0 ? largest : 1;
}

/** What {@link sweepFigure} draws. */
export interface SweepFigureData {
  readonly subject: Subject;
  readonly over: SweepKind;
  readonly measure: string;
  readonly share: boolean;
  readonly direction: "denoising" | "noising";
  readonly columnLabels: readonly string[];
  readonly layers: number;
  /** The step that is looked at, then the networks before training where they are others; drawn the other way round. */
  readonly maps: readonly { readonly title: string; readonly cells: readonly (SweepCell | null)[] }[];
}

/** Decimals that leave three digits or so. */
export const sweepDigits = (limit: number) => (limit < 10 ? 2 : limit < 100 ? 1 : 0);

/** Figure: the maps of a sweep, for a file or a finding. */
export function sweepFigure(data: SweepFigureData): FigureSpec {
  const { subject, over, measure, share, direction, maps, columnLabels } = data;
  const { site, column } = sweptNames[over];
  const limit = sweepLimit(
    maps.map(({ cells }) => cells),
    share,
  );
  const rowLabels = Array.from({ length: data.layers }, (_, layer) => String(layer));
  const [own] = maps.map(({ cells }) => cells.filter((cell) => cell !== null));
  const known = own.filter(({ over: { estimate } }) => Number.isFinite(estimate));
  const [best] = known.toSorted((a, b) => Math.abs(b.over.estimate) - Math.abs(a.over.estimate));
  const clear = known.filter(isClear).length;
  const placeOf = ({ layer, index }: SweepCell) => `layer ${layer}, ${column} ${columnLabels[index]}`;
  const amount = ({ over: { estimate, low, high } }: SweepCell) =>
    `${fixed(estimate)} ${intervalText([low, high])}`;
  return {
    name: subjectSlug(`sweep-${over}-${direction}`, subject),
    title:
      best === undefined
        ? `${subject.name}: no effect was measured.`
        : `${subject.name}: of all patches of the ${site} (${direction}) that of ${placeOf(best)} does most, ${amount(best)}${share ? "" : " logits"}; ${clear} of ${known.length} intervals leave out 0.`,
    question: `Which parts carry what decides the ${measure}?`,
    seeds: subjectSeeds(subject),
    nullModel: `a part that carries nothing has 0, the colour of the page; of ${counted(known.length, "interval")} ${fixed(0.05 * known.length, 1)} leave it out by chance.${
      maps.length > 1 ? " Beside it the same sweep before training." : ""
    }`,
    reading: `${
      direction === "denoising"
        ? "Parts of the clean sequence put into the other: what suffices for the clean answer."
        : "Parts of the other sequence put into the clean one: what is needed for the clean answer."
    } ${
      share
        ? `Share of the way of the ${measure} from the other sequence (0) to the clean one (1)`
        : `Change of the ${measure} by the patch, logits`
    }, mean over seeds. Bold: the 95 % t interval over seeds leaves out 0.`,
    panels: maps.toReversed().map(({ title, cells }, i) =>
      heatMapPanel({
        title,
        description: cells
          .flatMap((cell) => (cell === null ? [] : [`${placeOf(cell)} ${amount(cell)}`]))
          .join("; "),
        maps: [{ title: "", values: cells.map((cell) => cell?.over.estimate ?? Number.NaN) }],
        rows: { title: "layer", labels: rowLabels },
        columns: { title: column, labels: columnLabels },
        scale: { kind: "signed", limit },
        ...(i === maps.length - 1
          ? {
              legend: {
                title: share ? "share of the way to the clean answer" : "change, logits",
                ticks: [0, -limit, limit].map((value) => ({
                  value,
                  label: fixed(value, sweepDigits(limit)),
                })),
              },
            }
          : {}),
        ...{ maxCell: 34, cellHeight: data.layers > 24 ? 8 : 18 },
        cellText: (value, _map, at) => ({
          text: fixed(value, sweepDigits(limit)),
          strong: cells[at] !== null && isClear(cells[at]),
        }),
      }),
    ),
  };
}
