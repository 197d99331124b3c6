import { taskNamed } from "../../data/registry.ts";
import { fixed } from "../../figures/numberText.ts";
import { meanInterval } from "../../figures/spread.ts";
import { ticketLosses, ticketParts, ticketUnits } from "../../figures/studies/lotteryTickets.ts";
import { presets } from "../../model/config.ts";
import { spearman } from "../../stats/correlation.ts";
import { mean } from "../../stats/moments.ts";
import { partialSpearman } from "../../stats/partialCorrelation.ts";
import { type Outcome, overSeeds } from "../protocol/outcome.ts";
import type { Findings, StudyTable } from "../protocol/study.ts";
import { learnedFigure, learnedNotes, learnedOutcomes, learnedTables } from "./concludeLearned.ts";
import { aurocNull, aurocOf, overLayers, type ScoreOfUnit, unitWeights } from "./keptUnits.ts";
import type { SeedTickets } from "./measure.ts";
import { oneFamily } from "./oneFamily.ts";
import { outcomeNames } from "./plan.ts";
import { armLabels, keeps, mainKeep, ticketName, tickets, unitScores } from "./tickets.ts";
import { withInterval } from "./withInterval.ts";

const { causal: config } = presets;
const percentOf = (keep: number) => `${Math.round(100 * keep)} %`;

const scoreLabels: Readonly<Record<ScoreOfUnit, string>> = {
  persistence: "persistence r",
  selectivity: "selectivity before training",
  fitness: "fitness before training",
  fanIn: "fan-in norm before training",
  importance: "importance after training",
};
const scoreNames = Object.keys(scoreLabels) as ScoreOfUnit[];

/** Loss of one arm less that of another, [seed]. */
function contrast(seeds: readonly SeedTickets[], first: string, second: string): number[] {
  return seeds.map(({ losses }) => losses[first] - losses[second]);
}

function outcomesOf(seeds: readonly SeedTickets[]): Outcome[] {
  const at = (arm: string, keep: number = mainKeep) => ticketName(arm, keep);
  const less = (name: string, label: string, first: string, second: string) =>
    overSeeds(contrast(seeds, first, second), { name, label, unit: "nats", nothing: 0 });
  const outcomes = [
    ...keeps.map((keep) =>
      less(
        outcomeNames.reinit(keep),
        `loss of the ticket − of its mask with new values, ${percentOf(keep)} kept`,
        at("rewind", keep),
        at("re-init", keep),
      ),
    ),
    less(
      outcomeNames.random,
      "loss of the ticket − of a random mask with own values, 20 % kept",
      at("rewind"),
      at("random mask"),
    ),
    less(
      outcomeNames.signs,
      "loss of the ticket − of its signs with one magnitude a matrix, 20 % kept",
      at("rewind"),
      at("signs"),
    ),
    less(
      outcomeNames.iterative,
      "loss of the ticket of three rounds − of the ticket of one, 20 % kept",
      at("iterative"),
      at("rewind"),
    ),
    ...(["persistence", "selectivity", "fitness", "importance"] as const).map((score) =>
      less(
        outcomeNames.units(score),
        `loss of a fifth of the units, ${armLabels[`units ${score}`]} − random, kept whole`,
        at(`units ${score}`),
        at("units random"),
      ),
    ),
    overSeeds(aurocOf(seeds, "persistence"), {
      name: outcomeNames.auroc,
      label: "AUROC of persistence r for the units of which the ticket keeps more than its share",
      nothing: 0.5,
    }),
  ];
  return oneFamily(outcomes);
}

/** From the new values of the mask to the ticket, one thing given back at a time; the steps add up. */
const ladder = [
  ["embeddings and unembedding", "re-init", "re-init blocks"],
  ["biases, and magnitudes of the kept weights, anywhere and of any sign", "re-init blocks", "exchanged"],
  ["their signs", "exchanged", "exchanged, own signs"],
  ["each magnitude in its place", "exchanged, own signs", "rewind"],
] as const;

function tablesOf(seeds: readonly SeedTickets[]): StudyTable[] {
  const losses = (name: string) => seeds.map((seed) => seed.losses[name]);
  const main = (arm: string) => ticketName(arm, mainKeep);
  const arms = [...new Set(tickets.map(({ arm }) => arm))];
  const swept = arms.filter((arm) => tickets.filter((ticket) => ticket.arm === arm).length > 1);
  const supermaskKinds = [
    ...new Set(Object.keys(seeds[0]?.supermasks ?? {}).map((name) => name.replace(/ \d+$/, ""))),
  ];
  const tensors = seeds[0]?.overlaps ?? [];
  const overlap = (index: number, of: (tensor: SeedTickets["overlaps"][number]) => number) =>
    fixed(meanInterval(seeds.map(({ overlaps }) => of(overlaps[index]))).mean);
  return [
    {
      title: "Loss by share of weights kept",
      columns: ["subnetwork", ...keeps.map(percentOf)],
      rows: [
        ["whole network", withInterval(losses("dense")), "", "", ""],
        ["whole network before training", withInterval(losses("untrained")), "", "", ""],
        ...swept.map((arm) => [
          armLabels[arm],
          ...keeps.map((keep) => withInterval(losses(ticketName(arm, keep)))),
        ]),
      ],
      caption: "Held-out loss in nats, mean over seeds with its 95 % t interval.",
    },
    {
      title: "Every subnetwork at 20 %, beside the ticket",
      columns: ["subnetwork", "loss", "less the ticket's"],
      rows: arms.map((arm) => [
        armLabels[arm],
        fixed(meanInterval(losses(main(arm))).mean, 3),
        arm === "rewind" ? "0" : withInterval(contrast(seeds, main(arm), main("rewind"))),
      ]),
      caption:
        "Nats; paired differences over seeds with 95 % t intervals. The last rows keep a fifth of the MLP units whole and all other weights, so they are to be compared with each other only.",
    },
    {
      title: "What the advantage of own values is made of",
      columns: ["given back", "loss it saves"],
      rows: [
        ...ladder.map(([label, without, having]) => [
          label,
          withInterval(contrast(seeds, main(without), main(having))),
        ]),
        [
          "together: own instead of new values",
          withInterval(contrast(seeds, main("re-init"), main("rewind"))),
        ],
      ],
      caption: "Nats, under the ticket's mask at 20 %; the steps add up to the whole, seed by seed.",
    },
    {
      title: "Subnetworks without training",
      columns: ["mask of the initial network", ...keeps.map(percentOf)],
      rows: supermaskKinds.map((kind) => [
        kind,
        ...keeps.map((keep) =>
          withInterval(seeds.map(({ supermasks }) => supermasks[ticketName(kind, keep)])),
        ),
      ]),
      caption: `Held-out loss in nats; the initial network itself has ${withInterval(losses("untrained"))}, a uniform guess ${fixed(Math.log(config.dVocab), 3)}.`,
    },
    {
      title: "Overlap of the ticket with other masks at 20 %",
      columns: [
        "matrix",
        "share: initial magnitude",
        "share: movement",
        "share by chance",
        "Jaccard: initial magnitude",
        "Jaccard: movement",
        "Jaccard: random mask",
        "Jaccard by chance",
      ],
      rows: tensors.map(({ name }, i) => [
        name,
        overlap(i, ({ share }) => share["initial magnitude"]),
        overlap(i, ({ share }) => share.movement),
        overlap(i, ({ expectedShare }) => expectedShare),
        overlap(i, ({ jaccard }) => jaccard["initial magnitude"]),
        overlap(i, ({ jaccard }) => jaccard.movement),
        overlap(i, ({ jaccard }) => jaccard.random),
        overlap(i, ({ expectedJaccard }) => expectedJaccard),
      ]),
      caption:
        "Means over seeds. Share: of the ticket's weights, those that the other mask keeps too. Chance: hypergeometric expectation for masks of these sizes.",
    },
    {
      title: "Units of which the ticket keeps more weights",
      columns: [
        "score of a unit",
        "AUROC, kept more than its share",
        "Spearman with weights kept",
        "partial, fan-in norm fixed",
      ],
      rows: scoreNames.map((score) => [
        scoreLabels[score],
        withInterval(aurocOf(seeds, score)),
        withInterval(
          overLayers(seeds, score, (layer, usable) =>
            spearman(pickUnits(layer[score], usable), pickUnits(layer.kept, usable)),
          ),
        ),
        score === "fanIn"
          ? ""
          : withInterval(
              overLayers(seeds, score, (layer, usable) =>
                partialSpearman(pickUnits(layer[score], usable), pickUnits(layer.kept, usable), [
                  pickUnits(layer.fanIn, usable),
                ]),
              ),
            ),
      ]),
      caption: `By layer, averaged over both, then over seeds with 95 % t intervals; exploratory but for the AUROC of persistence. Weights kept: of the ${unitWeights} of a unit's fan-in and fan-out.`,
    },
  ];
}

const pickUnits = (values: ArrayLike<number>, units: readonly number[]) => units.map((unit) => values[unit]);

/** Share of a unit's weights that the ticket keeps, by layer, [fifth of persistence, ascending][seed]. */
function keptByFifth(seeds: readonly SeedTickets[]): { layer: number; share: number[][] }[] {
  return Array.from({ length: config.nLayers }, (_, layer) => ({
    layer,
    share: Array.from({ length: 5 }, (_, fifth) =>
      seeds.map(({ units }) => {
        const { persistence, kept } = units[layer];
        const ranked = Array.from(persistence, (r, unit) => ({ r, unit }))
          .filter(({ r }) => Number.isFinite(r))
          .sort((a, b) => a.r - b.r);
        const own = ranked.filter((_, rank) => Math.floor((5 * rank) / ranked.length) === fifth);
        return mean(own.map(({ unit }) => kept[unit] / unitWeights));
      }),
    ),
  }));
}

function figuresOf(seeds: readonly SeedTickets[]): Findings["figures"] {
  const losses = (name: string) => seeds.map((seed) => seed.losses[name]);
  const main = (arm: string) => ticketName(arm, mainKeep);
  const beside = (arm: string, label = armLabels[arm]) => ({
    label,
    differences: contrast(seeds, main(arm), main("rewind")),
  });
  const floor =
    taskNamed("patterns", { dVocab: config.dVocab, nCtx: config.nCtx }).bayesFloor()?.causal ?? Number.NaN;
  const curves = (
    [
      ["rewind", "ticket, own values", "ticket"],
      ["signs", "ticket, signs only", "other"],
      ["re-init", "ticket, new values", "new values"],
      ["movement", "moved most", "other"],
      ["initial magnitude", "large before training", "other"],
      ["random mask", "random mask", "null"],
    ] as const
  ).map(([arm, label, role]) => ({
    label,
    role,
    losses: keeps.map((keep) => losses(ticketName(arm, keep))),
  }));
  return [
    ticketLosses({
      ...{ seeds: seeds.length, keeps, mainKeep, curves, floor },
      ...{ dense: losses("dense"), untrained: losses("untrained") },
    }),
    ticketParts({
      ...{ seeds: seeds.length, keep: mainKeep },
      random: contrast(seeds, main("random mask"), main("rewind")),
      headline: [
        beside("signs", "without its magnitudes"),
        beside("exchanged", "with its values exchanged"),
        beside("re-init", "with new values"),
      ],
      groups: [
        {
          title: "values under the ticket's mask",
          variants: [
            beside("signs", "own signs, one magnitude"),
            beside("exchanged, own signs", "own signs, magnitudes exchanged"),
            beside("re-init, own signs", "own signs, new magnitudes"),
            beside("exchanged", "values exchanged, signs too"),
            beside("re-init", "new values"),
            beside("re-init embeddings", "new embeddings, unembedding"),
            beside("re-init blocks", "new blocks"),
          ],
        },
        {
          title: "masks, with own values",
          variants: [
            beside("same sign", "large final, sign unchanged"),
            beside("movement", "moved most"),
            beside("initial magnitude", "large before training"),
            beside("random mask", "random"),
          ],
        },
        {
          title: "ways to find and to train it",
          variants: [
            beside("iterative", "pruned in three rounds"),
            beside("iterative re-init", "that mask, new values"),
            beside("rewind early", "values of a tenth of the training"),
            beside("other data", "other sequences"),
            beside("everywhere", "embeddings masked too"),
            beside("everywhere re-init", "that mask, new values"),
          ],
        },
      ],
    }),
    ticketUnits({
      ...{ seeds: seeds.length, keep: mainKeep, null: aurocNull(seeds), keptByFifth: keptByFifth(seeds) },
      scores: scoreNames.map((score) => ({
        label: scoreLabels[score],
        auroc: aurocOf(seeds, score),
        main: score === "persistence" ? true : undefined,
      })),
      groups: unitScores
        .filter((score) => score !== "random")
        .map((score) => ({
          label: armLabels[`units ${score}`],
          differences: contrast(seeds, main(`units ${score}`), main("units random")),
          main: score === "persistence" ? true : undefined,
        })),
    }),
  ];
}

function notesOf(seeds: readonly SeedTickets[]): string[] {
  const lossOver = (arm: string) =>
    withInterval(contrast(seeds, ticketName(arm, mainKeep), ticketName("rewind", mainKeep)), 2);
  const all = seeds.flatMap(({ losses }) => Object.values(losses));
  const lost = all.filter((loss) => !Number.isFinite(loss)).length;
  const dead = seeds
    .flatMap(({ units }) => units.flatMap(({ persistence }) => [...persistence]))
    .filter(Number.isNaN);
  const entries = (seeds[0]?.overlaps ?? []).reduce((total, tensor) => total + tensor.entries, 0);
  const overlap = seeds.map(({ overlaps }) =>
    overlaps.reduce(
      (total, { share, entries: own }) => total + (share["initial magnitude"] * own) / entries,
      0,
    ),
  );
  return [
    "Masked are the matrices of attention and MLP, each to the same share; queries, keys and values are matrices of their own. Embeddings, unembedding, biases and layer norms stay whole, unless it is said that embeddings are masked too.",
    `Of ${all.length} trained and untrained networks ${lost} diverged; their seeds are left out of the contrasts that need them. ${dead.length} units without tuning are left out of what is said of units.`,
    `Of the ticket's weights ${withInterval(overlap, 2)} were among the largest ${percentOf(mainKeep)} before training already, by chance 0.20.`,
    "Masks of whole units leave attention and embeddings as they are; those losses are to be compared with each other, not with masks of single weights.",
    `A ticket with new values draws all weights anew, also those that are not masked. New embeddings and unembedding alone cost it ${lossOver("re-init embeddings")} nats, new blocks alone ${lossOver("re-init blocks")}, both ${lossOver("re-init")}.`,
    "The early ticket begins with the values of a tenth of the training and is trained for the rest of the steps, so all networks have had equally many.",
  ];
}

/** Twelve outcomes of tickets and twelve of learned masks, and everything about where the tickets' advantage comes from. */
export function conclude(told: ReadonlyMap<string, readonly SeedTickets[]>): Findings {
  const seeds = told.get("tickets") ?? [];
  return {
    outcomes: [...outcomesOf(seeds), ...learnedOutcomes(seeds)],
    notes: [...notesOf(seeds), ...learnedNotes(seeds)],
    tables: [...tablesOf(seeds), ...learnedTables(seeds)],
    figures: [...figuresOf(seeds), learnedFigure(seeds)],
  };
}
