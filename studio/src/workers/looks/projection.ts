/** How selective units are that nobody trained and that attend to nothing: the null of selectivity at initialisation. */
import type { Network } from "../../../../src/interp/index.ts";
import { type Projection, projectionNull } from "../../../../src/studies/persistence/projection.ts";
import type { ArmSpec } from "../../../../src/studies/population/arm.ts";

/** What is asked. */
export interface ProjectionRequest {
  readonly arm: ArmSpec;
}

/** The null of the study; null where it says nothing about such networks. It depends on the arm alone. */
export async function projection(_: Network, { arm }: ProjectionRequest): Promise<Projection | null> {
  return projectionNull(arm) ?? null;
}
