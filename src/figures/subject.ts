/** What a figure of the experiments shows: which networks, how many, and at which time of their lives. */
import { counted } from "./numberText.ts";
import { ink, nowColor, thenColor } from "./theme.ts";

/** The networks of a figure. */
export interface Subject {
  /** What was looked at, e.g. `original at initialisation`. */
  name: string;
  /** How many networks there are; each is one seed. */
  seeds: number;
  /** Seed of the network that is drawn, where a figure shows a single one of them. */
  seed?: number;
  /** Before or after training: the hue of estimates. Without it they are ink. */
  time?: "then" | "now";
}

/** The spread of a null: the ends that hold most of it, as the figure's texts say, and its middle where known. */
export interface Band {
  low: number;
  high: number;
  middle?: number;
}

/** `seed 42 in full, of 5 seeds (original).` or `5 seeds (original).` */
export function subjectSeeds({ name, seeds, seed }: Subject): string {
  const all = `${counted(seeds, "seed")} (${name}).`;
  if (seed === undefined) return all;
  return seeds === 1 ? `seed ${seed} (${name}).` : `seed ${seed} in full, of ${all}`;
}

/** The networks in a title: with the seed where the finding is of one of several. */
export function subjectTitle({ name, seeds, seed }: Subject): string {
  return seed === undefined || seeds === 1 ? name : `${name}, seed ${seed}`;
}

/** Colour of estimates: cool before training, warm after, ink where that is not the point. */
export function subjectColor({ time }: Subject): string {
  if (time === undefined) return ink;
  return time === "then" ? thenColor : nowColor;
}

/** A figure's name with its subject's: kebab-case, the anchor in a report. */
export function subjectSlug(figure: string, { name }: Subject): string {
  const slug = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
  return slug === "" ? figure : `${figure}-${slug}`;
}
