/** What the page shows of the current run: which view, seed, layer, unit, and the sequence that is looked at. */

/** The views, in the order of the tabs. */
export const viewNames = [
  "units",
  "training",
  "attention",
  "stream",
  "circuits",
  "touch",
  "findings",
] as const;
export type ViewName = (typeof viewNames)[number];

/** Selections that several views share. */
export class ViewState {
  name = $state<ViewName>("units");
  /** Index of the seed that is shown singly. */
  model = $state(0);
  layer = $state(0);
  /** The unit that is looked at closely; null for none. */
  unit = $state<number | null>(null);
  /** The sequence that attention, lens and interventions look at; shorter or longer than a run allows is cut. */
  tokens = $state.raw<readonly number[]>([0, 1, 2, 3, 4, 5, 6]);
}
