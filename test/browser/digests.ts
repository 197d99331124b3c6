/** SHA-256 of everything a population job computed, array by array, in a page and in Node alike. */
import type { ArmResult } from "../../src/studies/population/gather.ts";

/** Hashes by the path to the numbers, e.g. `checkpoints.1.weights.embed.W_E`. */
export type Digests = Record<string, string>;

/**
 * Hashes every array of numbers in a result: weights, held-out losses and selectivity at every checkpoint, training
 * losses. The share of time in kernels is left out; it is a matter of the machine.
 */
export async function digestsOf({ checkpoints, losses, divergedAt }: ArmResult): Promise<Digests> {
  const digests: Digests = {};
  const visit = async (path: string, value: unknown): Promise<void> => {
    if (ArrayBuffer.isView(value)) {
      const hash = await crypto.subtle.digest("SHA-256", value as Uint8Array<ArrayBuffer>);
      const digits = Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0"));
      digests[path] = `${value.constructor.name} ${digits.join("")}`;
    } else if (typeof value === "object" && value !== null) {
      for (const [name, part] of Object.entries(value)) await visit(path ? `${path}.${name}` : name, part);
    } else {
      digests[path] = String(value);
    }
  };
  await visit("", { checkpoints, losses, divergedAt });
  return digests;
}
