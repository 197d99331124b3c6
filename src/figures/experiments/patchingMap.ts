/** What each part of a network carries: effects of patches as maps. */
import { signedScale } from "../colorScale.ts";
import type { FigureSpec, Panel } from "../figure.ts";
import { heatMapPanel } from "../heatMaps.ts";
import { counted, fixed, intervalText } from "../numberText.ts";
import { type Subject, subjectSeeds, subjectSlug } from "../subject.ts";

/** What {@link patchingMap} draws. */
export interface PatchingMapData {
  subject: Subject;
  /** `patching`, or `attribution patching`. */
  method: string;
  /** The metric: `logit difference of 7 and 0`. */
  metric: string;
  /** Pairs of inputs that the means are of. */
  pairs: number;
  /** Names of the axes, e.g. `layer` and `position`. */
  rowTitle: string;
  columnTitle: string;
  rowLabels: readonly string[];
  columnLabels: readonly string[];
  /** One map a site, all with the same axes: mean effects [row][column], row-major; NaN is blank. */
  maps: readonly {
    title: string;
    effects: ArrayLike<number>;
    /** Ends of the 95 % intervals; a cell whose interval leaves 0 out has its number in bold. */
    low?: ArrayLike<number>;
    high?: ArrayLike<number>;
  }[];
}

type PatchingSite = PatchingMapData["maps"][number];

/** Decimals that leave three digits or so. */
const digitsFor = (limit: number) => (limit < 10 ? 2 : limit < 100 ? 1 : 0);

/** Whether the interval of a cell leaves 0 out. */
function isClear({ low, high }: PatchingSite, cell: number): boolean {
  return low !== undefined && high !== undefined && (low[cell] > 0 || high[cell] < 0);
}

/** `L0 · 3`: the place of a cell, by its labels. */
function placeName(
  { rowTitle, columnTitle, rowLabels, columnLabels }: PatchingMapData,
  cell: number,
): string {
  const [row, column] = [Math.floor(cell / columnLabels.length), cell % columnLabels.length];
  return `${rowTitle} ${rowLabels[row]}, ${columnTitle} ${columnLabels[column]}`;
}

/** The cell with the largest |effect|. */
function largestOf(site: PatchingSite): { cell: number; effect: number } | undefined {
  let best: { cell: number; effect: number } | undefined;
  for (let cell = 0; cell < site.effects.length; cell++) {
    const effect = site.effects[cell];
    if (Number.isFinite(effect) && (best === undefined || Math.abs(effect) > Math.abs(best.effect)))
      best = { cell, effect };
  }
  return best;
}

function panelOf(data: PatchingMapData, site: PatchingSite, limit: number, withLegend: boolean): Panel {
  const best = largestOf(site);
  const interval =
    best === undefined || site.low === undefined || site.high === undefined
      ? ""
      : ` ${intervalText([site.low[best.cell], site.high[best.cell]])}`;
  return heatMapPanel({
    title: site.title,
    description: `effects by ${data.rowTitle} and ${data.columnTitle}; ${
      best === undefined
        ? "none was measured"
        : `largest ${fixed(best.effect)}${interval} at ${placeName(data, best.cell)}`
    }`,
    maps: [{ title: "", values: site.effects }],
    rows: { title: data.rowTitle, labels: data.rowLabels },
    columns: { title: data.columnTitle, labels: data.columnLabels },
    scale: { kind: "signed", limit },
    ...(withLegend
      ? {
          legend: {
            title: "effect: 0 as the corrupt input, 1 as the clean one",
            ticks: [
              { value: 0, label: "0" },
              { value: 1, label: "1" },
              { value: -limit, label: fixed(-limit, limit < 1.05 ? 0 : 1) },
              { value: limit, label: fixed(limit, 1) },
            ],
          },
        }
      : {}),
    maxCell: 34,
    cellHeight: data.rowLabels.length > 24 ? 8 : 18,
    cellText: (value, _map, cell) => ({ text: fixed(value, digitsFor(limit)), strong: isClear(site, cell) }),
  });
}

/** Figure: a map a site, all on one scale that is centred at 0. */
export function patchingMap(data: PatchingMapData): FigureSpec {
  const all = data.maps.flatMap(({ effects }) => Array.from(effects));
  const { limit } = signedScale([...all.filter(Number.isFinite), 1]) as { limit: number };
  const found = data.maps.flatMap((site) => {
    const best = largestOf(site);
    return best === undefined ? [] : [{ ...best, title: site.title }];
  });
  const [best] = found.toSorted((a, b) => Math.abs(b.effect) - Math.abs(a.effect));
  const cells = data.maps.flatMap((site) =>
    Array.from(site.effects, (effect, cell) => ({ site, effect, cell })),
  );
  const measured = cells.filter(({ effect }) => Number.isFinite(effect));
  const clear = measured.filter(({ site, cell }) => isClear(site, cell)).length;
  const withIntervals = data.maps.some(({ low }) => low !== undefined);
  return {
    name: subjectSlug(
      `patching-${data.rowTitle}-${data.columnTitle}`.replace(/[^a-z0-9-]+/gi, "-").toLowerCase(),
      data.subject,
    ),
    title:
      best === undefined
        ? `${data.subject.name}: no effect was measured.`
        : `${data.subject.name}: the largest effect of ${data.method} is ${fixed(best.effect)}, of ${best.title} at ${placeName(data, best.cell)}${
            withIntervals ? `; ${clear} of ${measured.length} intervals leave out 0` : ""
          }.`,
    question: `Which parts carry what decides the ${data.metric}?`,
    seeds: subjectSeeds(data.subject),
    nullModel: `a part that carries nothing has 0 (the colour of the page), and so has corrupt put into corrupt; the whole clean run has 1.${
      withIntervals
        ? ` Of ${measured.length} intervals ${fixed(0.05 * measured.length, 1)} leave out 0 by chance.`
        : ""
    }`,
    reading: `Effect of ${data.method} on the ${data.metric}, mean over ${counted(data.pairs, "pair")} of inputs; red towards the clean answer, blue away from it.${
      withIntervals ? " Bold: the 95 % interval over pairs leaves out 0." : ""
    }`,
    panels: data.maps.map((site, i) => panelOf(data, site, limit, i === data.maps.length - 1)),
  };
}
