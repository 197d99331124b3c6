/** The train floor: optimisers, schedules, checkpoints and populations in training. */

export * from "./blocks.ts";
export * from "./checkpoints.ts";
export * from "./countRight.ts";
export * from "./grow.ts";
export * from "./maximalUpdate.ts";
export * from "./modelOutput.ts";
export * from "./optimizers.ts";
export * from "./schedules.ts";
export * from "./stepGraph.ts";
export * from "./trainer.ts";
