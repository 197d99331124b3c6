/** Pairs beyond label permutations of every seed, counted one after the other. */
import type { Looker } from "../../lab/looker.ts";
import type { Population, Seen } from "../../lab/population.svelte.ts";
import { remembered } from "../../lab/remembered.ts";
import type { UnitPairsSeen } from "../../workers/looks/unitPairs.ts";
import { STRONG, unitCells } from "./circuitsData.ts";

/** One seed, then and now. */
export interface SeedPairsSeen {
  readonly now: UnitPairsSeen;
  readonly before: UnitPairsSeen;
}

/** Where pairs are counted. */
export interface SeedPairsQuestion {
  readonly run: Population;
  readonly at: Seen;
  readonly first: Seen;
  readonly model: number;
}

/** Pairs of one seed at one step, from memory where they were counted. */
async function pairsAt(looker: Looker, { run, at, model }: Omit<SeedPairsQuestion, "first">) {
  const { dVocab } = run.config;
  const { nPos } = run.arm.probe;
  const own = unitCells(at.sites, { layers: run.config.nLayers, model, cells: dVocab * nPos });
  if (own === null) return null;
  const seed = run.models[model].init;
  return remembered(
    looker,
    { run, at },
    "unitPairs",
    { cells: own.cells, dVocab, nPos, seed, threshold: STRONG },
    String(seed),
  );
}

/** Pairs of one seed then and now; null where the run keeps no cells. */
export async function seedPairs(looker: Looker, question: SeedPairsQuestion): Promise<SeedPairsSeen | null> {
  const before = await pairsAt(looker, { ...question, at: question.first });
  const now = await pairsAt(looker, question);
  return before === null || now === null ? null : { before, now };
}

export class SeedPairs {
  /** Seeds that are counted so far. */
  seeds = $state.raw<readonly SeedPairsSeen[]>([]);

  /** Counts all seeds; returns what stops it. */
  count(looker: Looker, { run, at, first }: Omit<SeedPairsQuestion, "model">): () => void {
    let stopped = false;
    this.seeds = [];
    const go = async () => {
      for (let model = 0; model < run.models.length && !stopped; model++) {
        const pairs = await seedPairs(looker, { run, at, first, model });
        if (!stopped && pairs !== null) this.seeds = [...this.seeds, pairs];
      }
    };
    go().catch(() => {}); // the view that shows one of the seeds says why
    return () => {
      stopped = true;
    };
  }
}
