/** S14, emergence: what training makes that was not there before. */
import type { Study } from "../protocol/study.ts";
import { arms, type EmergenceArm } from "./arms.ts";
import { conclude, type EmergenceTold } from "./conclude.ts";
import { measureDictionaries } from "./dictionaries.ts";
import { measureEmbeddings } from "./embeddings.ts";
import { measureInduction } from "./induction.ts";
import { plan } from "./plan.ts";

export const emergence: Study<EmergenceArm, EmergenceTold> = {
  plan,
  arms,
  measure: async (arm, seeds, context) => {
    if (arm.kind === "induction") return measureInduction(arm, seeds, context);
    if (arm.kind === "dictionaries") return measureDictionaries(arm, seeds, context);
    return measureEmbeddings(arm, seeds, context);
  },
  conclude,
};
