/** What every figure has to know of the models that it shows. */
import { counted, listed } from "./numberText.ts";

/** The models of one preset. */
export interface Population {
  summary: {
    preset: string;
    seeds: readonly number[];
    models: readonly { divergedAt: number | null }[];
  };
  config: { causal: boolean };
}

/** What a unit can be tuned to. */
export type Factor = "token" | "position";

/** Both factors, in the order in which they are shown. */
export const factors: readonly Factor[] = ["token", "position"];

/** A preset's name and whether its models see what they have to predict, e.g. `original · unmasked`. */
export function presetTitle({ summary, config }: Population): string {
  return `${summary.preset} · ${config.causal ? "masked" : "unmasked"}`;
}

/** The sentence on seeds: `30 seeds each (original, causal); 1 of original diverged and is not drawn.` */
export function seedsSentence(populations: readonly Population[]): string {
  const counts = populations.map(({ summary }) => summary.seeds.length);
  const names = populations.map(({ summary }) => summary.preset);
  const same = counts.every((count) => count === counts[0]);
  let text: string;
  if (populations.length === 1) text = `${counted(counts[0], "seed")} (${names[0]})`;
  else if (same) text = `${counted(counts[0], "seed")} each (${names.join(", ")})`;
  else text = listed(counts.map((count, i) => `${counted(count, "seed")} (${names[i]})`));
  const lost = populations.flatMap(({ summary }) => {
    const diverged = summary.models.filter(({ divergedAt }) => divergedAt !== null).length;
    return diverged === 0
      ? []
      : [`${diverged} of ${summary.preset} diverged and ${diverged === 1 ? "is" : "are"} left out`];
  });
  return `${[text, ...lost].join("; ")}.`;
}

/** Name of an MLP neuron: `L0N17`. */
export function unitName(layer: number, unit: number): string {
  return `L${layer}N${unit}`;
}

/** Name of an attention head: `L1H0`. */
export function headName(layer: number, head: number): string {
  return `L${layer}H${head}`;
}
