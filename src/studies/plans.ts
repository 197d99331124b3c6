/** The plans of the studies, without what carries them out: a command line that is asked for help needs no more. */
import { plan as chanceCorrected } from "./chanceCorrected/plan.ts";
import { plan as doseResponse } from "./doseResponse/plan.ts";
import { plan as emergence } from "./emergence/plan.ts";
import { plan as featureLottery } from "./featureLottery/plan.ts";
import { plan as fidelity } from "./fidelity/plan.ts";
import { plan as functionKept } from "./functionKept/plan.ts";
import { plan as identityOrEffect } from "./identityOrEffect/plan.ts";
import { plan as initialSelectivity } from "./initialSelectivity/plan.ts";
import { plan as layerHierarchy } from "./layerHierarchy/plan.ts";
import { plan as lazyOrRich } from "./lazyOrRich/plan.ts";
import { plan as lotteryTickets } from "./lotteryTickets/plan.ts";
import { plan as nothingToLearn } from "./nothingToLearn/plan.ts";
import type { StudyPlan } from "./protocol/study.ts";
import { plan as selectionRegression } from "./selectionRegression/plan.ts";
import { plan as textPersistence } from "./textPersistence/plan.ts";
import { plan as tokenOrPosition } from "./tokenOrPosition/plan.ts";

/** A study's plan, and about how long the study takes. */
export interface PlannedStudy {
  readonly plan: StudyPlan;
  /** At full size on two processors, seconds. */
  readonly seconds: number;
}

/** In the order of their ids. */
export const plannedStudies: readonly PlannedStudy[] = [
  { plan: fidelity, seconds: 2 },
  { plan: initialSelectivity, seconds: 60 },
  { plan: chanceCorrected, seconds: 40 },
  { plan: identityOrEffect, seconds: 20 },
  { plan: doseResponse, seconds: 140 },
  { plan: lazyOrRich, seconds: 220 },
  { plan: nothingToLearn, seconds: 130 },
  { plan: layerHierarchy, seconds: 200 },
  { plan: tokenOrPosition, seconds: 40 },
  { plan: selectionRegression, seconds: 60 },
  { plan: functionKept, seconds: 160 },
  { plan: lotteryTickets, seconds: 200 },
  { plan: featureLottery, seconds: 400 },
  { plan: emergence, seconds: 370 },
  { plan: textPersistence, seconds: 570 },
];
