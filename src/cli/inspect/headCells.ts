/** Scores of heads as cells of a table, judged against networks that learned nothing. */
import { randomStream } from "../../base/random.ts";
import { type HeadScores, headScoreNames } from "../../interp/index.ts";
import { type Judged, judgeCells, type Measured } from "./judged.ts";

/** `L0H1` */
export const headName = ({ layer, head }: { layer: number; head: number }): string => `L${layer}H${head}`;

/** One score of one head. */
export interface ScoreRow {
  readonly place: {
    readonly layer: number;
    readonly head: number;
    readonly score: (typeof headScoreNames)[number];
  };
  readonly judged: Judged;
}

function placesOf({ layers, heads }: HeadScores): ScoreRow["place"][] {
  return Array.from({ length: layers * heads }, (_, i) => ({
    layer: Math.floor(i / heads),
    head: i % heads,
  })).flatMap((place) => headScoreNames.map((score) => ({ ...place, score })));
}

/** Corrected scores, [model, layer · head · score]. */
export function headCells(scores: HeadScores): Measured {
  const { models, layers, heads } = scores;
  const places = placesOf(scores);
  const cells = places.length;
  return {
    ...{ models, cells, rows: 1 },
    values: Float64Array.from({ length: models * cells }, (_, i) => {
      const { layer, head, score } = places[i % cells];
      return scores.scores[score].corrected.data[(Math.floor(i / cells) * layers + layer) * heads + head];
    }),
  };
}

/** Every score of every head, mean over networks, against as many random ones; without a null where there is none. */
export function judgedScores(own: HeadScores, random: Measured | null): ScoreRow[] {
  const judged = judgeCells(headCells(own), random, {
    direction: "two-sided",
    stream: randomStream("inspect", "heads", "groups"),
  });
  return placesOf(own).map((place, i) => ({ place, judged: judged[i] }));
}
