/** Study S3: persistence by the original's criterion, less what chance supplies of it. */
import type { Study } from "../protocol/study.ts";
import { type PersistenceArm, persistenceArms } from "./arms.ts";
import { concludePersistence } from "./conclude.ts";
import { measurePersistence, type PersistenceTold } from "./measure.ts";
import { plan } from "./plan.ts";

/** Study S3. */
export const chanceCorrected: Study<PersistenceArm, PersistenceTold> = {
  plan,
  arms: persistenceArms,
  measure: measurePersistence,
  conclude: concludePersistence,
};
