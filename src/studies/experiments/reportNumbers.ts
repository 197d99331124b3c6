/** The numbers of each section beside their nulls, as tables of the report. */
import type { NetworkComparison } from "../../features/networkNull.ts";
import type { UnitSite } from "../../features/unitSites.ts";
import { fixed } from "../../figures/index.ts";
import type { Cell, Table } from "./reportTables.ts";
import type { PopulationResult, PopulationSections } from "./result.ts";
import type { SectionName } from "./spec.ts";

type Tables = { readonly [S in SectionName]: (section: PopulationSections[S]) => Table[] };

const kindNames = { neuron: "neurons", residual: "stream", head: "heads" } as const;
const groupName = ({ kind, layer }: Pick<UnitSite, "kind" | "layer">) => `L${layer} ${kindNames[kind]}`;

/** Random networks: their mean with the middle 90 %, and p. */
const networkCells = ({ mean, low, high, p }: NetworkComparison): Cell[] => [
  { estimate: mean, low, high },
  p,
];
const networkHeads = ["random networks [90 %]", "p"];

const detection: Tables["detection"] = ({ numbers, null: drawn }) => [
  {
    caption: "Do two samples find the same strongest inputs? Share of the strongest inputs in the same cell",
    columns: ["units", "overlap", "other units", "beyond other units", "shuffled", ...networkHeads],
    rows: numbers.groups.map((group, i) => [
      groupName(group),
      group.overlap.observed,
      group.overlap.otherUnit,
      group.overlap.beyondOtherUnit,
      group.overlap.shuffled,
      ...networkCells(drawn.networks[i].overlap),
    ]),
  },
  {
    caption: `How far the largest activation stands out, in standard deviations; the largest of ${drawn.normalMaximum.samples} normal numbers has ${fixed(drawn.normalMaximum.median)} [${fixed(drawn.normalMaximum.low)}, ${fixed(drawn.normalMaximum.high)}]`,
    columns: ["units", "responding", "largest activation", "share beyond normal", ...networkHeads],
    rows: numbers.groups.map((group, i) => [
      groupName(group),
      group.responding,
      group.largestSds,
      group.beyondNormal,
      ...networkCells(drawn.networks[i].largestSds),
    ]),
  },
];

const hypotheses: Tables["hypotheses"] = ({ numbers, null: drawn }) => [
  {
    caption: `The strongest of ${numbers.cells} cells of each unit, found on one half of the probe and tested on the other: shares confirmed among ${numbers.hypotheses} units, and Cohen's d`,
    columns: [
      "units",
      "confirmed (Holm)",
      "confirmed (BH)",
      "d where found",
      "d where tested",
      ...networkHeads,
    ],
    rows: [
      ...numbers.groups.map((group, i): Cell[] => [
        groupName(group),
        group.confirmedHolm,
        group.confirmedBh,
        group.selectedD,
        group.testedD,
        ...networkCells(drawn.networks[i].testedD),
      ]),
      ["labels permuted", "", "", drawn.permuted.selectedD, drawn.permuted.testedD, "", ""],
    ],
  },
  {
    caption: `The level: share of tests that reject at ${numbers.alpha}, uncorrected, where labels mean nothing`,
    columns: ["", "rejected", "stated"],
    rows: [["labels permuted", drawn.permuted.rejected, numbers.alpha]],
  },
];

const mapping: Tables["mapping"] = ({ numbers, null: drawn }) => [
  {
    caption:
      "Shares of variance (eta²), means over units; beside them the random-projection null where it applies",
    columns: ["units", "token", "null", "position", "null", "interaction", "context"],
    rows: numbers.groups.map(({ shares, ...group }) => {
      const projection = drawn.projection[group.kind];
      return [
        groupName(group),
        shares.token,
        projection === null ? "" : projection.token.mean,
        shares.position,
        projection === null ? "" : projection.position.mean,
        shares.interaction,
        shares.context,
      ];
    }),
  },
  {
    caption:
      "Units selective beyond permuted labels (false discovery rate 0.05), and of which both halves prefer the same",
    columns: [
      "units",
      "token",
      "position",
      "same token preferred",
      "chance",
      "same position preferred",
      "chance",
    ],
    rows: numbers.groups.map((group) => [
      groupName(group),
      group.beyondPermuted.token,
      group.beyondPermuted.position,
      group.preferenceKept.token,
      drawn.preferenceKept.token,
      group.preferenceKept.position,
      drawn.preferenceKept.position,
    ]),
  },
  {
    caption: "Units of each class",
    columns: ["units", ...Object.keys(numbers.groups[0]?.classes ?? {})],
    rows: numbers.groups.map((group) => [groupName(group), ...Object.values(group.classes)]),
  },
];

const circuits: Tables["circuits"] = ({ numbers, null: drawn }) => [
  {
    caption: `Of ${numbers.pairs} pairs of units, how many are correlated or opposed`,
    columns: ["", "pairs", "labels permuted", ...networkHeads],
    rows: [
      ["|r| above 0.8", numbers.strong, drawn.labels.strong, ...networkCells(drawn.networks.strong)],
      ["beyond permuted labels", numbers.beyondLabels, "", ...networkCells(drawn.networks.beyondLabels)],
      ["beyond random networks too", numbers.edges, "", ...networkCells(drawn.networks.edges)],
      ["if every activation counted as an input", numbers.naive, "", "", ""],
    ],
  },
  {
    caption: `Effective number of distinct inputs behind a correlation: ${fixed(numbers.nEff.estimate, 1)} of ${numbers.cells} cells. The original's search, which took first entries:`,
    columns: ["layer", "called connected", "expected of unrelated units", "distinct inputs", "effective"],
    rows: numbers.original.map(({ layer, called, expected, distinctInputs, nEff }) => [
      `L${layer}`,
      called,
      expected,
      distinctInputs,
      nEff,
    ]),
  },
];

const structured: Tables["structured"] = ({ numbers, null: drawn }) =>
  (["units", "heads"] as const).map((kind) => ({
    caption: `Deviation of ${kind === "units" ? `${numbers.units} units` : `${numbers.headScores} head scores`} from ${drawn.sets} random sets, root mean square in standard deviations`,
    columns: ["family", "structured", "random sets", "p", "share outside", ...networkHeads],
    rows: numbers.families.map((family, i) => [
      family.family,
      family[kind].rms,
      drawn.families[i][kind].rms,
      family[kind].p,
      family[kind].outside,
      ...networkCells(drawn.families[i].networks[kind]),
    ]),
  }));

const initialisation: Tables["initialisation"] = ({ numbers, null: drawn }) => [
  {
    caption: `Weights beside the scheme ${numbers.scheme ?? "(none known)"}: standard deviations, and the mean square over the scheme's`,
    columns: ["weight", "entries", "sd", "expected", "ratio", "p"],
    rows: numbers.weights.map(({ name, entries, sd, expectedSd, ratio, p }) => [
      name,
      entries,
      sd,
      expectedSd,
      ratio,
      p,
    ]),
  },
  {
    caption:
      "Activations: root mean square, what follows from that of the input under the scheme, zeros and dead units",
    columns: ["site", "rms", "expected", "ratio", "p", "share exactly 0", "share near 0", "dead units"],
    rows: numbers.activations.map(({ site, rms, expectedRms, ratio, p, zero, nearZero, dead }) => [
      site,
      rms,
      expectedRms,
      ratio,
      p,
      zero,
      nearZero,
      dead,
    ]),
  },
  {
    caption:
      "Attention around uniform: total variation of a query's attention from it, and entropy over its own",
    columns: ["head", "distance", "spread over inputs", "of the mean pattern", "entropy", ...networkHeads],
    rows: numbers.heads.map(({ layer, head, distance, distanceSd, fixed, entropy }) => {
      const random = drawn.attention.find((one) => one.layer === layer);
      return [
        `L${layer}H${head}`,
        distance,
        distanceSd,
        fixed,
        entropy,
        ...(random === undefined ? ["", ""] : networkCells(random.distance)),
      ];
    }),
  },
  {
    caption: "Predictions around uniform, nats",
    columns: ["", "entropy", "of uniform", "deficit", "second order", ...networkHeads],
    rows: [
      [
        "prediction",
        numbers.prediction.entropy,
        numbers.prediction.uniform,
        numbers.prediction.deficit,
        numbers.prediction.secondOrder,
        ...networkCells(drawn.predictionEntropy),
      ],
    ],
  },
];

const sources: Tables["sources"] = ({ numbers, null: drawn }) => [
  {
    caption: `Statistics beside random matrices of the same kind (${drawn.draws} draws); adjusted by Holm over all rows`,
    columns: ["statistic", "value", "random matrices [90 %]", "p", "adjusted", "beyond"],
    rows: numbers.rows.map(({ name, value, null: { median, low, high }, p, adjusted, beyond }) => [
      name,
      value,
      { estimate: median, low, high },
      p,
      adjusted,
      beyond === null ? "undecided" : beyond ? "yes" : "no",
    ]),
  },
  {
    caption: "Condition numbers: largest singular value over the smallest",
    columns: ["matrix", "rows", "columns", "condition", "Edelman's p"],
    rows: numbers.spectra.map(({ name, rows, columns, condition, edelman }) => [
      name,
      rows,
      columns,
      condition,
      edelman,
    ]),
  },
  {
    caption:
      "What norms do to tuning: shares of variance with norms as they are, less those with scales frozen",
    columns: [
      "layer",
      "token",
      "position",
      "interaction",
      "context",
      "correlation of tuning",
      ...networkHeads,
    ],
    rows: numbers.norms.map(({ layer, difference, r }, i) => [
      `L${layer}`,
      difference.token,
      difference.position,
      difference.interaction,
      difference.context,
      r,
      ...networkCells(drawn.norms[i].interaction),
    ]),
  },
];

const tables: Tables = { detection, hypotheses, mapping, circuits, structured, initialisation, sources };

/** Tables of one section of a population. */
export function sectionTables<S extends SectionName>(section: S, { sections }: PopulationResult): Table[] {
  return tables[section](sections[section]);
}
