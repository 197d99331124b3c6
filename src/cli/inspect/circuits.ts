/** `inspect circuits`: what the weights alone say about heads and MLPs that work together. */
import { UserError } from "../../base/errors.ts";
import { inTurn } from "../../base/inTurn.ts";
import { randomStream } from "../../base/random.ts";
import {
  compositionScores,
  copyingScores,
  type Network,
  type SingularMatrix,
  singularDirections,
  singularValues,
} from "../../interp/index.ts";
import type { ModelConfig } from "../../model/config.ts";
import type { CircuitPart } from "./choiceNames.ts";
import { forestFigure } from "./drawing.ts";
import { type Subject, tokenizerOfSubject } from "./inspected.ts";
import { type Direction, judgeCells, type Measured } from "./judged.ts";
import { aligned, cellList, decimals, mark, type NamedCell } from "./tables.ts";
import { tokenShown } from "./tokenText.ts";
import { cellRow, type Findings, type Inspection, nullText, openNull } from "./verb.ts";

/** Which parts, and how much of them. */
export interface CircuitsChoice {
  readonly parts: readonly CircuitPart[];
  /** Rows of a list. */
  readonly top: number;
}

/** A list of judged numbers with its words. */
interface Part {
  readonly name: CircuitPart;
  readonly says: string;
  readonly heads: readonly string[];
  readonly value: string;
  readonly cells: readonly NamedCell[];
}

const kinds = ["q", "k", "v"] as const;

/** Composition of every pair of heads by queries, keys and values, [model, pair · kind]. */
async function compositionCells(network: Network): Promise<{ measured: Measured; labels: string[][] }> {
  const { components, scores } = await compositionScores(network);
  const cells = components.length * kinds.length;
  return {
    labels: components.flatMap((pair) => kinds.map((kind) => [pair, kind])),
    measured: {
      ...{ models: network.models, cells, rows: 1 },
      values: Float64Array.from({ length: network.models * cells }, (_, i) => {
        const [model, cell] = [Math.floor(i / cells), i % cells];
        const at = model * components.length + Math.floor(cell / kinds.length);
        return scores[kinds[cell % kinds.length]].data[at];
      }),
    },
  };
}

const copyings = ["eigenvalue", "diagonal"] as const;

/** Copying scores of every head, [model, head · score]. */
async function copyingCells(network: Network): Promise<{ measured: Measured; labels: string[][] }> {
  const { nLayers, nHeads } = network.config;
  const { scores } = await copyingScores(network);
  const heads = nLayers * nHeads;
  const cells = heads * copyings.length;
  return {
    labels: Array.from({ length: heads }, (_, head) => headName(head, nHeads)).flatMap((head) =>
      copyings.map((score) => [head, score]),
    ),
    measured: {
      ...{ models: network.models, cells, rows: 1 },
      values: Float64Array.from({ length: network.models * cells }, (_, i) => {
        const [model, cell] = [Math.floor(i / cells), i % cells];
        const at = model * heads + Math.floor(cell / copyings.length);
        return scores[copyings[cell % copyings.length]].data[at];
      }),
    },
  };
}

const headName = (head: number, nHeads: number) => `L${Math.floor(head / nHeads)}H${head % nHeads}`;

/** Matrices that this architecture has. */
function matricesOf({ attnOnly, mlpOnly }: ModelConfig): SingularMatrix[] {
  return [...(mlpOnly ? [] : (["OV"] as const)), ...(attnOnly ? [] : (["W_in", "W_out"] as const))];
}

/** Largest singular value of every matrix, [model, matrix]. */
async function singularCells(network: Network): Promise<{ measured: Measured; labels: string[][] }> {
  const parts = await inTurn(matricesOf(network.config), async (of) => {
    const { data, shape } = (await singularValues(network, { of })).scores.value;
    const count = shape[shape.length - 1];
    const matrices = data.length / shape[0] / count;
    const name = (matrix: number) =>
      of === "OV" ? `${headName(matrix, network.config.nHeads)} OV` : `L${matrix} ${of}`;
    return {
      matrices,
      labels: Array.from({ length: matrices }, (_, matrix) => [name(matrix)]),
      at: (model: number, matrix: number) => data[(model * matrices + matrix) * count],
    };
  });
  const labels = parts.flatMap((part) => part.labels);
  return {
    labels,
    measured: {
      ...{ models: network.models, cells: labels.length, rows: 1 },
      values: Array.from({ length: network.models }, (_, model) =>
        parts.flatMap(({ matrices, at }) =>
          Array.from({ length: matrices }, (_, matrix) => at(model, matrix)),
        ),
      ).flat(),
    },
  };
}

const measures = {
  composition: {
    of: compositionCells,
    direction: "greater",
    heads: ["sender>receiver", "by"],
    value: "score",
    says: ({ dModel }: ModelConfig) =>
      `Composition of heads: how much of what the sender writes the receiver reads, by its queries (q), keys (k) or values (v); ${decimals(1 / Math.sqrt(dModel), 2)} is the root mean square of random heads`,
  },
  copying: {
    of: copyingCells,
    direction: "two-sided",
    heads: ["head", "score"],
    value: "value",
    says: ({ dVocab }: ModelConfig) =>
      `Copying: eigenvalue, whether attending to a token raises that token's logit (1) or lowers it (-1); diagonal, the share of tokens that raise themselves most, ${decimals(1 / dVocab, 2)} at random`,
  },
  singular: {
    of: singularCells,
    direction: "greater",
    heads: ["matrix"],
    value: "largest",
    says: () =>
      "Singular values: the largest of what each head writes (OV), each MLP reads (W_in) and writes (W_out)",
  },
} as const satisfies Record<
  CircuitPart,
  {
    of: (network: Network) => Promise<{ measured: Measured; labels: string[][] }>;
    direction: Direction;
    heads: readonly string[];
    value: string;
    says: (config: ModelConfig) => string;
  }
>;

/** Most multiplications of one part: some minutes. */
const workLimit = 2e11;

/** Multiplications of a part, roughly: products of heads' factors, of heads with the vocabulary, decompositions. */
function workOf(part: CircuitPart, config: ModelConfig): number {
  const { nLayers, nHeads, dModel, dHead, dMlp, dVocab, attnOnly } = config;
  const heads = nLayers * nHeads;
  if (part === "composition") return 3 * (heads ** 2 / 2) * dModel * dHead ** 2;
  if (part === "copying") return heads * dHead * dVocab * (2 * dModel + dVocab);
  const width = Math.min(dModel, dMlp);
  return heads * dModel * dHead ** 2 + (attnOnly ? 0 : 40 * nLayers * dModel * dMlp * width);
}

/** Why a part has no object in this model, or takes too long; undefined where it can be measured. */
function missing(part: CircuitPart, config: ModelConfig): string | undefined {
  const { mlpOnly, attention, nLayers } = config;
  if (nLayers === 0) return "this model has no blocks";
  const work = workOf(part, config);
  if (work > workLimit)
    return `the model is too large for them, with ${work.toPrecision(1)} multiplications where ${workLimit.toPrecision(1)} take minutes`;
  if (part === "singular") return undefined;
  if (mlpOnly) return "this model has no heads";
  if (part === "copying") return undefined;
  if (attention === "parameterFree") return "parameter-free heads have no weights that could compose";
  return nLayers < 2 ? "composition takes heads in two layers" : undefined;
}

/** Reads the weights of every network at once. */
export async function inspectCircuits(
  inspection: Inspection,
  { parts: asked, top }: CircuitsChoice,
): Promise<Findings> {
  const { subject, network } = inspection;
  const { config, seeds } = subject;
  const drawn = openNull(inspection);
  const over = seeds.length > 1 ? "seeds" : null;
  const absent = asked.flatMap((part) => {
    const why = missing(part, config);
    return why === undefined ? [] : [{ part, why }];
  });
  const present = asked.filter((part) => missing(part, config) === undefined);
  const parts: Part[] = [];
  let directions: Pointing[] = [];
  for (const name of present) {
    try {
      parts.push(await measuredPart(name));
      if (name === "singular" && seeds.length === 1) directions = await directionsOf(network);
    } catch (error) {
      // what this architecture has not, in the library's own words
      if (!(error instanceof UserError)) throw error;
      absent.push({ part: name, why: error.message.replace(/\.$/, "") });
    }
  }

  async function measuredPart(name: CircuitPart): Promise<Part> {
    const { of, direction, heads, value, says } = measures[name];
    const { measured, labels } = await of(network);
    const random = await drawn?.measured(async (other) => (await of(other)).measured);
    const judged = judgeCells(measured, random ?? null, {
      direction,
      stream: randomStream("inspect", "circuits", name),
    });
    const cells = judged.map((one, i) => ({ labels: labels[i], judged: one }));
    return { name, heads, value, cells, says: says(config) };
  }
  return {
    draws: drawn?.models ?? 0,
    result: {
      ...Object.fromEntries(
        parts.map(({ name, heads, cells }) => [
          name,
          cells.map(({ labels, judged }) =>
            cellRow(Object.fromEntries(heads.map((head, i) => [head, labels[i]])), judged),
          ),
        ]),
      ),
      ...Object.fromEntries(absent.map(({ part, why }) => [part, { missing: why }])),
      ...(directions.length === 0 ? {} : { directions }),
    },
    text: [
      ...parts.flatMap(({ says, heads, value, cells }) => [
        says,
        "",
        cellList(cells, { heads, value, top, over, sorted: cells.length > top }),
        "",
      ]),
      ...(directions.length === 0 ? [] : directionText(directions, subject)),
      ...absent.map(({ part, why }) => `No ${part} scores: ${why}.`),
      nullText(subject, drawn, { list: true }),
    ],
    figure: () =>
      forestFigure({
        name: "circuits",
        subject,
        question: "Do the weights of heads and MLPs fit together more than random ones?",
        axis: parts.map(({ name }) => name).join(", "),
        cells: parts.flatMap(({ cells }) => cells),
        over,
        top,
      }),
  };
}

/** Tokens at an end of a direction. */
type End = readonly { readonly token: number; readonly cosine: number; readonly p: number }[];

/** The strongest direction of every matrix, and where it points. */
interface Pointing {
  readonly matrix: string;
  readonly share: number;
  readonly top: End;
  readonly bottom: End;
}

/** Tokens at each end that are told. */
const ENDS = 3;

async function directionsOf(network: Network): Promise<Pointing[]> {
  const k = Math.min(ENDS, network.config.dVocab);
  const end = (tokens: End) => tokens.map(({ token, cosine, p }) => ({ token, cosine, p }));
  return (
    await inTurn(matricesOf(network.config), async (of) =>
      (
        await singularDirections(network, { of, k })
      ).map(({ layer, head, share, top, bottom }) => ({
        matrix: head === undefined ? `L${layer} ${of}` : `L${layer}H${head} ${of}`,
        ...{ share, top: end(top), bottom: end(bottom) },
      })),
    )
  ).flat();
}

function directionText(directions: readonly Pointing[], subject: Subject): (string | string[])[] {
  const { dVocab } = subject.config;
  const tokenizer = tokenizerOfSubject(subject);
  const tokens = (end: End) =>
    end
      .map(
        ({ token, cosine, p }) =>
          `${tokenShown(tokenizer, token)} ${decimals(cosine, 2)}${p * dVocab <= 0.05 ? mark : " "}`,
      )
      .join(" ");
  return [
    `The strongest direction of each matrix and the tokens whose logits it raises and lowers, with the cosine (its sign is a convention); ${mark} p × ${dVocab} tokens ≤ 0.05 for a random direction`,
    "",
    aligned(
      [
        ["matrix", "share", "raises", "lowers"],
        ...directions.map(({ matrix, share, top, bottom }) => [
          matrix,
          decimals(share, 2),
          tokens(top),
          tokens(bottom),
        ]),
      ],
      { left: 1 },
    ),
    "",
  ];
}
