/** The geometry of the embeddings: which are alike, and how far they are from where they began. */
import { randomStream } from "../../../../src/base/random.ts";
import { crossCosines } from "../../../../src/features/embeddingGeometry.ts";
import type { Band } from "../../../../src/figures/subject.ts";
import type { Network } from "../../../../src/interp/index.ts";
import { pearson } from "../../../../src/stats/correlation.ts";
import { quantileSorted } from "../../../../src/stats/quantile.ts";
import { type CosineNull, cosineNull } from "../../../../src/studies/experiments/cosineNull.ts";
import { embeddingNames } from "./embeddingNames.ts";
import { type PrincipalPlane, planeNull, principalPlane, relativeMove } from "./principalPlane.ts";

/** Tables by the name of their weight, [model, row, dModel]. */
type Tables = Readonly<Record<string, ArrayLike<number>>>;

/** What is asked. */
export interface EmbeddingsRequest {
  /** The model that is shown. */
  readonly model: number;
  /** The embeddings of all models before training, by their weights' names, those of embeddingNames.ts. */
  readonly before: Tables;
  /** Positions that are trained: another has kept its embedding, and would count as perfectly persistent. */
  readonly nPos: number;
}

/** One table of the shown model, and what of it all models kept. */
export interface EmbeddingsSeen {
  /** `token embeddings` */
  readonly title: string;
  readonly rows: number;
  /** [row][row], row-major. */
  readonly cosines: Float64Array;
  readonly cosinesBefore: Float64Array;
  /** Cosines of random tables of this size. */
  readonly drawn: CosineNull;
  readonly plane: PrincipalPlane;
  /** Share that the plane holds of random tables that moved as far: middle 95 %. */
  readonly planeNull: Band;
  readonly moved: number;
  /** Correlation over pairs of rows of the cosines then with those now, [model]. */
  readonly kept: readonly number[];
  /** The same with the cosines then of every other model, [pair of models]. */
  readonly others: readonly number[];
}

/** Random tables that the plane is held against. */
const DRAWS = 199;
/** Rows at most that are compared, the first: cosines grow with their square. */
const MOST_ROWS = 128;

export async function embeddings(
  network: Network,
  { model, before, nPos }: EmbeddingsRequest,
): Promise<EmbeddingsSeen[]> {
  const { models } = network;
  const { dModel } = network.config;
  const seen: EmbeddingsSeen[] = [];
  for (const [name, title] of Object.entries(embeddingNames)) {
    const then = before[name];
    if (then === undefined) continue;
    const now = await network.session.read(name);
    const size = now.length / models;
    const used = name === "pos_embed.W_pos" ? nPos : size / dModel;
    const rows = Math.min(MOST_ROWS, used);
    if (rows < 2) continue;
    const tableOf = (all: ArrayLike<number>, index: number) =>
      Float64Array.from({ length: rows * dModel }, (_, i) => all[index * size + i]);
    const cosinesOf = (all: ArrayLike<number>) =>
      Array.from({ length: models }, (_, index) => {
        const table = { values: tableOf(all, index), dModel };
        return crossCosines(table, table);
      });
    const [cosines, cosinesBefore] = [cosinesOf(now), cosinesOf(then)];
    const pairs = {
      now: cosines.map((of) => upper(of, rows)),
      before: cosinesBefore.map((of) => upper(of, rows)),
    };
    const [first, last] = [tableOf(then, model), tableOf(now, model)];
    const moved = relativeMove(first, last, dModel);
    const shares = planeNull(
      { rows, dModel, moved },
      { draws: DRAWS, stream: randomStream("studio", "embedding plane", rows, dModel) },
    );
    seen.push({
      ...{ title, rows, moved },
      cosines: cosines[model],
      cosinesBefore: cosinesBefore[model],
      drawn: cosineNull(rows, dModel),
      plane: principalPlane(first, last, dModel),
      planeNull: { low: quantileSorted(shares, 0.025), high: quantileSorted(shares, 0.975) },
      kept: pairs.now.map((own, index) => pearson(pairs.before[index], own)),
      others: pairs.now.flatMap((own, index) =>
        pairs.before.flatMap((other, from) => (from === index ? [] : [pearson(other, own)])),
      ),
    });
  }
  return seen;
}

/** Every pair of different rows once. */
function upper(matrix: Float64Array, rows: number): Float64Array {
  return matrix.filter((_, i) => i % rows > Math.floor(i / rows));
}
