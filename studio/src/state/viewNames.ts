/** The views, in the order of the tabs, as links name them. */
export const viewNames = [
  "units",
  "training",
  "attention",
  "stream",
  "circuits",
  "touch",
  "findings",
] as const;

/** One of {@link viewNames}. */
export type ViewName = (typeof viewNames)[number];

/** What the tabs say. */
export const viewTitles: Readonly<Record<ViewName, string>> = {
  units: "Then and now",
  training: "Training",
  attention: "Attention",
  stream: "Residual stream",
  circuits: "Circuits",
  touch: "Touch",
  findings: "Findings",
};
