/**
 * How far a run is. A run that was killed is `interrupted`, whatever its manifest says; `damaged` is one whose files are
 * not what its manifest lists, by their lengths; `foreign` is a folder that is none of ours.
 */
export const rowStatuses = ["running", "complete", "interrupted", "failed", "damaged", "foreign"] as const;

/** One of {@link rowStatuses}. */
export type RowStatus = (typeof rowStatuses)[number];
