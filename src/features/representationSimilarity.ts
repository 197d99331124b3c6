/**
 * Similarity of whole layers: before and after training, and of layers that never met.
 *
 * Units may trade places and rotate here and nothing is lost, which unit-by-unit persistence would see as loss. All
 * measures but the debiased CKA are well above 0 between two *untrained* layers of different seeds, for all networks
 * read the same tokens at the same positions: only what exceeds that floor is kinship, see {@link nullNormalised}.
 */
import { sameLength } from "../base/check.ts";
import { cca, pwcca } from "../stats/cca.ts";
import { chanceCorrected } from "../stats/chanceCorrection.ts";
import { procrustes } from "../stats/procrustes.ts";
import type { Representation } from "../stats/representation.ts";
import { representationalSimilarity } from "../stats/representationalSimilarity.ts";
import { debiasedCka, linearCka } from "../stats/similarity.ts";
import { ownModel, type PairingOptions } from "./pairing.ts";
import { type CellMeans, checkComparable } from "./unitCurves.ts";

/** Every measure of {@link representationSimilarity}; each is 1 of a representation and itself. */
export const similarityMeasures = ["cka", "debiasedCka", "pwcca", "procrustes", "rsa"] as const;
/** One of {@link similarityMeasures}. */
export type SimilarityMeasure = (typeof similarityMeasures)[number];

/** Similarities by measure. */
export type Similarities<T, M extends SimilarityMeasure = SimilarityMeasure> = Record<M, T>;

const statistics: Readonly<Record<SimilarityMeasure, (x: Representation, y: Representation) => number>> = {
  cka: linearCka,
  debiasedCka,
  pwcca: (x, y) => (cca(x, y).trivial > 0 ? Number.NaN : pwcca(x, y).estimate),
  procrustes: (x, y) => procrustes(x, y).similarity,
  rsa: representationalSimilarity,
};

/** Which measures are taken. */
export interface SimilarityOptions<M extends SimilarityMeasure> {
  /** All unless given; canonical correlations take longest. */
  measures?: readonly M[];
}

/**
 * How alike two representations of the same samples are, by several measures.
 *
 *   cka          linear CKA, in [0, 1]
 *   debiasedCka  with unbiased HSIC, about 0 of unrelated ones, at most 1
 *   pwcca        projection-weighted canonical correlation, weights of x, in [0, 1]
 *   procrustes   ‖XᵀY‖_* after centring and scaling to Frobenius norm 1, in [0, 1]
 *   rsa          Spearman correlation of the pairwise distances, in [−1, 1]
 *
 * Edges: PWCCA is NaN where the two ranks add up to more than samples − 1, because some canonical correlations are 1
 * then, whatever the data; the others as in `stats`, NaN without variance.
 *
 * @param x  [sample][feature]
 * @param y  [sample][feature], the same samples, any number of features
 * @throws ShapeError if the numbers of samples differ or rows are ragged
 */
export function representationSimilarity<M extends SimilarityMeasure = SimilarityMeasure>(
  x: Representation,
  y: Representation,
  {
    measures = similarityMeasures as readonly SimilarityMeasure[] as readonly M[],
  }: SimilarityOptions<M> = {},
): Similarities<number, M> {
  return byMeasure(measures, (measure) => statistics[measure](x, y));
}

function byMeasure<M extends SimilarityMeasure, T>(
  measures: readonly M[],
  of: (measure: M) => T,
): Similarities<T, M> {
  return Object.fromEntries(measures.map((measure) => [measure, of(measure)])) as Similarities<T, M>;
}

/** The cell means of one model as a representation: cells are samples, units are features, [token · nPos + pos][unit]. */
export function cellRepresentation(
  { cellMean, units, dVocab, nPos }: CellMeans,
  model: number,
): Float64Array[] {
  const cells = dVocab * nPos;
  return Array.from({ length: cells }, (_, cell) =>
    Float64Array.from({ length: units }, (_, unit) => cellMean[(model * units + unit) * cells + cell]),
  );
}

/**
 * Similarity of the layers of two populations on their cell means, model by model.
 *
 * @param partner  which model of the second population each model of the first is compared with: itself unless given
 * @returns        by measure, [model] of the first; NaN without a partner, or where a cell mean is not finite
 * @throws ShapeError if units or cells differ
 */
export function populationSimilarity<M extends SimilarityMeasure = SimilarityMeasure>(
  before: CellMeans,
  after: CellMeans,
  {
    partner = ownModel,
    measures = similarityMeasures as readonly SimilarityMeasure[] as readonly M[],
  }: PairingOptions & SimilarityOptions<M> = {},
): Similarities<Float64Array, M> {
  checkComparable("population similarity", before, after);
  const result = byMeasure(measures, () => new Float64Array(before.models).fill(Number.NaN));
  for (let model = 0; model < before.models; model++) {
    const other = partner(model);
    if (!(other >= 0 && other < after.models)) continue;
    const [x, y] = [cellRepresentation(before, model), cellRepresentation(after, other)];
    if (![x, y].every((rows) => rows.every((row) => row.every(Number.isFinite)))) continue;
    const values = representationSimilarity(x, y, { measures });
    for (const measure of measures) result[measure][model] = values[measure];
  }
  return result;
}

/**
 * Similarities as shares of what was left to gain over those of the null, one by one.
 *
 *   (s − s_null) / (1 − s_null):  0 no more alike than strangers, 1 the same
 *
 * The null is an estimate, too: give each network's own (its trained layer against the *untrained* one of another seed,
 * where its trained layer is compared with its own untrained one), and take the interval over networks of the results.
 *
 * @throws ArgumentError if the lengths differ
 */
export function nullNormalised(similarity: ArrayLike<number>, nulls: ArrayLike<number>): Float64Array {
  sameLength("null-normalised similarity", similarity, nulls);
  return Float64Array.from(similarity, (value, i) => chanceCorrected(value, nulls[i]).kappa);
}
