/** What single units respond to: a map of every token at every position, with the means of both at its edges. */
import { signedScale } from "../colorScale.ts";
import type { FigureSpec, Panel } from "../figure.ts";
import { type HeatMap, heatMapPanel } from "../heatMaps.ts";
import { counted, fixed } from "../numberText.ts";
import { meanFinite } from "../spread.ts";
import { type Subject, subjectSeeds, subjectSlug } from "../subject.ts";

/** One unit of {@link TokenPositionMapsData}. */
export interface TokenPositionUnit {
  /** `L0N17` */
  name: string;
  /** Mean activation in every cell, [token][pos], row-major; NaN where there is none. */
  cellMeans: ArrayLike<number>;
  /** Largest deviation of a cell from the unit's mean that permuted labels give (95 % quantile), activation units. */
  chance?: number;
}

/** What {@link tokenPositionMaps} draws. */
export interface TokenPositionMapsData {
  subject: Subject;
  /** Labels of the token axis. */
  tokens: readonly string[];
  nPos: number;
  /** Each group is a panel, e.g. `layer 0 · MLP`; a dozen units a group at most read well. */
  groups: readonly { title: string; units: readonly TokenPositionUnit[] }[];
}

/** A unit's cells as deviations from its mean, with the means over positions and over tokens. */
interface Deviations {
  unit: TokenPositionUnit;
  /** [token and, last, all tokens][pos and, last, all positions], row-major; the last corner is blank. */
  values: Float64Array;
  /** Largest |deviation| of a cell and where it is; 0 for a unit that does not change. */
  largest: { size: number; value: number; token: number; pos: number };
  /** Variance of the token curve and of the position curve. */
  token: number;
  position: number;
}

function deviationsOf(unit: TokenPositionUnit, dVocab: number, nPos: number): Deviations {
  const cells = Array.from({ length: dVocab * nPos }, (_, i) => unit.cellMeans[i]);
  const mean = meanFinite(cells);
  const columns = nPos + 1;
  const values = new Float64Array((dVocab + 1) * columns).fill(Number.NaN);
  const largest = { size: 0, value: 0, token: 0, pos: 0 };
  cells.forEach((cell, i) => {
    const [token, pos] = [Math.floor(i / nPos), i % nPos];
    const value = cell - mean;
    values[token * columns + pos] = value;
    if (Math.abs(value) > largest.size) Object.assign(largest, { size: Math.abs(value), value, token, pos });
  });
  const tokenCurve = Array.from({ length: dVocab }, (_, token) =>
    meanFinite(values.subarray(token * columns, token * columns + nPos)),
  );
  const positionCurve = Array.from({ length: nPos }, (_, pos) =>
    meanFinite(Array.from({ length: dVocab }, (_, token) => values[token * columns + pos])),
  );
  tokenCurve.forEach((value, token) => {
    values[token * columns + nPos] = value;
  });
  positionCurve.forEach((value, pos) => {
    values[dVocab * columns + pos] = value;
  });
  const power = (curve: readonly number[]) => meanFinite(curve.map((value) => value * value));
  return { unit, values, largest, token: power(tokenCurve), position: power(positionCurve) };
}

/** The map on the unit's own scale: −1 to 1. A unit that does not change has no colour. */
function mapOf({ unit, values, largest }: Deviations): HeatMap {
  const chance = unit.chance === undefined ? "" : ` (${fixed(unit.chance)})`;
  return {
    title: unit.name,
    note: largest.size === 0 ? "silent" : `±${fixed(largest.size)}${chance}`,
    values: values.map((value) => value / Math.max(largest.size, Number.MIN_VALUE)),
  };
}

const cellName = ({ tokens }: TokenPositionMapsData, { token, pos }: { token: number; pos: number }) =>
  `token ${tokens[token]} at ${pos}`;

function panelOf(
  data: TokenPositionMapsData,
  { title, units }: { title: string; units: readonly Deviations[] },
  withLegend: boolean,
): Panel {
  const { tokens, nPos } = data;
  const described = units.map(({ unit, largest }) =>
    largest.size === 0
      ? `${unit.name} silent`
      : `${unit.name} ${fixed(largest.value)} for ${cellName(data, largest)}`,
  );
  return heatMapPanel({
    title,
    description: `mean activation by token and position; strongest cells: ${described.join("; ") || "no units"}`,
    maps: units.map(mapOf),
    rows: { title: "token", labels: [...tokens, "all"], gapBefore: tokens.length },
    columns: {
      title: "position",
      labels: [...Array.from({ length: nPos }, (_, pos) => String(pos)), "all"],
      gapBefore: nPos,
    },
    scale: signedScale([1]),
    ...(withLegend
      ? {
          legend: {
            title: "deviation from the unit's mean, of its largest",
            ticks: [
              { value: -1, label: "−1" },
              { value: 0, label: "0" },
              { value: 1, label: "+1" },
            ],
          },
        }
      : {}),
    // cells of at least five pixels or so
    across: nPos <= 9 ? 3 : nPos <= 18 ? 2 : 1,
  });
}

/**
 * Figure: token × position maps of chosen units, each on its own scale, for units differ in strength by an order of
 * magnitude and it is the shape that is compared; how strong each is stands beneath its name.
 */
export function tokenPositionMaps(data: TokenPositionMapsData): FigureSpec {
  const groups = data.groups.map(({ title, units }) => ({
    title,
    units: units.map((unit) => deviationsOf(unit, data.tokens.length, data.nPos)),
  }));
  const all = groups.flatMap(({ units }) => units);
  const tuned = all.filter(({ largest }) => largest.size > 0);
  const byToken = tuned.filter(({ token, position }) => token > position).length;
  const [strongest] = tuned.toSorted((a, b) => b.largest.size - a.largest.size);
  const withChance = all.some(({ unit }) => unit.chance !== undefined);
  return {
    name: subjectSlug("token-position-maps", data.subject),
    title:
      strongest === undefined
        ? `${data.subject.name}: no unit that changes is shown.`
        : `${data.subject.name}: in ${byToken} of ${counted(tuned.length, "unit")} shown the token outweighs the position; the strongest cell is ${cellName(data, strongest.largest)} of ${strongest.unit.name} (${fixed(strongest.largest.value)}).`,
    question: "Which tokens, at which positions, does each unit respond to?",
    seeds: subjectSeeds(data.subject),
    nullModel: withChance
      ? "no tuning has the colour of the page everywhere; in brackets the largest deviation that permuted labels give, its 95 % quantile."
      : "no tuning has the colour of the page everywhere.",
    reading:
      "One map a unit: rows are tokens, columns positions, and set apart their means over all positions and over all tokens. Blue is below and red above the unit's mean; the number beneath a name is what ±1 stands for, in activation units.",
    panels: groups.map((group, i) => panelOf(data, group, i === groups.length - 1)),
  };
}
