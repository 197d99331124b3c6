/** The model floor: configs, weights, initialisation, and the transformer as a graph with named sites. */
export * from "./actName.ts";
export * from "./attention.ts";
export * from "./block.ts";
export * from "./config.ts";
export * from "./fans.ts";
export * from "./hookPoints.ts";
export * from "./init.ts";
export * from "./loss.ts";
export * from "./mlp.ts";
export * from "./norm.ts";
export * from "./original.ts";
export * from "./orthogonal.ts";
export * from "./positions.ts";
export * from "./transformer.ts";
export * from "./visitor.ts";
export * from "./weights.ts";
