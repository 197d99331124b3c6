/** Which seeds are drawn one by one: a picture of a thousand thin lines is a blot of megabytes. */
import { type Population, seedsSentence } from "./population.ts";

/** Seeds that are drawn as marks of their own, at most; means and bands are always of all. */
const mostDrawn = 100;

/** The seeds that are drawn one by one: the first hundred. */
export function singleSeeds<T>(bySeed: readonly T[]): readonly T[] {
  return bySeed.length <= mostDrawn ? bySeed : bySeed.slice(0, mostDrawn);
}

/** {@link seedsSentence} of a figure with marks of single seeds, which says where they are not all. */
export function singleSeedsSentence(populations: readonly Population[]): string {
  const all = populations.every(({ summary }) => summary.seeds.length <= mostDrawn);
  const sentence = seedsSentence(populations);
  return all
    ? sentence
    : `${sentence} The first ${mostDrawn} are drawn one by one; means, bands and numbers are of all.`;
}
