/** Figures of S12: losses of subnetworks, what a ticket owes to its values, and which units it is made of. */
import { areaY, dot, line, link, type RenderFunction, ruleY, text } from "@observablehq/plot";
import { type DotRow, dotRowsPanel } from "../dotRows.ts";
import type { FigureSpec, Panel } from "../figure.ts";
import { labelsMark } from "../labelsMark.ts";
import { counted, fixed, intervalText, percent } from "../numberText.ts";
import { meanFinite, meanInterval } from "../spread.ts";
import type { Band } from "../subject.ts";
import {
  categoryColors,
  fontSize,
  ink,
  muted,
  nowColor,
  nullFill,
  nullLine,
  paper,
  thenColor,
} from "../theme.ts";

/** Subnetworks of one kind at every share of kept weights. */
export interface TicketCurve {
  readonly label: string;
  /** Held-out losses, nats, [share][seed]. */
  readonly losses: readonly (readonly number[])[];
  /** `ticket` and `new values` are the comparison, `null` the random mask. */
  readonly role: "ticket" | "new values" | "null" | "other";
}

/** What {@link ticketLosses} draws. */
export interface TicketLossesData {
  readonly seeds: number;
  /** Shares of each matrix that are kept, descending, and the one that the title speaks of. */
  readonly keeps: readonly number[];
  readonly mainKeep: number;
  readonly curves: readonly TicketCurve[];
  /** Held-out losses of the whole network after and before training, nats, [seed]. */
  readonly dense: readonly number[];
  readonly untrained: readonly number[];
  /** Lowest loss that any predictor can reach, nats. */
  readonly floor: number;
}

/** `0.18 nats [0.14, 0.22]`. */
function effectText(values: readonly number[], { unit = " nats", digits = 2 } = {}): string {
  const { mean, low, high } = meanInterval(values);
  return `${fixed(mean, digits)}${unit} ${intervalText([low, high], digits)}`;
}

const differences = (a: readonly number[], b: readonly number[]) => a.map((value, seed) => value - b[seed]);

/** Positions of labels that keep a distance and their order, as near as that allows to where they belong. */
function apart(places: readonly number[], gap: number): number[] {
  const order = places.map((_, i) => i).sort((a, b) => places[a] - places[b]);
  const put = order.map((i) => places[i]);
  // neighbours that are too close move apart by halves until none is
  for (let round = 0; round < 200; round++)
    for (let i = 1; i < put.length; i++) {
      const short = gap - (put[i] - put[i - 1]);
      if (short > 0) {
        put[i - 1] -= short / 2;
        put[i] += short / 2;
      }
    }
  const result = new Array<number>(places.length);
  order.forEach((i, rank) => {
    result[i] = put[rank];
  });
  return result;
}

const lossSize = {
  ...{ width: 450, height: 320, marginLeft: 46 },
  ...{ marginRight: 140, marginTop: 26, marginBottom: 38 },
};

/** A curve as it is drawn: means with their intervals by share. */
interface DrawnCurve {
  readonly label: string;
  readonly color: string;
  readonly strong: boolean;
  readonly points: readonly { keep: number; mean: number; low: number; high: number }[];
}

/** A line that curves are seen against. */
interface Reference {
  readonly at: number;
  readonly name: string;
}

function drawnCurve(
  curve: TicketCurve,
  { keeps, curves }: TicketLossesData,
  values: (share: number) => readonly number[],
): DrawnCurve {
  const others = curves.filter(({ role }) => role === "other");
  const colors = { ticket: nowColor, "new values": thenColor, null: nullLine } as const;
  return {
    label: curve.label,
    color:
      curve.role === "other"
        ? categoryColors[others.indexOf(curve) % categoryColors.length]
        : colors[curve.role],
    strong: curve.role === "ticket",
    points: keeps.map((keep, share) => ({ keep, ...meanInterval(values(share)) })),
  };
}

/** Where a value of the vertical axis lies, px. */
function placeOn(
  [low, high]: readonly [number, number],
  { height, marginTop, marginBottom }: { height: number; marginTop: number; marginBottom: number },
): (value: number) => number {
  return (value) => marginTop + ((high - value) / (high - low)) * (height - marginTop - marginBottom);
}

/** Names at the right of where their curves end, each after a dot of its colour. */
function endLabels(
  ends: readonly { label: string; color: string; strong: boolean; y: number }[],
  right: number,
): RenderFunction {
  const labelled = apart(
    ends.map(({ y }) => y),
    12,
  );
  return labelsMark(
    ends.flatMap(({ label, color, strong }, i) => [
      { text: "●", x: right + 12, y: labelled[i], fill: color, size: fontSize.label },
      { text: label, ...{ x: right + 20, y: labelled[i], anchor: "start" as const, strong } },
    ]),
  );
}

/** Curves against the share of kept weights, labelled at their ends. */
function curvesPanel(
  title: string,
  { keeps }: TicketLossesData,
  drawn: readonly DrawnCurve[],
  {
    label,
    domain,
    references,
    below = false,
    band,
  }: {
    label: string;
    domain: readonly [number, number];
    references: readonly Reference[];
    /** Names of the references stand below their lines. */
    below?: boolean;
    /** The curve that is the null: its interval is a grey area. */
    band: DrawnCurve | undefined;
  },
): Panel {
  const y = placeOn(domain, lossSize);
  return {
    title,
    description: drawn
      .map(
        (curve) =>
          `${curve.label}: ${curve.points.map(({ keep, mean }) => `${percent(keep)} kept ${fixed(mean)}`).join(", ")}`,
      )
      .join("; "),
    options: {
      ...lossSize,
      x: {
        type: "log",
        domain: [keeps[0] * 1.12, keeps[keeps.length - 1] / 1.12],
        ticks: [...keeps],
        tickFormat: percent,
        label: "weights kept of each matrix",
        labelAnchor: "center",
        labelArrow: "none",
      },
      y: { domain: [...domain], label, labelArrow: "none", ticks: 6, grid: true },
      marks: [
        areaY(band === undefined ? [] : band.points, { x: "keep", y1: "low", y2: "high", fill: nullFill }),
        ruleY(references, { y: "at", stroke: muted, strokeDasharray: "3,3" }),
        text(references, {
          ...{ y: "at", text: "name", frameAnchor: "right", textAnchor: "end", dx: -3, dy: below ? 8 : -7 },
          ...{ fill: muted, fontSize: fontSize.small },
        }),
        ...drawn.flatMap(({ points, color, strong }) => [
          line(points, { x: "keep", y: "mean", stroke: color, strokeWidth: strong ? 2.6 : 1.6 }),
          link(
            points.filter(({ low, high }) => Number.isFinite(low + high)),
            { x: "keep", y1: "low", y2: "high", stroke: color, strokeWidth: 1.4 },
          ),
          dot(points, { x: "keep", y: "mean", r: strong ? 4 : 3, fill: color, stroke: paper }),
        ]),
        endLabels(
          drawn.map(({ label, color, strong, points }) => ({
            ...{ label, color, strong },
            y: y(points[points.length - 1].mean),
          })),
          lossSize.width - lossSize.marginRight,
        ),
      ],
    },
  };
}

/** The smallest domain in twentieths that holds some values, with a little room. */
function twentieths(values: readonly number[], room: number): [number, number] {
  const finite = values.filter(Number.isFinite);
  return [
    Math.floor(20 * (Math.min(...finite) - room)) / 20,
    Math.ceil(20 * (Math.max(...finite) + room)) / 20,
  ];
}

function lossPanel(data: TicketLossesData): Panel {
  const { curves, dense, untrained, floor } = data;
  const drawn = curves.map((curve) => drawnCurve(curve, data, (share) => curve.losses[share]));
  const [whole, before] = [meanFinite(dense), meanFinite(untrained)];
  const ends = drawn.flatMap(({ points }) => points.flatMap(({ mean, high }) => [mean, high]));
  return curvesPanel("trained again", data, drawn, {
    label: "held-out loss (nats)",
    domain: twentieths([floor, before, ...ends], 0.05),
    references: [
      { at: floor, name: `Bayes floor ${fixed(floor)}` },
      { at: whole, name: `whole network ${fixed(whole)}` },
      { at: before, name: `before training ${fixed(before)}` },
    ],
    band: drawn[curves.findIndex(({ role }) => role === "null")],
  });
}

function differencePanel(data: TicketLossesData): Panel {
  const ticket = data.curves.find(({ role }) => role === "ticket");
  const others = data.curves.filter((curve) => curve !== ticket);
  const drawn = others.map((curve) =>
    drawnCurve(curve, data, (share) => differences(curve.losses[share], ticket?.losses[share] ?? [])),
  );
  const ends = drawn.flatMap(({ points }) => points.flatMap(({ mean, low, high }) => [mean, low, high]));
  return curvesPanel("beside the ticket", data, drawn, {
    label: "loss less the ticket's (nats)",
    domain: twentieths([0, ...ends], 0.02),
    references: [{ at: 0, name: "the ticket" }],
    below: true,
    band: drawn[others.findIndex(({ role }) => role === "null")],
  });
}

/** Figure: held-out loss of trained subnetworks against the share of weights that stays. */
export function ticketLosses(data: TicketLossesData): FigureSpec {
  const { keeps, mainKeep, curves, seeds, dense } = data;
  const at = keeps.indexOf(mainKeep);
  const lossesOf = (role: TicketCurve["role"]) =>
    curves.find((curve) => curve.role === role)?.losses[at] ?? [];
  const [ticket, fresh] = [lossesOf("ticket"), lossesOf("new values")];
  return {
    name: "lottery-ticket-losses",
    title: `With ${percent(mainKeep)} of the weights kept, their own initial values are worth ${effectText(differences(fresh, ticket))} against new ones: ${fixed(meanFinite(ticket))} and ${fixed(meanFinite(fresh))}; the whole network ends at ${fixed(meanFinite(dense))}.`,
    question: "Does a small subnetwork learn well because of the values that it began with?",
    seeds: `${counted(seeds, "seed")}; all networks of a seed share initialisation and sequences.`,
    nullModel:
      "grey: a random mask of the same size with the network's own initial values, mean and 95 % interval; blue: the ticket's mask with new values.",
    reading:
      "Points: mean over seeds of the loss on unseen sequences after training again from the start and, at the right, of its paired difference from the ticket's, with 95 % t intervals. Weights that are not kept are held at 0.",
    panels: [lossPanel(data), differencePanel(data)],
  };
}

/** A subnetwork beside the ticket. */
export interface TicketVariant {
  readonly label: string;
  /** Loss less the ticket's, nats, [seed]. */
  readonly differences: readonly number[];
  /** Drawn in full colour. Default true. */
  readonly strong?: boolean;
}

/** What {@link ticketParts} draws. */
export interface TicketPartsData {
  readonly seeds: number;
  readonly keep: number;
  /** One panel each. */
  readonly groups: readonly { readonly title: string; readonly variants: readonly TicketVariant[] }[];
  /** Losses of random masks less the ticket's: the null, [seed]. */
  readonly random: readonly number[];
  /** The three numbers that the title tells. */
  readonly headline: readonly TicketVariant[];
}

function variantRow({ label, differences, strong }: TicketVariant, band: Band | undefined): DotRow {
  const { mean, low, high } = meanInterval(differences);
  return { label, estimate: mean, low, high, null: band, note: fixed(mean), strong };
}

/** Figure: what each change costs a ticket, a row a change. */
export function ticketParts({ seeds, keep, groups, random, headline }: TicketPartsData): FigureSpec {
  const { mean, low, high } = meanInterval(random);
  const band = Number.isFinite(low + high) ? { low, middle: mean, high } : undefined;
  const rows = groups.map(({ variants }) => variants.map((variant) => variantRow(variant, band)));
  const ends = rows
    .flat()
    .flatMap((row) => [row.low, row.high, row.estimate, low, high, 0])
    .filter(Number.isFinite);
  const margin = (Math.max(...ends) - Math.min(...ends)) / 20;
  return {
    name: "lottery-ticket-parts",
    title: `A ticket of ${percent(keep)} loses ${headline.map(({ label, differences }) => `${effectText(differences)} ${label}`).join(", ")}.`,
    question: "Is it the mask, the signs, the magnitudes or their places that make a ticket?",
    seeds: `${counted(seeds, "seed")}; each row is a paired difference within seeds.`,
    nullModel: `grey band: a random mask with own values, ${intervalText([low, high])} (95 % t interval). Dashed line: the ticket itself.`,
    reading:
      "Dots: mean over seeds of the held-out loss less the ticket's, with 95 % t intervals; right of the line is worse than the ticket.",
    panels: groups.map(({ title }, i) =>
      dotRowsPanel({
        title,
        rows: rows[i],
        axis: "loss less the ticket's (nats)",
        domain: [Math.min(...ends) - margin, Math.max(...ends) + margin],
        reference: 0,
        color: nowColor,
        width: 450,
      }),
    ),
  };
}

/** What {@link ticketUnits} draws. */
export interface TicketUnitsData {
  readonly seeds: number;
  readonly keep: number;
  /** AUROC of a score of the units for being kept by the ticket, [seed]; `main` is the one that the title tells. */
  readonly scores: readonly {
    readonly label: string;
    readonly auroc: readonly number[];
    readonly main?: true;
  }[];
  /** Where the mean AUROC of scores that know nothing lies, 95 %. */
  readonly null: Band;
  /** Loss of whole units kept for a score less that of random units, nats, [seed]. */
  readonly groups: readonly {
    readonly label: string;
    readonly differences: readonly number[];
    readonly main?: true;
  }[];
  /** Share of a unit's weights that the ticket keeps, by layer, [fifth of persistence][seed]. */
  readonly keptByFifth: readonly { readonly layer: number; readonly share: readonly (readonly number[])[] }[];
}

const fifths = ["least", "", "", "", "most"];
const fifthsSize = {
  ...{ width: 300, height: 200, marginLeft: 44 },
  ...{ marginRight: 52, marginTop: 26, marginBottom: 38 },
};

function fifthsPanel({ keptByFifth, keep }: TicketUnitsData): Panel {
  const colors = [nowColor, categoryColors[1], categoryColors[0], categoryColors[3]];
  const lines = keptByFifth.map(({ layer, share }) => ({
    layer,
    color: colors[layer % colors.length],
    points: share.map((bySeed, fifth) => ({ fifth: fifth + 1, ...meanInterval(bySeed) })),
  }));
  const all = lines.flatMap(({ points }) => points.flatMap(({ mean, low, high }) => [mean, low, high]));
  const finite = [...all.filter(Number.isFinite), keep];
  const domain: [number, number] = [Math.min(...finite) - 0.01, Math.max(...finite) + 0.01];
  const y = placeOn(domain, fifthsSize);
  return {
    title: "weights kept of a unit, by persistence",
    description: lines
      .map(({ layer, points }) => `layer ${layer}: ${points.map(({ mean }) => percent(mean)).join(", ")}`)
      .join("; "),
    options: {
      ...fifthsSize,
      x: {
        domain: [0.7, 5.3],
        ticks: [1, 2, 3, 4, 5],
        tickFormat: (fifth: number) => fifths[fifth - 1],
        label: "fifths of the units, by persistence r",
        labelAnchor: "center",
        labelArrow: "none",
      },
      y: {
        domain,
        ...{ label: "weights kept", labelArrow: "none", tickFormat: percent, ticks: 5, grid: true },
      },
      marks: [
        ruleY([keep], { stroke: nullLine, strokeDasharray: "2,2" }),
        ...lines.flatMap(({ points, color }) => [
          line(points, { x: "fifth", y: "mean", stroke: color, strokeWidth: 2 }),
          link(
            points.filter(({ low, high }) => Number.isFinite(low + high)),
            { x: "fifth", y1: "low", y2: "high", stroke: color, strokeWidth: 1.5 },
          ),
          dot(points, { x: "fifth", y: "mean", r: 3.5, fill: color }),
        ]),
        endLabels(
          lines.map(({ layer, color, points }) => ({
            ...{ label: `layer ${layer}`, color, strong: false },
            y: y(points[points.length - 1].mean),
          })),
          fifthsSize.width - fifthsSize.marginRight,
        ),
      ],
    },
  };
}

/** Figure: which units the ticket keeps, and whether whole units make one. */
export function ticketUnits(data: TicketUnitsData): FigureSpec {
  const { seeds, keep, scores, groups } = data;
  const [score, group] = [scores.find(({ main }) => main), groups.find(({ main }) => main)];
  const row = (
    { label, main }: { label: string; main?: true },
    values: readonly number[],
    { digits, band }: { digits: number; band?: Band },
  ): DotRow => {
    const { mean, low, high } = meanInterval(values);
    return { label, estimate: mean, low, high, null: band, note: fixed(mean, digits), strong: main === true };
  };
  return {
    name: "lottery-ticket-units",
    title: `Persistence tells the units of the ticket with AUROC ${effectText(score?.auroc ?? [], { unit: "" })}; the loss of the most persistent fifth, kept whole, less that of a random fifth is ${effectText(group?.differences ?? [], { digits: 3 })}.`,
    question: "Are the features that persist the winning tickets?",
    seeds: `${counted(seeds, "seed")}; AUROC is the mean of both layers.`,
    nullModel: `grey band: where the mean AUROC of scores that know nothing would lie, ${intervalText([data.null.low, data.null.high])} (95 %). Dashed lines: random units, and the share of ${percent(keep)} that every matrix keeps.`,
    reading:
      "A unit counts as kept if the ticket keeps more than its share of the unit's weights. Dots: means over seeds with 95 % t intervals.",
    panels: [
      dotRowsPanel({
        title: "which units the ticket keeps",
        rows: scores.map((of) => row(of, of.auroc, { digits: 2, band: data.null })),
        axis: "AUROC for a unit that is kept",
        reference: 0.5,
        color: nowColor,
        width: 400,
      }),
      fifthsPanel(data),
      dotRowsPanel({
        title: "a fifth of the units, kept whole",
        rows: groups.map((of) => row(of, of.differences, { digits: 3 })),
        axis: "loss less that of random units (nats)",
        reference: 0,
        color: ink,
        digits: 3,
        width: 400,
      }),
    ],
  };
}
