/** Undo and redo of what is done in the view "Touch": they outlive a look at another view. */
import { type ChangeHistory, changed, noChanges, redo, undo } from "../../state/changeHistory.ts";
import type { ViewState } from "../../state/view.svelte.ts";

type Selections = ViewState["now"];

/** Selections that are changed through this can be changed back. */
export class TouchHistory {
  #history = $state.raw<ChangeHistory<Selections>>(noChanges);
  readonly #view: ViewState;
  /** What undo and redo would come to. */
  readonly #back = $derived.by(() => undo(this.#history, this.#view.now));
  readonly #forth = $derived.by(() => redo(this.#history, this.#view.now));

  constructor(view: ViewState) {
    this.#view = view;
  }

  get canUndo(): boolean {
    return this.#back !== null;
  }

  get canRedo(): boolean {
    return this.#forth !== null;
  }

  choose(part: Partial<Selections>): void {
    this.#history = changed(this.#history, this.#view.now, part);
    this.#view.choose(part);
  }

  undo(): void {
    this.#take(this.#back);
  }

  redo(): void {
    this.#take(this.#forth);
  }

  #take(step: ReturnType<typeof undo<Selections>>): void {
    if (step === null) return;
    this.#history = step.history;
    this.#view.choose(step.part);
  }
}

const histories = new WeakMap<ViewState, TouchHistory>();

/** The one history of a page's selections. */
export function touchHistoryOf(view: ViewState): TouchHistory {
  const known = histories.get(view) ?? new TouchHistory(view);
  histories.set(view, known);
  return known;
}
