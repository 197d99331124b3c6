/** What the view "Touch" does to networks and asks of them: plain data, so that a link reproduces the effect. */
import { z } from "zod";

/**
 * What becomes of a part.
 *
 * - `zero`: 0
 * - `mean`: its mean over held-out sequences, at the same position
 * - `resample`: what it is in held-out sequences, one after the other; effects are means over them
 * - `patch`: what it is in the other sequence, at the same position
 * - `scale`: itself times `by`
 */
export const editHows = ["zero", "mean", "resample", "patch", "scale"] as const;
export type EditHow = (typeof editHows)[number];

/**
 * Parts by name: head `L1H0`, neuron `L0N17`, what attention or the MLP of a layer adds (`L0attn`, `L0mlp`), the stream
 * before, in the middle of and after a block (`L0pre`, `L0mid`, `L0post`), the token embedding (`embed`).
 */
const partName = z.string().regex(/^(embed|L\d{1,3}(H\d{1,3}|N\d{1,5}|attn|mlp|pre|mid|post))$/);
/** One position, or all of them. */
const position = z.int().min(0).max(4095).nullable();

/** Largest factor, either sign. */
export const MOST_FACTOR = 100;
/** Edits at once. */
export const MOST_EDITS = 24;

const touchEdit = z.union([
  z
    .strictObject({ at: partName, how: z.enum(editHows.filter((how) => how !== "scale")), pos: position })
    .readonly(),
  z
    .strictObject({
      at: partName,
      how: z.literal("scale"),
      by: z.number().min(-MOST_FACTOR).max(MOST_FACTOR),
      pos: position,
    })
    .readonly(),
]);
/** An intervention as a link has it. */
export type TouchEdit = z.infer<typeof touchEdit>;

/** Some interventions, done together. */
export const touchEdits = z.array(touchEdit).max(MOST_EDITS).readonly();
export type TouchEdits = z.infer<typeof touchEdits>;

const token = z.int().min(0).max(100_000).nullable();

/** Sites that are swept: the stream or the MLP's output by layer and position, heads by layer and head. */
export const sweepKinds = ["stream", "heads", "mlp"] as const;
export type SweepKind = (typeof sweepKinds)[number];

/**
 * - `pos`, `answer`, `wrong`: what is measured. Without an answer the loss, at one position or all; with an answer its
 *   loss; with both the difference of their logits. With an answer, no position is the last one
 * - `compare`: what stands beside the effect: the same edits on the networks before training, or the kept edits
 * - `kept`: edits that were kept as A
 * - `mean`: answers and patterns as means over seeds, not of one seed
 * - `share`: effects of patches as shares of the way from corrupt to clean, not in logits
 */
export const touchChoice = z
  .strictObject({
    pos: position,
    answer: token,
    wrong: token,
    compare: z.enum(["initial", "kept"]),
    kept: touchEdits.nullable(),
    mean: z.boolean(),
    sweep: z.enum(sweepKinds),
    direction: z.enum(["denoising", "noising"]),
    share: z.boolean(),
  })
  .readonly();
export type TouchChoice = z.infer<typeof touchChoice>;

/** The loss, beside that of the networks before training. */
export const firstTouch: TouchChoice = {
  ...{ pos: null, answer: null, wrong: null },
  ...{ compare: "initial", kept: null, mean: false },
  ...{ sweep: "stream", direction: "denoising", share: false },
};
