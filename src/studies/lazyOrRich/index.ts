/** Study S6: is training gentler than noise of its size, and what makes it lazy? */
import type { Study } from "../protocol/study.ts";
import { armsOf, type LazyOrRichArm } from "./arms.ts";
import { conclude } from "./conclude.ts";
import { measure, type Told } from "./measure.ts";
import { plan } from "./plan.ts";

export const lazyOrRich: Study<LazyOrRichArm, Told> = { plan, arms: armsOf, measure, conclude };
