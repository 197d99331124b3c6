/** Where heads look with edits beside without, and the difference. */
import { amountScale } from "../../../../src/figures/colorScale.ts";
import type { FigureSpec, Panel } from "../../../../src/figures/figure.ts";
import { heatMapPanel } from "../../../../src/figures/heatMaps.ts";
import { counted, fixed } from "../../../../src/figures/numberText.ts";
import { headName } from "../../../../src/figures/population.ts";
import { type Subject, subjectSeeds, subjectSlug } from "../../../../src/figures/subject.ts";
import type { Tensor } from "../../../../src/interp/index.ts";
import { ofModel } from "./effects.ts";

/** What {@link patternFigure} draws. */
export interface PatternFigureData {
  readonly subject: Subject;
  /** The edits in words. */
  readonly edits: string;
  readonly tokens: readonly number[];
  readonly causal: boolean;
  /** [model, head, queryPos, keyPos] of each layer. */
  readonly clean: readonly Tensor[];
  readonly edited: readonly Tensor[];
  /** The one that is shown; null for means over models. */
  readonly model: number | null;
  /** How much the head that is moved most is moved by the same edits before training; null where it is not known. */
  readonly initial: number | null;
}

/** Room of the maps of a panel side by side, px. */
const MAPS = 228;
/** Differences below a tenth of this have no colour, so that nothing looks like something. */
const LEAST_LIMIT = 0.1;

/** Keys that a query sees. */
const seenBy = (query: number, nPos: number, causal: boolean) => (causal ? query + 1 : nPos);

/** One head of a tensor [model, head, queryPos, keyPos], [queryPos][keyPos]. */
function patternOf({ shape, data }: Tensor, head: number, model: number | null): Float64Array {
  const [models, heads, nPos] = shape;
  const all = Float64Array.from({ length: models * nPos * nPos }, (_, i) => {
    const of = Math.floor(i / (nPos * nPos));
    return data[(of * heads + head) * nPos * nPos + (i % (nPos * nPos))];
  });
  return ofModel(all, models, model);
}

/**
 * How much of its attention a head has elsewhere: half the sum of |difference| over keys, mean over the queries that have
 * a choice, 0 to 1.
 */
export function movedAttention(
  clean: ArrayLike<number>,
  edited: ArrayLike<number>,
  nPos: number,
  causal: boolean,
): number {
  let sum = 0;
  let queries = 0;
  for (let query = 0; query < nPos; query++) {
    if (seenBy(query, nPos, causal) < 2) continue;
    queries++;
    for (let key = 0; key < seenBy(query, nPos, causal); key++)
      sum += Math.abs(edited[query * nPos + key] - clean[query * nPos + key]) / 2;
  }
  return queries === 0 ? Number.NaN : sum / queries;
}

interface Head {
  layer: number;
  name: string;
  clean: Float64Array;
  edited: Float64Array;
  moved: number;
}

function headsOf({ clean, edited, model, tokens, causal }: Omit<PatternFigureData, "subject">): Head[] {
  return clean.flatMap((of, layer) =>
    Array.from({ length: of.shape[1] }, (_, head) => {
      const both = { clean: patternOf(of, head, model), edited: patternOf(edited[layer], head, model) };
      const moved = movedAttention(both.clean, both.edited, tokens.length, causal);
      return { layer, name: headName(layer, head), ...both, moved };
    }),
  );
}

/** The head that edits move most; undefined without a head whose queries have a choice. */
export function mostMoved(data: Omit<PatternFigureData, "subject">): Head | undefined {
  return headsOf(data)
    .filter(({ moved }) => Number.isFinite(moved))
    .sort((a, b) => b.moved - a.moved)[0];
}

/** Figure: two panels a layer, patterns on one scale and their differences on another, which all layers share. */
export function patternFigure(data: PatternFigureData): FigureSpec {
  const { subject, tokens, causal, initial } = data;
  const nPos = tokens.length;
  const heads = headsOf(data);
  const blankHidden = (values: Float64Array) =>
    values.map((value, i) => (i % nPos < seenBy(Math.floor(i / nPos), nPos, causal) ? value : Number.NaN));
  const differences = heads.map(({ clean, edited }) =>
    blankHidden(edited.map((value, i) => value - clean[i])),
  );
  // the first query of a masked head has no choice: its 1 would take the colours from all others
  const free = heads.flatMap(({ clean, edited }) =>
    [clean, edited].flatMap((of) => [...of.subarray(causal ? nPos : 0)]),
  );
  const amounts = amountScale(free);
  const largest = differences.flatMap((of) => [...of].map(Math.abs)).filter(Number.isFinite);
  const limit = Math.max(LEAST_LIMIT, ...largest);
  const high = amounts.kind === "amount" ? amounts.high : 1;
  const labels = tokens.map(String);
  const axes = { rows: { title: "query", labels }, columns: { title: "key", labels } };
  const maxCell = Math.min(17, MAPS / 2 / nPos);
  const panels = data.clean.flatMap((_, layer): Panel[] => {
    const own = heads
      .map((head, i) => ({ ...head, difference: differences[i] }))
      .filter((head) => head.layer === layer);
    const isLast = layer === data.clean.length - 1;
    return [
      heatMapPanel({
        title: `layer ${layer}, without and with edits`,
        description: `attention of ${counted(own.length, "head")}; ${own.map(({ name, moved }) => `${name} moves ${fixed(moved)} of it`).join("; ")}`,
        maps: own.flatMap(({ name, clean, edited }) => [
          { title: `${name} without`, values: blankHidden(clean) },
          { title: `${name} with`, values: blankHidden(edited) },
        ]),
        ...axes,
        ...{ scale: amounts, across: 2, maxCell },
        ...(isLast
          ? {
              legend: {
                title: "attention",
                ticks: [
                  { value: 0, label: "0" },
                  { value: high, label: fixed(high) },
                ],
              },
            }
          : {}),
      }),
      heatMapPanel({
        title: `layer ${layer}, difference`,
        description: own.map(({ name, moved }) => `${name} moves ${fixed(moved)}`).join("; "),
        maps: own.map(({ name, moved, difference }) => ({
          title: `${name}, moved ${fixed(moved)}`,
          values: difference,
        })),
        ...axes,
        ...{ scale: { kind: "signed", limit }, across: 1, maxCell },
        ...(isLast
          ? {
              legend: {
                title: "with less without",
                ticks: [
                  { value: 0, label: "0" },
                  { value: -limit, label: fixed(-limit) },
                  { value: limit, label: fixed(limit) },
                ],
              },
            }
          : {}),
      }),
    ];
  });
  const most = mostMoved(data);
  return {
    name: subjectSlug("touch-patterns", subject),
    title:
      most === undefined
        ? `${subject.name}: no head whose queries have a choice.`
        : most.moved === 0
          ? `${subject.name}, ${data.edits}: no head looks elsewhere.`
          : `${subject.name}, ${data.edits}: ${most.name} moves ${fixed(most.moved)} of its attention, the most of ${counted(heads.length, "head")}.`,
    question: "Which heads look elsewhere because of the edits?",
    seeds: subjectSeeds(subject),
    nullModel: `no difference, the colour of the page: heads that the edits do not reach move 0.00.${
      initial === null ? "" : ` Before training the same edits move a head by ${fixed(initial)} at most.`
    }`,
    reading: `Rows are queries, columns keys, both with their tokens; ${data.model === null ? "means over seeds" : "of one seed"}. Moved: the share of its attention that a head has elsewhere, mean over queries.${causal ? " Blank: behind the mask." : ""}`,
    panels,
  };
}
