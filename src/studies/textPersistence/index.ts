/** S15: do the features of a language model persist? Character models of a text. */
import type { Study } from "../protocol/study.ts";
import { arms, type TextPersistenceArm } from "./arms.ts";
import { conclude } from "./conclude.ts";
import { measure } from "./measure.ts";
import { plan } from "./plan.ts";
import type { TextPersistenceTold } from "./told.ts";

/**
 * The study of a text.
 *
 * @param text  handed in because the core reads no files; the arms carry it to a worker. Without one there is a plan, and
 *              nobody to measure
 */
export function textPersistence(text: string): Study<TextPersistenceArm, TextPersistenceTold> {
  return { plan, arms: (size) => arms(text, size), measure, conclude };
}
