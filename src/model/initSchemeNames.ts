/** Names of the initialisation schemes, apart from what draws by them. */
export const initSchemeNames = [
  ...(["pytorch", "gpt2", "xavier-uniform", "xavier-normal"] as const),
  ...(["he-uniform", "he-normal", "orthogonal", "mup"] as const),
] as const;

/** Name of an initialisation scheme. */
export type InitSchemeName = (typeof initSchemeNames)[number];
