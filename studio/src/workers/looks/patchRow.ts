/** One line of a patching sweep: every part of a layer, put from one sequence into the other in turn. */
import {
  type Network,
  type PatchDirection,
  patchSweep,
  type SweepAxis,
} from "../../../../src/interp/index.ts";
import { hook, type SiteName } from "../../../../src/model/hookPoints.ts";
import type { SweepKind } from "../../state/touchChoice.ts";
import { type Measure, metricOf } from "../../views/touch/measure.ts";

/** What is asked. */
export interface PatchRowRequest {
  readonly clean: readonly number[];
  readonly corrupt: readonly number[];
  readonly over: SweepKind;
  readonly layer: number;
  readonly direction: Extract<PatchDirection, "denoising" | "noising">;
  readonly measure: Measure;
}

/** What is seen. */
export interface PatchRowSeen {
  /** Share of the way from the corrupt answer to the clean one, [model, cell]; NaN where they do not differ. */
  readonly effects: Float64Array;
  /** The measure of the patched runs, [model, cell]. */
  readonly patched: Float64Array;
  /** The measure of the runs without a patch, [model]. */
  readonly clean: Float64Array;
  readonly corrupt: Float64Array;
}

const swept: Readonly<Record<SweepKind, { site: (layer: number) => SiteName; by: SweepAxis }>> = {
  stream: { site: hook.residPre, by: "pos" },
  heads: { site: hook.z, by: "head" },
  mlp: { site: hook.mlpOut, by: "pos" },
};

/** The numbers of `patchSweep` for this layer; which other layers are swept decides no bit of them. */
export async function patchRow(
  network: Network,
  { clean, corrupt, over, layer, direction, measure }: PatchRowRequest,
): Promise<PatchRowSeen> {
  const { site, by } = swept[over];
  const sweep = await patchSweep(network, {
    ...{ clean: [clean], corrupt: [corrupt], direction },
    ...{ over: [site(layer)], by: [by], metric: metricOf(measure, clean) },
  });
  return {
    effects: Float64Array.from(sweep.effects.data),
    patched: Float64Array.from(sweep.patched.data),
    clean: Float64Array.from(sweep.clean.data),
    corrupt: Float64Array.from(sweep.corrupt.data),
  };
}
