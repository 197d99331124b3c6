/** The steps of the guided tour, in their order; links name them by index. */
export const tourSteps = [
  "task",
  "parts",
  "random",
  "training",
  "feature",
  "persistence",
  "distance",
  "touch",
  "leak",
] as const;

/** One of {@link tourSteps}. */
export type TourStep = (typeof tourSteps)[number];
