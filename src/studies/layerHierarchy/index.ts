/** S8: why do deeper layers keep less of their tuning? */
import type { Study } from "../protocol/study.ts";
import { arms, type HierarchyArm } from "./arms.ts";
import { conclude } from "./conclude.ts";
import { type HierarchyTold, measure } from "./measure.ts";
import { plan } from "./plan.ts";

/** Study S8. */
export const layerHierarchy: Study<HierarchyArm, HierarchyTold> = { plan, arms, measure, conclude };
