/** `inspect heads`: where each head looks, what kind of head that makes it, and what random heads would. */
import { ArgumentError } from "../../base/errors.ts";
import { randomStream } from "../../base/random.ts";
import { type HeadScoresData, headScoresFigure } from "../../figures/index.ts";
import type { Backend } from "../../graph/backend.ts";
import {
  type HeadClassification,
  type HeadScoreNull,
  type HeadScores,
  headClasses,
  headScoreNames,
  headScoreNull,
  headScores,
  repeatedTokens,
  type TokenArray,
  type Tokens,
} from "../../interp/index.ts";
import { initialWeights } from "../../model/init.ts";
import { quantileSorted } from "../../stats/quantile.ts";
import { figureInterval, figureSubject } from "./drawing.ts";
import { headCells, headName, judgedScores, type ScoreRow } from "./headCells.ts";
import { inspectPretrainedHeads } from "./headsOfPretrained.ts";
import { type InputChoice, inputsOf } from "./inputs.ts";
import type { Subject } from "./inspected.ts";
import { alpha } from "./judged.ts";
import { nullStream } from "./subject.ts";
import { aligned, cellList, decimals, mark } from "./tables.ts";
import { cellRow, type Findings, type Inspection, openNull } from "./verb.ts";

/** Scores every head of every network, and as many random networks as a label at 0.05 needs. */
export async function inspectHeads(
  inspection: Inspection,
  choice: InputChoice,
  backend: Backend,
): Promise<Findings> {
  const { subject, network } = inspection;
  const { config, init, seeds } = subject;
  const { tokens, source } = headTokens(choice, subject);
  if (init === null) return inspectPretrainedHeads(inspection, tokens, source);
  const scores = await headScores(network, tokens);
  const needed = drawsNeeded(scores);
  if (inspection.draws !== null && inspection.draws < needed)
    throw new ArgumentError({
      where: "--draws",
      rule: `classes of heads at ${alpha} need at least ${needed} random networks`,
      got: String(inspection.draws),
    });
  const draws = inspection.draws ?? needed;
  const place = await headScoreNull(backend, config, (stream) => initialWeights(config, init, stream), {
    draws,
    stream: nullStream(),
    tokens,
  });
  const classified = headClasses(scores, place, { stream: randomStream("inspect", "heads"), alpha });
  const drawn = seeds.length > 1 ? openNull(inspection) : null;
  const random = await drawn?.measured(async (other) => headCells(await headScores(other, tokens)));
  const rows = random === undefined ? null : judgedScores(scores, random);
  return {
    draws,
    result: {
      inputs: { source, tokens: rowsOf(scores.tokens) },
      ...{ draws, alpha, threshold: classified.threshold, tests: classified.tests },
      uniform: Object.fromEntries(headScoreNames.map((name) => [name, scores.scores[name].uniform.data[0]])),
      heads: classified.heads.map(({ model, ...head }) => ({ seed: seeds[model], ...head })),
      ...(rows === null ? {} : { overSeeds: rows.map(({ place, judged }) => cellRow(place, judged)) }),
    },
    text: [
      `Attention heads on ${source}: each score less what uniform attention has, 1 for the pure kind`,
      "",
      rows === null ? oneNetwork(classified) : manyNetworks(rows, classified),
      "",
      ...(rows === null
        ? [
            `${mark} p ≤ ${alpha} / ${classified.tests} against ${draws} random networks; %: random heads at this place that score lower.`,
          ]
        : [
            `${mark} beyond random networks, ${drawn?.models} as means of ${seeds.length}: p ≤ ${alpha} for the largest score of the table.`,
          ]),
      `A class is a score of ${classified.threshold} or more with p ≤ ${alpha} / ${classified.tests}; others abstain. Uniformity is raw: 1 for uniform attention.`,
    ],
    figure: () =>
      headScoresFigure({
        subject: figureSubject(subject),
        threshold: classified.threshold,
        heads: rows === null ? ofOneNetwork(classified, place) : ofManyNetworks(rows, classified),
      }),
  };
}

/** Longest half of repeated tokens, and most logits that a run of them may give. */
const [HALF, LOGITS] = [25, 2 ** 26];

/** Repeated sequences show what induction does; the length of a half is what fits twice, of a pretrained model 25 at most. */
function headTokens(
  choice: InputChoice,
  { config, pretrained }: Subject,
): { tokens: Tokens; source: string } {
  if (choice.tokens.length > 0 || choice.task !== null || config.nCtx < 4) {
    const { tokens, source } = inputsOf(choice, config, { sequences: 64 });
    return { tokens, source };
  }
  const fits = Math.floor(config.nCtx / 2);
  const half = pretrained === null ? fits : Math.min(HALF, fits);
  const standard = Math.max(4, Math.min(64, Math.floor(LOGITS / (2 * half * config.dVocab))));
  const count = choice.sequences ?? (pretrained === null ? 64 : standard);
  return {
    tokens: repeatedTokens({
      dVocab: config.dVocab,
      half,
      count,
      stream: randomStream("inspect", "heads", "tokens"),
    }),
    source: `${count} random halves of ${half} tokens that come twice`,
  };
}

/** Random networks without which no head could have a class. */
function drawsNeeded({ layers, heads, scores }: HeadScores): number {
  const defined = headScoreNames.filter((name) => scores[name].queries.data[0] > 0).length;
  return Math.ceil((layers * heads * defined) / alpha) - 1; // p · tests ≤ alpha with p = 1 / (1 + draws)
}

function oneNetwork({ heads, tests }: HeadClassification): string[] {
  return aligned([
    ["head", ...headScoreNames.map((name) => `${name} `), "class"],
    ...heads.map((head) => [
      headName(head),
      ...headScoreNames.map((name) => {
        const { corrected, percentile, p } = head.scores[name];
        if (Number.isNaN(corrected.estimate)) return "-";
        const place = `${decimals(100 * percentile, 0)}%`.padStart(4);
        return `${decimals(corrected.estimate, 2)} ${place}${p * tests <= alpha * (1 + 1e-12) ? mark : " "}`;
      }),
      head.class,
    ]),
  ]);
}

function manyNetworks(rows: readonly ScoreRow[], { heads }: HeadClassification): string[] {
  const cells = rows
    .filter(({ judged }) => !Number.isNaN(judged.estimate))
    .map(({ place, judged }) => ({ labels: [headName(place), place.score], judged }));
  const names = [...new Set(heads.map((head) => headName(head)))];
  const counts = names.map((name) => {
    const classes = heads.filter((head) => headName(head) === name).map((head) => head.class);
    const labels = [...new Set(classes)].sort();
    return `${name} ${labels.map((label) => `${label} ${classes.filter((own) => own === label).length}`).join(", ")}`;
  });
  return [
    ...cellList(cells, {
      heads: ["head", "score"],
      value: "mean",
      top: cells.length,
      sorted: false,
      over: "seeds",
    }),
    "",
    `class, networks: ${counts.join("; ")}`,
  ];
}

function rowsOf({ data, batch, pos }: TokenArray): number[][] {
  return Array.from({ length: batch }, (_, row) => Array.from(data.subarray(row * pos, (row + 1) * pos)));
}

type FigureHeads = HeadScoresData["heads"];

function ofOneNetwork({ heads }: HeadClassification, drawn: HeadScoreNull): FigureHeads {
  return heads.map(({ layer, head, scores, ...rest }) => ({
    ...{ layer, head, class: rest.class },
    scores: Object.fromEntries(
      headScoreNames.map((name) => {
        const sorted = drawn.sorted[name][layer][head];
        const [low, middle, high] = [0.025, 0.5, 0.975].map((p) => quantileSorted(sorted, p));
        return [name, { ...scores[name].corrected, null: { low, middle, high } }];
      }),
    ),
  }));
}

/** A head has the class that most networks give it. */
function ofManyNetworks(rows: readonly ScoreRow[], { heads }: HeadClassification): FigureHeads {
  const places = rows.filter(({ place }) => place.score === headScoreNames[0]).map(({ place }) => place);
  return places.map(({ layer, head }) => {
    const own = rows.filter(({ place }) => place.layer === layer && place.head === head);
    const classes = heads.filter((one) => one.layer === layer && one.head === head).map((one) => one.class);
    const most = (name: string) => classes.filter((one) => one === name).length;
    return {
      ...{ layer, head, class: classes.toSorted((a, b) => most(b) - most(a))[0] },
      scores: Object.fromEntries(own.map(({ place, judged }) => [place.score, figureInterval(judged)])),
    };
  });
}
