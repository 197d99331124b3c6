/** The figures of a sweep: what its statistics are along every swept field. */
import {
  amountColors,
  categoryColors,
  counted,
  type FigureSpec,
  listed,
  nowColor,
  type ResponsePanel,
  type ResponseSeries,
  responses,
  thenColor,
} from "../../figures/index.ts";
import type { JsonValue } from "../../record/canonicalJson.ts";
import { movesText, type SweptField, valuesText, valueText } from "./expand.ts";
import { hasField, openStudy } from "./fields.ts";
import { type SummarisedPoint, type SweepSummary, statisticOf } from "./summary.ts";

/** Most panels of a figure. */
const mostPanels = 12;

const kinds = ["token", "position"] as const;

/** Points that differ in one grid field and in what was drawn, and in nothing else. */
interface Slice {
  /** What is fixed, for the reader; empty where nothing else was swept. */
  readonly name: string;
  readonly points: readonly SummarisedPoint[];
}

/** Whether a field has one value wherever another has one: the two change together, and neither can be held fixed. */
function goesWith(points: readonly SummarisedPoint[], field: string, other: string): boolean {
  const values = new Map<string, string>();
  return points.every((point) => {
    const [at, value] = [valueText(point.values[field]), valueText(point.values[other])];
    const before = values.get(at) ?? value;
    values.set(at, before);
    return before === value;
  });
}

/** The points apart by every grid field but one and those that go with it, in their order. */
function slicesOf(
  points: readonly SummarisedPoint[],
  fields: readonly SweptField[],
  field: SweptField,
): { slices: Slice[]; bound: string[] } {
  const others = fields.filter(({ name, drawn }) => name !== field.name && !drawn);
  const bound = others.filter(({ name }) => goesWith(points, field.name, name)).map(({ name }) => name);
  const slices = new Map<string, SummarisedPoint[]>();
  for (const point of points) {
    const fixed = others.filter(({ name }) => !bound.includes(name));
    const name = valuesText(Object.fromEntries(fixed.map((each) => [each.name, point.values[each.name]])));
    const slice = slices.get(name);
    if (slice === undefined) slices.set(name, [point]);
    else slice.push(point);
  }
  return { slices: [...slices].map(([name, of]) => ({ name, points: of })), bound };
}

const layersOf = (points: readonly SummarisedPoint[]) =>
  [
    ...new Set(
      points.flatMap(({ statistics }) =>
        statistics.flatMap(({ statistic, layer }) =>
          statistic === "selectivityBefore" && layer !== null ? [layer] : [],
        ),
      ),
    ),
  ].sort((a, b) => a - b);

/** Colour of a layer: a hue each, or darker with depth where there are more than hues. */
function layerColor(layer: number, layers: number): string {
  if (layers <= categoryColors.length) return categoryColors[layer];
  const [lightest, darkest] = [2, amountColors.length - 1];
  return amountColors[Math.round(lightest + ((darkest - lightest) * layer) / Math.max(1, layers - 1))];
}

/** Where a value stands on an axis. */
const placeOf = (value: JsonValue | undefined) => (typeof value === "number" ? value : valueText(value));

/** A statistic of some points along a field. */
function seriesOf(
  points: readonly SummarisedPoint[],
  field: string,
  look: Omit<ResponseSeries, "points">,
  ...statistic: [name: string, layer?: number | null, kind?: string | null]
): ResponseSeries {
  return {
    ...look,
    points: points.flatMap((point) => {
      const found = statisticOf(point, ...statistic);
      if (found === undefined) return [];
      return [{ x: placeOf(point.values[field]), mean: found.mean, low: found.low, high: found.high }];
    }),
  };
}

const titled = (...parts: readonly string[]) => parts.filter((part) => part !== "").join(" · ");

/** Panels that have something to show, at most {@link mostPanels}, and what is said of those that are left out. */
function shownPanels(panels: readonly ResponsePanel[]): { panels: ResponsePanel[]; note: string } {
  const filled = panels.filter(({ series }) =>
    series.some(({ points }) => points.some(({ mean }) => Number.isFinite(mean))),
  );
  const left = filled.length - mostPanels;
  return {
    panels: filled.slice(0, mostPanels),
    note: left > 0 ? `The first ${mostPanels} of ${filled.length} panels; the dataset has all.` : "",
  };
}

function seedsText(points: readonly SummarisedPoint[]): string {
  const counts = [...new Set(points.map(({ seeds }) => seeds))].sort((a, b) => a - b);
  const diverged = points.reduce((sum, point) => sum + point.diverged, 0);
  const lost = diverged === 0 ? "" : ` ${counted(diverged, "network")} diverged and are in no mean.`;
  return `${counts.join(" or ")} in every job, the same in all.${lost}`;
}

/** The figures along one field. */
function alongField(
  points: readonly SummarisedPoint[],
  fields: readonly SweptField[],
  field: SweptField,
): FigureSpec[] {
  const { slices, bound } = slicesOf(points, fields, field);
  const layers = layersOf(points);
  const { name } = field;
  const file = name.replaceAll(".", "-").replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const shared = {
    axis: field,
    // beside what was drawn nothing is held fixed, so nothing is joined
    drawn: fields.some(({ drawn }) => drawn),
    seeds: seedsText(points),
  };
  const tuning = shownPanels(
    slices.flatMap((slice) =>
      kinds.map((kind) => ({
        title: titled(kind, slice.name),
        series: layers.map((layer) => {
          const look = { label: `L${layer}`, color: layerColor(layer, layers.length) };
          return seriesOf(slice.points, name, look, "tuningExcess", layer, kind);
        }),
      })),
    ),
  );
  const loss = shownPanels(
    slices.map((slice) => ({
      title: slice.name || "all networks",
      series: [seriesOf(slice.points, name, { label: "loss", color: nowColor }, "heldOutLoss")],
      null: slice.points.flatMap((point) => {
        const floor = statisticOf(point, "bayesFloor");
        return floor === undefined ? [] : [{ x: placeOf(point.values[name]), y: floor.mean }];
      }),
    })),
  );
  const selectivity = shownPanels(
    slices.flatMap((slice) =>
      layers.flatMap((layer) =>
        kinds.map((kind) => ({
          title: titled(`L${layer} ${kind}`, slice.name),
          series: [
            seriesOf(
              slice.points,
              name,
              { label: "before", color: thenColor, isBaseline: true },
              "selectivityBefore",
              layer,
              kind,
            ),
            seriesOf(
              slice.points,
              name,
              { label: "after", color: nowColor },
              "selectivityAfter",
              layer,
              kind,
            ),
          ],
        })),
      ),
    ),
  );
  const all = [
    {
      ...{ ...shared, ...tuning, name: `tuning-by-${file}`, reference: 0 },
      label: "r − r of the null",
      statistic: "tuning r over its null",
      question: `Does what units are tuned to at initialisation survive training more, or less, with another ${name}?`,
      nullModel:
        "0, the grey rule. From each network's correlation of tuning before and after training, that with a network which was grown from another initialisation on the same data is taken away.",
    },
    {
      ...{ ...shared, ...loss, name: `loss-by-${file}` },
      label: "loss (nats)",
      statistic: "held-out loss",
      question: `What did the networks learn, with another ${name}?`,
      nullModel: loss.panels.some((panel) => (panel.null ?? []).length > 0)
        ? "grey line or crosses, the exact Bayes floor of the task where the target is unseen; below it the model sees its targets."
        : "none; no exact floor of the task is known.",
    },
    {
      ...{ ...shared, ...selectivity, name: `selectivity-by-${file}` },
      label: "eta²",
      statistic: "mean eta² of units",
      question: `How selective are units before and after training, with another ${name}?`,
      nullModel:
        "the blue points: untrained networks. eta² is a share of a unit's variance, which grows with less context too.",
    },
  ];
  const together =
    bound.length === 0 ? "" : `${listed(bound)} ${bound.length === 1 ? "changes" : "change"} with ${name}.`;
  return all
    .filter(({ panels }) => panels.length > 0)
    .map((data) =>
      responses({
        ...data,
        note: [movesText(field), together, data.note].filter((text) => text !== "").join(" "),
      }),
    );
}

/** Every figure of a sweep in reading order: field by field, for the study whose configuration is open. */
export function sweepFigures({ points, fields }: Pick<SweepSummary, "points" | "fields">): FigureSpec[] {
  const open = points.filter(({ study }) => study === openStudy);
  const own = fields.filter(
    ({ name }) =>
      hasField(openStudy, name) && new Set(open.map(({ values }) => valueText(values[name]))).size > 1,
  );
  return own.flatMap((field) => alongField(open, own, field));
}
