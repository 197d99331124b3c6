/** The graphics card that a run computes on, for backends that have one. */
import { createRequire } from "node:module";
import { isOnCard, openCard } from "../../backends/registry.ts";

/** What decides the bits of a run on a card besides Palimpsest: they are among the versions of its manifest. */
export interface Card {
  /** Card and driver, in the driver's words. */
  readonly adapter: string;
  /** Version of the npm package `webgpu`, whose compiler turns kernels into the card's own. */
  readonly webgpu: string;
}

/**
 * Networks that a job on a card holds at most: enough to fill a card of more than a hundred multiprocessors several times
 * over, few enough that what a checkpoint tells stays a message of some megabytes.
 */
export const modelsOnCard = 1024;

/**
 * The card of a backend; null for one that computes on the processor.
 *
 * @throws ArgumentError if there is none, or it cannot be used, with what to do
 */
export async function cardOf(backend: string): Promise<Card | null> {
  if (!isOnCard(backend)) return null;
  const { gpu } = await openCard();
  const { version } = createRequire(import.meta.url)("webgpu/package.json") as { version: string };
  return { adapter: gpu.describe, webgpu: version };
}

/** The card among the facts of a report; none where the processor computed. */
export function cardFacts(card: Card | null): [label: string, value: string][] {
  return card === null ? [] : [["card", card.adapter]];
}
