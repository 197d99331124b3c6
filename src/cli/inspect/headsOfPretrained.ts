/** `inspect heads` of a pretrained model: its heads are too many for a null that could give each a class of its own. */
import { headScoresFigure } from "../../figures/index.ts";
import { headScoreNames, headScores, type Tokens } from "../../interp/index.ts";
import { figureInterval, figureSubject } from "./drawing.ts";
import { headCells, headName, judgedScores, type ScoreRow } from "./headCells.ts";
import { tokenizerOfSubject } from "./inspected.ts";
import { marked } from "./judged.ts";
import { aligned, decimals, mark } from "./tables.ts";
import { tokenShown } from "./tokenText.ts";
import { cellRow, type Findings, type Inspection, nullText, openNull } from "./verb.ts";

/** Corrected score that makes a kind: half-way from uniform attention to the pure kind, as in `headClasses`. */
const THRESHOLD = 0.5;

/** The largest score of a head that reaches the threshold, and is marked where there is a null; "none" for no such. */
function kindOf(rows: readonly ScoreRow[], hasNull: boolean): string {
  const passed = rows.filter(
    ({ judged, place }) =>
      place.score !== "uniformity" && judged.estimate >= THRESHOLD && (marked(judged) || !hasNull),
  );
  const best = passed.toSorted((a, b) => b.judged.estimate - a.judged.estimate)[0];
  return best?.place.score ?? "none";
}

/** Scores every head, marks those beyond the null where there is one. */
export async function inspectPretrainedHeads(
  inspection: Inspection,
  tokens: Tokens,
  source: string,
): Promise<Findings> {
  const { subject, network } = inspection;
  const scores = await headScores(network, tokens);
  const { batch, pos, data } = scores.tokens;
  const drawn = openNull(inspection, { cost: batch });
  const random = await drawn?.measured(async (other) => headCells(await headScores(other, tokens)));
  const rows = judgedScores(scores, random ?? null);
  const heads = Array.from({ length: scores.layers * scores.heads }, (_, i) => {
    const own = rows.slice(i * headScoreNames.length, (i + 1) * headScoreNames.length);
    const [{ place }] = own;
    return { layer: place.layer, head: place.head, kind: kindOf(own, drawn !== null), own };
  });
  const tokenizer = tokenizerOfSubject(subject);
  const rowsOf = Array.from({ length: batch }, (_, row) => [...data.subarray(row * pos, (row + 1) * pos)]);
  return {
    draws: drawn?.models ?? 0,
    result: {
      inputs: { source, tokens: rowsOf },
      threshold: THRESHOLD,
      uniform: Object.fromEntries(headScoreNames.map((name) => [name, scores.scores[name].uniform.data[0]])),
      heads: heads.map(({ layer, head, kind, own }) => ({
        ...{ layer, head, kind },
        scores: Object.fromEntries(own.map(({ place, judged }) => [place.score, cellRow({}, judged)])),
      })),
    },
    text: [
      `Attention heads on ${source}${batch === 1 && tokenizer !== null ? ` (${rowsOf[0].map((token) => tokenShown(tokenizer, token)).join(" ")})` : ""}: each score less what uniform attention has, 1 for the pure kind`,
      "",
      aligned([
        ["head", ...headScoreNames.map((name) => `${name} `), "kind"],
        ...heads.map(({ own, kind, ...at }) => [
          headName(at),
          ...own.map(({ judged }) => `${decimals(judged.estimate, 2)}${marked(judged) ? mark : " "}`),
          kind,
        ]),
      ]),
      "",
      `A kind is the largest score of ${THRESHOLD} or more${drawn === null ? "" : " that is marked"}. Uniformity is raw: 1 for uniform attention.`,
      nullText(subject, drawn, { list: false }),
    ],
    figure: () =>
      headScoresFigure({
        subject: figureSubject(subject),
        threshold: THRESHOLD,
        heads: heads.map(({ layer, head, kind, own }) => ({
          ...{ layer, head, class: kind === "none" ? "abstain" : kind },
          scores: Object.fromEntries(own.map(({ place, judged }) => [place.score, figureInterval(judged)])),
        })),
      }),
  };
}
