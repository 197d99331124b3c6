/** From what the networks of S4 told to what was found. */
import { seedInterval } from "../../features/index.ts";
import { criterionAgainstTuning, fixed, intervalText, trackedCurves } from "../../figures/index.ts";
import { chanceCorrected } from "../../stats/chanceCorrection.ts";
import { type Outcome, overSeeds } from "../protocol/outcome.ts";
import type { Findings, StudySize, StudyTable } from "../protocol/study.ts";
import { armOfScale } from "./arms.ts";
import { type CellTold, type Kind, kinds, type ScaleTold } from "./measure.ts";
import { baseScale, keptAbove, outcomeNames, scales, smallest, smallScales } from "./plan.ts";

const layers = [0, 1] as const;

/** Statistics over seeds, tables and figures. */
export function conclude(told: ReadonlyMap<string, readonly ScaleTold[]>, { seeds }: StudySize): Findings {
  /** A number of every network of a scale, NaN of one that diverged, so that seeds stay paired. */
  const bySeed: BySeed = (scale, pick) =>
    (told.get(armOfScale(scale)) ?? []).map((of) => (of.divergedAt === null ? pick(of) : Number.NaN));
  const everyone = scales.flatMap((scale) => told.get(armOfScale(scale)) ?? []);
  const lost = everyone.filter(({ divergedAt }) => divergedAt !== null).length;
  return {
    outcomes: outcomesOf(bySeed),
    notes: [
      "Intervals are not adjusted for the number of outcomes.",
      ...otherError(bySeed),
      `The criterion follows the five most selective units; P(r > ${keptAbove}) is of the same five, the mean r of all units of the layer.`,
      ...(lost === 0 ? [] : [`${lost} of ${everyone.length} networks diverged and are left out.`]),
    ],
    tables: [cellTable(bySeed), networkTable(bySeed)],
    figures: [
      criterionAgainstTuning({
        ...{ scales, seeds: seeds.length },
        panels: layers.flatMap((layer) =>
          kinds.map((kind) => ({
            ...{ layer, kind },
            byScale: scales.map((scale) => {
              const values = (name: CellNumber) => bySeed(scale, (of) => cellOf(of, layer, kind)[name]);
              return {
                ...{ scale, criterion: values("maintained"), r: values("r") },
                ...{ base: values("base"), stranger: values("stranger") },
              };
            }),
          })),
        ),
      }),
      trackedCurves({
        seed: seeds[0],
        panels: [baseScale, smallest].map((scale) => ({
          scale,
          units: told.get(armOfScale(scale))?.[0]?.tracked ?? [],
        })),
      }),
    ],
  };
}

type BySeed = (scale: number, pick: (of: ScaleTold) => number) => number[];
type CellNumber = Exclude<keyof CellTold, "layer" | "kind">;

function cellOf({ cells }: ScaleTold, layer: number, kind: Kind): CellTold {
  return cells.find((cell) => cell.layer === layer && cell.kind === kind) as CellTold;
}

function outcomesOf(bySeed: BySeed): Outcome[] {
  const token = (scale: number, pick: (cell: CellTold) => number) =>
    bySeed(scale, (of) => pick(cellOf(of, 0, "token")));
  const less = (a: readonly number[], b: readonly number[]) => a.map((value, seed) => value - b[seed]);
  const loss = (scale: number) => bySeed(scale, (of) => of.loss);
  const r = (scale: number) => token(scale, (cell) => cell.r);
  return [
    ...smallScales.map((scale) =>
      overSeeds(less(loss(scale), loss(baseScale)), {
        name: outcomeNames.loss(scale),
        label: `loss with embeddings × ${scale} − loss with embeddings × ${baseScale}`,
        ...{ unit: "nats", nothing: 0 },
      }),
    ),
    ...smallScales.map((scale) =>
      overSeeds(
        token(scale, (cell) => cell.maintained),
        {
          name: outcomeNames.criterion(scale),
          label: `share maintained by the original criterion, layer 0, tokens, embeddings × ${scale}`,
        },
      ),
    ),
    ...smallScales.map((scale) =>
      overSeeds(r(scale), {
        name: outcomeNames.r(scale),
        label: `mean tuning r, layer 0, tokens, embeddings × ${scale}`,
        nothing: 0,
      }),
    ),
    ...[baseScale, smallest].map((scale) =>
      overSeeds(
        token(scale, (cell) => cell.maintained - cell.trackedKept),
        {
          name: outcomeNames.gap(scale),
          label: `criterion − P(r > ${keptAbove}) of the same units, layer 0, tokens, embeddings × ${scale}`,
          nothing: 0,
        },
      ),
    ),
    overSeeds(less(r(baseScale), r(smallest)), {
      name: outcomeNames.fall,
      label: `fall of mean tuning r from embeddings × ${baseScale} to × ${smallest}, layer 0, tokens`,
      nothing: 0,
    }),
  ];
}

/** Where the criterion fails the other way, calling tuning lost that is kept: the cell with the widest gap, if any. */
function otherError(bySeed: BySeed): string[] {
  const cells = layers.flatMap((layer) =>
    kinds.flatMap((kind) =>
      scales.map((scale) => {
        const of = (name: CellNumber) => bySeed(scale, (told) => cellOf(told, layer, kind)[name]);
        const [kept, maintained] = [seedInterval(of("trackedKept")), seedInterval(of("maintained"))];
        return { layer, kind, scale, kept: kept.estimate, maintained: maintained.estimate };
      }),
    ),
  );
  const { layer, kind, scale, kept, maintained } = cells.reduce((widest, cell) =>
    cell.kept - cell.maintained > widest.kept - widest.maintained ? cell : widest,
  );
  if (!(kept > maintained)) return [];
  return [
    `The criterion also errs the other way, calling tuning lost that is kept: most for ${kind}s in layer ${layer} with embeddings × ${scale}, where it says ${fixed(maintained)} and a share of ${fixed(kept)} of the same units has r > ${keptAbove}.`,
  ];
}

/** `0.31 [0.25, 0.37]` over seeds. */
function overSeedsText(values: readonly number[]): string {
  const { estimate, low, high } = seedInterval(values);
  return `${fixed(estimate)} ${intervalText([low, high])}`;
}

/** Both measures in every cell. */
function cellTable(bySeed: BySeed): StudyTable {
  return {
    title: "Both measures, by scale, layer and kind",
    columns: [
      ...[
        "layer",
        "kind",
        "embeddings ×",
        "criterion",
        "its base rate",
        "base rate, stranger's units",
        "kappa",
      ],
      ...[`P(r > ${keptAbove}), same units`, "r, same units", "r, all units", "r with a stranger"],
      "preference kept",
    ],
    rows: layers.flatMap((layer) =>
      kinds.flatMap((kind) =>
        scales.map((scale) => {
          const text = (pick: (cell: CellTold) => number) =>
            overSeedsText(bySeed(scale, (of) => pick(cellOf(of, layer, kind))));
          return [
            ...[layer, kind, scale, text((cell) => cell.maintained), text((cell) => cell.base)],
            ...[
              text((cell) => cell.strangerBase),
              text((cell) => chanceCorrected(cell.maintained, cell.base).kappa),
            ],
            ...[text((cell) => cell.trackedKept), text((cell) => cell.trackedR), text((cell) => cell.r)],
            ...[text((cell) => cell.stranger), text((cell) => cell.preferred)],
          ];
        }),
      ),
    ),
    caption:
      "Mean over seeds with its 95 % t interval. Criterion: final η² above 0.05 and above half the initial, of the five units with the largest initial η²; base rate: of any unit of the trained layer; kappa is undefined where the base rate is 1. Chance that a preference is kept: 0.10 for tokens, 0.14 for positions.",
  };
}

/** What else the scale changes. */
function networkTable(bySeed: BySeed): StudyTable {
  return {
    title: "Networks by scale",
    columns: [
      ...["embeddings ×", "loss (nats)", "‖ΔW_E‖ / ‖W_E‖"],
      ...layers.map((layer) => `units matched to themselves, layer ${layer}`),
    ],
    rows: scales.map((scale) => [
      scale,
      overSeedsText(bySeed(scale, (of) => of.loss)),
      overSeedsText(bySeed(scale, (of) => of.displacement)),
      ...layers.map((layer) => overSeedsText(bySeed(scale, (of) => of.recovered[layer]))),
    ]),
    caption: "Mean over seeds with its 95 % t interval; loss on the same unseen sequences.",
  };
}
