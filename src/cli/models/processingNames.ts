/** Rewritings of weights that leave predictions alone, by the names that `--processing` takes. */
export const processingNames = ["fold-layer-norm", "center-writes", "center-unembed"] as const;
/** One of {@link processingNames}. */
export type ProcessingName = (typeof processingNames)[number];
