/** Figures of weights: spectra and embeddings beside what the same draws give again. */
import { Matrix, SingularValueDecomposition } from "ml-matrix";
import * as figures from "../../src/figures/index.ts";
import { weightShapes } from "../../src/model/index.ts";
import { quantile } from "../../src/stats/index.ts";
import {
  band,
  config,
  nPos,
  others,
  overOthers,
  range,
  stream,
  subject,
  tokens,
  weights,
} from "./population.ts";

function matrixOf(name: string, model: number): Matrix {
  const [rows, columns] = weightShapes(config).get(name) as readonly number[];
  const size = rows * columns;
  return Matrix.from1DArray(rows, columns, [...weights[name].subarray(model * size, (model + 1) * size)]);
}

/** Singular values of matrices, those of the other networks as their null. */
export function singularValues() {
  const names = ["embed.W_E", "blocks.0.mlp.W_in", "unembed.W_U"];
  const matrices = names.map((name) => {
    const spectra = range(1 + others).map(
      (model) => new SingularValueDecomposition(matrixOf(name, model), { autoTranspose: true }).diagonal,
    );
    const bands = spectra[0].map((_, place) => overOthers((model) => spectra[model][place]));
    return {
      name,
      values: spectra[0],
      null: {
        low: bands.map(({ low }) => low),
        median: bands.map(({ middle }) => middle),
        high: bands.map(({ high }) => high),
      },
    };
  });
  return figures.singularValues({
    subject,
    matrices,
    nullName: `the same matrices of ${others} other initialisations`,
  });
}

/** [row][row] */
function cosinesOf(rows: readonly ArrayLike<number>[]): Float64Array {
  const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
    Array.from(a).reduce((sum, x, i) => sum + x * b[i], 0);
  return Float64Array.from(
    rows.flatMap((a) => rows.map((b) => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b)))),
  );
}

const bins = 20;
const pairsOf = (cosines: Float64Array, size: number) =>
  [...cosines].filter((_, i) => i % size > Math.floor(i / size));

/** Cosines of embeddings, those of normal vectors as their null. */
export function embeddingCosines() {
  const table = (title: string, name: string, labels: readonly string[]) => {
    const size = labels.length;
    const own = stream.child("cosines", name);
    const draws = range(200).map(() =>
      pairsOf(cosinesOf(range(size).map(() => range(config.dModel).map(() => own.normal()))), size),
    );
    const shareIn = (values: readonly number[], bin: number) =>
      values.filter((cosine) => Math.floor(((cosine + 1) / 2) * bins) === bin).length / values.length;
    const bands = range(bins).map((bin) => band(draws.map((values) => shareIn(values, bin))));
    return {
      title,
      labels,
      cosines: cosinesOf(matrixOf(name, 0).to2DArray().slice(0, size)),
      null: {
        low: bands.map(({ low }) => low),
        high: bands.map(({ high }) => high),
        largest: { ...band(draws.map((values) => quantile(values, 1))) },
      },
    };
  };
  return figures.embeddingCosines({
    subject,
    tables: [
      table("token embeddings", "embed.W_E", tokens),
      table("position embeddings", "pos_embed.W_pos", range(nPos).map(String)),
    ],
    nullName: `normal vectors of dimension ${config.dModel}`,
  });
}
