/** Every study that `palimpsest study` runs, by name and by id. */
import { InternalError, unknownName } from "../base/errors.ts";
import { chanceCorrected } from "./chanceCorrected/index.ts";
import { doseResponse } from "./doseResponse/index.ts";
import { emergence } from "./emergence/index.ts";
import { featureLottery } from "./featureLottery/index.ts";
import type { Fixture } from "./fidelity/fixture.ts";
import { fidelityStudy } from "./fidelity/index.ts";
import { functionKept } from "./functionKept/index.ts";
import { identityOrEffect } from "./identityOrEffect/index.ts";
import { initialSelectivity } from "./initialSelectivity/index.ts";
import { layerHierarchy } from "./layerHierarchy/index.ts";
import { lazyOrRich } from "./lazyOrRich/index.ts";
import { lotteryTickets } from "./lotteryTickets/index.ts";
import { nothingToLearn } from "./nothingToLearn/index.ts";
import { plannedStudies } from "./plans.ts";
import type { Study } from "./protocol/study.ts";
import { selectionRegression } from "./selectionRegression/index.ts";
import { textPersistence } from "./textPersistence/index.ts";
import { tokenOrPosition } from "./tokenOrPosition/index.ts";

/** A study, and about how long it takes. */
export interface RegisteredStudy {
  readonly study: Study;
  /** At full size on two processors, seconds. */
  readonly seconds: number;
}

/** What studies are made from that comes from files; a worker needs none of it, as arms bring it along. */
export interface StudyMaterial {
  /** Runs of the original for study S1, which has no networks of its own. */
  readonly recorded?: readonly Fixture[];
  /** What the language models of study S15 read. */
  readonly text?: string;
}

/** The studies in the order of their ids. Without its material a study has a plan, and nothing to measure. */
export function registeredStudies({
  recorded = [],
  text = "",
}: StudyMaterial = {}): readonly RegisteredStudy[] {
  const studies: readonly Study[] = [
    fidelityStudy(recorded),
    initialSelectivity,
    chanceCorrected,
    identityOrEffect,
    doseResponse,
    lazyOrRich,
    nothingToLearn,
    layerHierarchy,
    tokenOrPosition,
    selectionRegression,
    functionKept,
    lotteryTickets,
    featureLottery,
    emergence,
    textPersistence(text),
  ];
  return studies.map((study) => ({ study, seconds: secondsOf(study) }));
}

function secondsOf({ plan }: Study): number {
  const planned = plannedStudies.find((each) => each.plan === plan);
  if (planned === undefined)
    throw new InternalError({ where: `study ${plan.name}`, rule: "has no planned time" });
  return planned.seconds;
}

/**
 * A study by its name or its id.
 *
 * @throws NameError with the nearest name
 */
export function studyNamed(name: string, material: StudyMaterial = {}): Study {
  const all = registeredStudies(material).map(({ study }) => study);
  const found = all.find(({ plan }) => plan.name === name || plan.id === name);
  if (found === undefined)
    throw unknownName(
      "study",
      name,
      all.map(({ plan }) => plan.name),
    );
  return found;
}
