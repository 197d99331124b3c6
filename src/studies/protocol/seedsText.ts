/** Seeds as a reader is told of them. */
import { counted } from "../../figures/numberText.ts";

/** `30 seeds (0–29)`, or the seeds themselves where they are no range. */
export function seedsText(seeds: readonly number[]): string {
  const isRange = seeds.length > 1 && seeds.every((seed, i) => seed === seeds[0] + i);
  const which = isRange ? `${seeds[0]}–${seeds[seeds.length - 1]}` : seeds.join(", ");
  return `${counted(seeds.length, "seed")} (${which})`;
}
