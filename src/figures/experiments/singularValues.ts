/** Spectra of weight matrices against random matrices of the same kind. */
import { areaY, dot, line } from "@observablehq/plot";
import { axisNumber } from "../dotRows.ts";
import type { FigureSpec, Panel } from "../figure.ts";
import { panelWidth } from "../heatMaps.ts";
import { fixed, percent } from "../numberText.ts";
import { type Subject, subjectColor, subjectSeeds, subjectSlug } from "../subject.ts";
import { nullFill, nullLine } from "../theme.ts";

/** The spectrum of one matrix. */
export interface Spectrum {
  /** `W_E`, `L0 W_in` */
  name: string;
  /** Descending. */
  values: ArrayLike<number>;
  /** Spectra of random matrices of the same kind: middle 95 % and median at each place. */
  null: { low: ArrayLike<number>; median: ArrayLike<number>; high: ArrayLike<number> };
}

/** What {@link singularValues} draws. */
export interface SingularValuesData {
  subject: Subject;
  matrices: readonly Spectrum[];
  /** What the null is: `matrices of the same shape, drawn as the initialisation draws them`. */
  nullName: string;
}

/** Singular values with the null at their places. */
function pointsOf({ values, null: band }: Spectrum) {
  return Array.from(values, (value, i) => ({
    place: i + 1,
    value,
    low: band.low[i],
    median: band.median[i],
    high: band.high[i],
  })).filter(({ value }) => Number.isFinite(value));
}

const isOutside = ({ value, low, high }: ReturnType<typeof pointsOf>[number]) => value < low || value > high;

function panelOf(spectrum: Spectrum, color: string): Panel {
  const points = pointsOf(spectrum);
  const banded = points.filter(({ low, high }) => Number.isFinite(low + high));
  const top = points
    .flatMap(({ value, high }) => [value, high])
    .filter(Number.isFinite)
    .reduce((a, b) => Math.max(a, b), 0);
  const [first, last] = [points[0], points[points.length - 1]];
  return {
    title: spectrum.name,
    description:
      first === undefined
        ? "no singular values"
        : `singular values from ${fixed(first.value)} to ${fixed(last.value)}, ratio ${fixed(first.value / last.value, 1)}; ${banded.filter(isOutside).length} of ${banded.length} outside the null's band`,
    options: {
      width: panelWidth,
      height: 180,
      marginLeft: 36,
      marginRight: 12,
      marginTop: 18,
      marginBottom: 36,
      x: {
        domain: [0.5, Math.max(1, points.length) + 0.5],
        ticks: Math.min(8, Math.max(1, points.length)),
        tickFormat: (place: number) => (Number.isInteger(place) ? String(place) : ""),
        label: "place",
        labelAnchor: "center",
        labelArrow: "none",
      },
      y: {
        domain: [0, top > 0 ? 1.05 * top : 1],
        ticks: 5,
        tickFormat: (value: number) => axisNumber(value, top),
        label: "singular value",
        labelArrow: "none",
        grid: true,
      },
      marks: [
        areaY(banded, { x: "place", y1: "low", y2: "high", fill: nullFill }),
        line(
          banded.filter(({ median }) => Number.isFinite(median)),
          { x: "place", y: "median", stroke: nullLine },
        ),
        line(points, { x: "place", y: "value", stroke: color, strokeWidth: 1 }),
        dot(points, {
          x: "place",
          y: "value",
          r: points.length > 40 ? 1.5 : 2.5,
          fill: color,
        }),
      ],
    },
  };
}

/** Figure: singular values by place over the band of random matrices. */
export function singularValues(data: SingularValuesData): FigureSpec {
  const points = data.matrices.flatMap((spectrum) =>
    pointsOf(spectrum).filter(({ low, high }) => Number.isFinite(low + high)),
  );
  const outside = points.filter(isOutside).length;
  return {
    name: subjectSlug("singular-values", data.subject),
    title:
      points.length === 0
        ? `${data.subject.name}: no spectrum has a null to compare with.`
        : `${data.subject.name}: ${outside} of ${points.length} singular values (${percent(outside / points.length)}) lie outside what random matrices have; ${percent(0.05)} would by chance.`,
    question: "Have the weight matrices directions that random matrices do not have?",
    seeds: subjectSeeds(data.subject),
    nullModel: `grey band and line: ${data.nullName}; middle 95 % and median at each place.`,
    reading: "Dots: singular values of the matrix, the largest first.",
    panels: data.matrices.map((spectrum) => panelOf(spectrum, subjectColor(data.subject))),
  };
}
