/** Which tensor of a file holds which of our weights, for one model of a family. */
import { InternalError } from "../base/errors.ts";
import type { ModelConfig } from "../model/config.ts";
import { weightShapes } from "../model/weights.ts";
import { shapeOfLayout } from "./axes.ts";
import { axesOfWeight, axisSizes, type Family } from "./family.ts";

/** A weight of ours within a tensor of theirs. */
export interface WeightPart {
  /** Our name. */
  readonly name: string;
  /** Layout of the tensor, seen from this weight. */
  readonly layout: string;
  /** Our axes. */
  readonly axes: string;
}

/** A tensor that a model's files must hold, and the weights in it. */
export interface PlannedTensor {
  readonly shape: readonly number[];
  readonly parts: readonly WeightPart[];
}

const layerOf = /^blocks\.(\d+)\./;

/**
 * Every tensor of a model by its name as transformers writes it, in the order of a forward pass.
 *
 * @throws InternalError if the family has no rule for a weight that its config asks for
 */
export function weightPlan(family: Family, config: ModelConfig): ReadonlyMap<string, PlannedTensor> {
  const rules = new Map(family.weights.map((rule) => [rule[0], rule]));
  const sizes = axisSizes(config);
  const plan = new Map<string, { shape: readonly number[]; parts: WeightPart[] }>();
  for (const name of weightShapes(config).keys()) {
    const layer = layerOf.exec(name)?.[1] ?? "";
    const rule = rules.get(name.replace(layerOf, "blocks.{l}."));
    if (rule === undefined)
      throw new InternalError({
        where: `family ${family.name}`,
        rule: "needs a rule for every weight",
        got: name,
      });
    const [, template, layout] = rule;
    const theirs = template.replace("{l}", layer);
    const planned = plan.get(theirs) ?? { shape: shapeOfLayout(layout, sizes), parts: [] };
    planned.parts.push({ name, layout, axes: axesOfWeight(name) });
    plan.set(theirs, planned);
  }
  return plan;
}
