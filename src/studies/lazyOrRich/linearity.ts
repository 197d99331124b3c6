/** Whether a network was lazy by its own account: did it stay where its linearisation holds, and did its tangent kernel? */
import { inTurn } from "../../base/inTurn.ts";
import { randomStream } from "../../base/random.ts";
import { taskNamed } from "../../data/registry.ts";
import { displacementOf } from "../../features/matchedNoise.ts";
import { type Output, openOutputGradients } from "../../features/outputGradients.ts";
import { kernelMovement, linearisation, tangentKernel } from "../../features/tangentKernel.ts";
import type { Backend } from "../../graph/backend.ts";
import { type Weights, weightsOfModel } from "../../model/weights.ts";
import type { GrowthArm } from "./arms.ts";

/** What is told of one network. Neither number depends on the output scale, only on where the weights went. */
export interface Linearity {
  /** ‖f(θ₁) − f_lin(θ₁)‖ / ‖f(θ₁) − f(θ₀)‖ over some logits. */
  readonly error: number;
  /** 1 − CKA of the tangent kernels of the same logits, before and after. */
  readonly kernel: number;
}

/**
 * @param start  initialisations of the seeds, [model, ...shape] by name
 * @param end    the same networks after training
 * @returns      one a seed; null for seeds that the arm does not ask it of
 */
export async function linearityOf(
  backend: Backend,
  { growth, linear }: GrowthArm,
  seeds: readonly number[],
  { start, end }: { start: Weights; end: Weights },
): Promise<(Linearity | null)[]> {
  const { config, study } = growth;
  if (!seeds.some((seed) => linear.seeds.includes(seed))) return seeds.map(() => null);
  const task = taskNamed(growth.task, { dVocab: config.dVocab, nCtx: config.nCtx });
  const draws = randomStream(study, "outputs"); // the same logits of all networks, as with the probe
  const { inputs: tokens, count, nPos } = task.sample(draws, linear.outputs);
  const outputs = Array.from(
    { length: count },
    (_, sequence): Output => ({
      sequence,
      pos: draws.integer(nPos),
      token: draws.integer(config.dVocab),
    }),
  );
  const gradients = openOutputGradients(backend, config, { tokens, count, nPos }, outputs);
  try {
    return await inTurn(seeds, async (seed, model) => {
      if (!linear.seeds.includes(seed)) return null;
      const [from, to] = [start, end].map((weights) => weightsOfModel(config, weights, model));
      const before = await gradients.at(from);
      const kernel = tangentKernel(before);
      const after = await gradients.at(to);
      return {
        error: linearisation(before, displacementOf(from, to), after.values).error,
        kernel: kernelMovement(kernel, tangentKernel(after)),
      };
    });
  } finally {
    gradients.close();
  }
}
