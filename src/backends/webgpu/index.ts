/** The `webgpu` backend: populations on a graphics card, in a page and in Node. */
import type { Backend } from "../../graph/backend.ts";
import type { Gpu } from "./device.ts";
import { type CardOptions, openSession, populationOn } from "./session.ts";

export { reasonAgainst } from "./population/plan.ts";

/** Options of {@link webgpuBackend}. */
export type WebgpuOptions = CardOptions;

/** Updates that are handed over at once: enough to fill a card, few enough to be asked often whether to stop. */
const STEPS_AT_ONCE = 32;

/**
 * The backend on an open device.
 *
 * The same card gives the same bits twice, and no model's numbers reach another's; between cards, and between a card and
 * the other backends, results differ by rounding.
 */
export function webgpuBackend(gpu: Gpu, options: WebgpuOptions = {}): Backend {
  const { population = populationOn(gpu) } = options;
  return {
    ...({ name: "webgpu", precision: "float32", wholeBatches: true } as const),
    ...(population === false ? {} : { stepsAtOnce: STEPS_AT_ONCE }),
    open: (session) => openSession(gpu, session, options),
  };
}
