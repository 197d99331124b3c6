/** The training behind golden.json; nothing of it touches Node, so that a page can run it too. */
import type { Backend } from "../../src/graph/backend.ts";
import { train } from "../train/population.ts";

/** Seed 0 of `original`: Adam at 1e-3 for fifty steps, batches of 32 from 500 sequences of the original task. */
export async function trainGolden(
  backend?: Backend,
): Promise<{ losses: { first: number; last: number }; sha256: string }> {
  const { losses, hashes } = await train([{ seed: 0 }], { backend, steps: 50, batch: 32, sequences: 500 });
  return { losses: { first: losses[0][0], last: losses[49][0] }, sha256: hashes[0] };
}
