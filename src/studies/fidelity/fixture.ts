/** A recorded run of the original study: initial and final weights, data, probes and what came out. */
import { z } from "zod";
import { FileError } from "../../base/errors.ts";

const numbers = z.array(z.number());
const tokens = z
  .array(z.array(z.number().int().min(0).max(9)).length(8))
  .min(1)
  .max(100_000);
const stateDict = z.record(z.string(), z.object({ shape: numbers, data: numbers }));
const selectivity = z.array(z.object({ token: numbers, position: numbers })).length(2);

const schema = z.object({
  seed: z.number().int(),
  batch: z.number().int().min(1).max(4096),
  epochs: z.number().int().min(1).max(1000),
  lr: z.number().positive(),
  adam: z.object({ beta1: z.number(), beta2: z.number(), eps: z.number() }),
  init: stateDict,
  final: stateDict,
  train_data: tokens,
  probe_init: tokens,
  probe_final: tokens,
  epoch_losses: numbers,
  eta2_init: selectivity,
  eta2_final: selectivity,
  logits_init_first_probe: numbers,
});

/** The parts of a fixture that are compared. Tokens are [sequence][pos], eta² by layer and kind [unit]. */
export type Fixture = z.infer<typeof schema>;

/**
 * Checks a parsed file.
 *
 * @param name   the file's name, for the message
 * @param value  the parsed JSON
 * @throws FileError naming the first field that is wrong
 */
export function parseFixture(name: string, value: unknown): Fixture {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new FileError({
    where: `fixture ${name}`,
    rule: `is no recorded run of the original study: field "${issue.path.join(".")}" is wrong (${issue.message})`,
    wayOut: "Take fixtures/original/seed-42.json as the pattern.",
  });
}
