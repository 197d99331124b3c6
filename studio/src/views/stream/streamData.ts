/** What the figures of the residual stream draw of what was seen. */
import type { AttributionBarsData } from "../../../../src/figures/experiments/attributionBars.ts";
import type { EmbeddingCosinesData } from "../../../../src/figures/experiments/embeddingCosines.ts";
import type { LensTableData } from "../../../../src/figures/experiments/lensTable.ts";
import type { EmbeddingPlaneData } from "../../../../src/figures/looks/embeddingPlane.ts";
import type { LensDistributionData } from "../../../../src/figures/looks/lensDistribution.ts";
import type { StreamNormsData } from "../../../../src/figures/looks/streamNorms.ts";
import type { Subject } from "../../../../src/figures/subject.ts";
import { type Interval, tInterval } from "../../../../src/stats/intervals.ts";
import type { AttributionSeen } from "../../workers/looks/attribution.ts";
import type { EmbeddingsSeen } from "../../workers/looks/embeddings.ts";
import type { LensSeen } from "../../workers/looks/lens.ts";
import type { StreamLengths } from "../../workers/looks/streamLengths.ts";

/** Mean of the finite values with its 95 % t interval over seeds; ends are NaN with fewer than two. */
export function overSeeds(values: readonly number[]): Interval {
  const finite = values.filter(Number.isFinite);
  if (finite.length > 1) return tInterval(finite);
  return { estimate: finite[0] ?? Number.NaN, low: Number.NaN, high: Number.NaN };
}

const labels = (count: number) => Array.from({ length: count }, (_, i) => String(i));

/** Models whose probabilities are numbers. */
export function soundModels({ probabilities }: LensSeen, models: number): number[] {
  const size = probabilities.length / models;
  return labels(models)
    .map(Number)
    .filter((model) => probabilities.subarray(model * size, (model + 1) * size).every(Number.isFinite));
}

/**
 * Probabilities [site, pos, dVocab] of one model, or their mean over those that did not diverge.
 *
 * @param model  null for the mean, which is what `palimpsest inspect RUN lens --seed all` has
 */
export function lensProbabilities(seen: LensSeen, models: number, model: number | null): Float64Array {
  const chosen = model === null ? soundModels(seen, models) : [model];
  const size = seen.probabilities.length / models;
  const out = new Float64Array(size);
  for (const one of chosen) for (let i = 0; i < size; i++) out[i] += seen.probabilities[one * size + i];
  return out.map((value) => value / chosen.length);
}

/**
 * Probability of one token at the last site over the models that did not diverge, with its 95 % t interval.
 *
 * @param at  position, and the token
 */
export function lensOverSeeds(
  { sites, probabilities }: LensSeen,
  { models, nPos, dVocab }: { models: number; nPos: number; dVocab: number },
  at: { position: number; token: number },
): Interval {
  const size = probabilities.length / models;
  const place = ((sites.length - 1) * nPos + at.position) * dVocab + at.token;
  return overSeeds(Array.from({ length: models }, (_, model) => probabilities[model * size + place]));
}

/** The likeliest token of each row, of equals the smaller; −1 where no number is one. */
export function likeliest(values: ArrayLike<number>, dVocab: number): number[] {
  return Array.from({ length: values.length / dVocab }, (_, row) => {
    let best = -1;
    for (let token = 0; token < dVocab; token++) {
      const value = values[row * dVocab + token];
      if (value > (best < 0 ? Number.NEGATIVE_INFINITY : values[row * dVocab + best])) best = token;
    }
    return best;
  });
}

/** In words which lens it is. */
export const lensName = ({ norm }: Pick<LensSeen, "norm">, finalNorm: boolean) =>
  finalNorm ? `logit lens, final norm ${norm}` : "logit lens, the plain unembedding (no final norm)";

/** The table of a lens. */
export function lensData(
  probabilities: Float64Array,
  {
    tokens,
    sites,
    dVocab,
    ...rest
  }: {
    subject: Subject;
    lens: string;
    tokens: readonly number[];
    sites: readonly string[];
    dVocab: number;
  },
): LensTableData {
  const top = likeliest(probabilities, dVocab);
  return {
    ...rest,
    tokens: labels(dVocab),
    input: tokens,
    // what is typed need not be of the task: the right next token is the next of the sequence
    targets: [...tokens.slice(1), -1],
    sites,
    top,
    probability: top.map((token, row) => (token < 0 ? Number.NaN : probabilities[row * dVocab + token])),
  };
}

/** Every token's probability at one position, then and now. */
export function distributionData(
  { now, before }: { now: Float64Array; before: Float64Array },
  {
    tokens,
    position,
    dVocab,
    ...rest
  }: {
    subject: Subject;
    lens: string;
    sites: readonly string[];
    tokens: readonly number[];
    position: number;
    dVocab: number;
    /** From {@link lensOverSeeds}, of the next token, where maps are means over seeds. */
    over?: Interval;
  },
): LensDistributionData {
  const at = (values: Float64Array) =>
    rest.sites.flatMap((_, site) => {
      const from = (site * tokens.length + position) * dVocab;
      return Array.from(values.subarray(from, from + dVocab));
    });
  return {
    ...rest,
    pos: position,
    tokens: labels(dVocab),
    ...(position + 1 < tokens.length ? { target: tokens[position + 1] } : {}),
    probability: at(now),
    before: at(before),
  };
}

/** Bars of a logit, mean over seeds; hollow before training. */
export function attributionData(
  { now, before }: { now: AttributionSeen; before: AttributionSeen },
  {
    answer,
    other,
    position,
    subject,
  }: { answer: number; other: number | null; position: number; subject: Subject },
): AttributionBarsData {
  const of = ({ logits }: AttributionSeen, component: number) =>
    overSeeds(logits.map((ofModel) => ofModel[component]));
  return {
    subject,
    quantity: `logit of token ${answer}${other === null ? "" : ` less that of token ${other}`} at position ${position}`,
    unit: "logits",
    intervals: "95 % t interval over seeds",
    components: now.components.map((name, component) => ({
      name,
      ...of(now, component),
      before: of(before, component),
    })),
    most: 24,
  };
}

/** Lengths of the stream. */
export function lengthsData(
  { now, before }: { now: StreamLengths; before: StreamLengths },
  rest: { subject: Subject; probe: string },
): StreamNormsData {
  const column = ({ lengths }: StreamLengths, site: number) => lengths.map((ofModel) => ofModel[site]);
  return {
    ...rest,
    sites: now.sites.map((site, at) => ({
      site,
      now: overSeeds(column(now, at)),
      before: overSeeds(column(before, at)),
      networks: column(now, at).filter(Number.isFinite),
    })),
  };
}

/** Cosines of the embeddings, then and now. */
export function cosinesData(seen: readonly EmbeddingsSeen[], subject: Subject): EmbeddingCosinesData {
  return {
    subject,
    tables: seen.flatMap(({ title, rows, cosines, cosinesBefore, drawn }) => [
      { title: `${title}, then`, labels: labels(rows), cosines: cosinesBefore, null: drawn },
      { title: `${title}, now`, labels: labels(rows), cosines, null: drawn },
    ]),
    nullName: "normal vectors of the same dimension",
  };
}

/** Embeddings in their plane. */
export function planeData(seen: readonly EmbeddingsSeen[], subject: Subject): EmbeddingPlaneData {
  return {
    subject,
    tables: seen.map(({ title, rows, plane, planeNull, moved }) => ({
      ...{ title, labels: labels(rows), moved, null: planeNull },
      ...{ before: plane.before, points: plane.now, share: plane.share },
    })),
  };
}
