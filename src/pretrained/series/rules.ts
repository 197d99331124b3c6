/** The rules of the gate, with their numbers and the reasons for them. */

/** A rule that a checkpoint can break. */
export interface GateRule {
  readonly id: string;
  /** What a sound checkpoint does. */
  readonly rule: string;
  /** Why a checkpoint that does not is left out. */
  readonly reason: string;
}

/**
 * How far a distance may run against the order of the steps: 5 %, some four standard errors of a sketched length
 * (sketch.ts). What runs back farther and comes nearer to the other end at the same time is no fault.
 */
export const orderTolerance = 0.05;
/** What counts as coming nearer to one end: the standard error of a sketched length, of one tensor. */
export const nearerBy = 0.01;
/** The same for the ends of a series, from which everything is measured: weight decay can shorten the distance from the start. */
export const endTolerance = 0.25;
/** Parts are smaller and move less evenly than the whole. */
export const partTolerance = 0.15;
/**
 * A checkpoint is out of place if it is this many times farther from both its neighbours than they are from each other.
 * On any path that only goes on, the nearer one is at most once as far; where training only jitters, all three distances
 * are equal. The rest is room for the errors of sketches and for jitter that differs from step to step.
 */
export const outlierFactor = 1.15;
/** The same for a part. */
export const partOutlierFactor = 1.5;
/**
 * A part that is out of order is another step's if it is nearer to that than this share of its distance to the steps
 * beside it. Single matrices do run back in unstable training, but not to where they came from.
 */
export const otherPlaceShare = 0.5;
/** The first stretch may not cover more than this share of the farthest that weights ever come … */
export const jumpShare = 0.5;
/** … if it is this share of the steps or less. */
export const jumpSteps = 0.02;

/** Every rule, in the order in which they are applied. */
export const gateRules = {
  readable: {
    id: "readable",
    rule: "every file opens and every tensor can be read",
    reason: "A file that is cut short or of another kind holds no weights.",
  },
  config: {
    id: "config",
    rule: "config.json and the tensors' names and shapes are those of most checkpoints",
    reason: "Weights of another model cannot be compared unit by unit.",
  },
  finite: {
    id: "finite",
    rule: "every number is finite",
    reason: "A network with NaN or infinities computes nothing; whatever is measured on it is an artefact.",
  },
  duplicate: {
    id: "duplicate",
    rule: "no two steps have equal weights, byte for byte",
    reason:
      "Either no update reached the stored precision, or one file has the wrong name; counted twice, it would show full persistence either way. Of steps 0 and 1, step 0 is kept if its norms are untrained; of others, the one whose place fits, or none.",
  },
  initial: {
    id: "initial",
    rule: "at step 0 the weights of every norm are one constant, and its biases 0",
    reason:
      "Every scheme of initialisation leaves norms at a constant; the first update moves them. Without this, a trained network under the name of step 0 would make all features look present from the start.",
  },
  order: {
    id: "order",
    rule: `no checkpoint lies before an earlier one: nearer to the start by ${100 * orderTolerance} % without being nearer to the end, or farther from the end by as much without being farther from the start`,
    reason:
      "Weights of a later time under an early name (and the reverse) lie elsewhere on the path than their step says. Distance from the start alone is no test: weight decay can shorten it in a sound series, but brings the weights nearer to the end at the same time.",
  },
  foreign: {
    id: "foreign",
    rule: `no checkpoint is ${outlierFactor} times farther from both its neighbours than they are from each other`,
    reason: "Weights that lie off the path between their neighbours are of another time, or of another run.",
  },
  origin: {
    id: "origin",
    rule: `the first stretch, if at most ${100 * jumpSteps} % of the steps, does not cover more than ${100 * jumpShare} % of the farthest distance from the start`,
    reason: "A run whose first steps are a jump, and the later ones small, did not begin at this step 0.",
  },
  parts: {
    id: "parts",
    rule: `every layer, matrix outside of layers, and file keeps order (within ${100 * partTolerance} %) and place (within ${partOutlierFactor} times) by itself, and shares no matrix with another step`,
    reason: "A checkpoint put together from files of two steps is a network that was never trained.",
  },
} as const satisfies Record<string, GateRule>;

/** Name of a rule. */
export type GateRuleId = keyof typeof gateRules;
