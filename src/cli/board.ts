/** Where a run reports to, apart from what draws it. */
import type { BoardState } from "./renderBoard.ts";

/** What a board shows: lines on a terminal, one object elsewhere. */
export interface Picture {
  /** Lines of at most `width` columns at a clock reading. */
  lines(now: number, width: number): readonly string[];
  /** The same numbers, for whoever reads a log. */
  record(now: number): object;
}

/** Where a run reports to. */
export interface Board {
  /** Shows the state of training. May be called at every step: most calls cost nothing. */
  update(state: BoardState): void;
  /** Shows anything else, as sparingly as {@link update}. */
  draw(picture: Picture): void;
  /** Leaves a line for good. */
  log(line: string): void;
  /** Shows the last state and ends the display; later calls do nothing. */
  done(): void;
}

/** Shows nothing at all. */
export const silentBoard: Board = { update: () => {}, draw: () => {}, log: () => {}, done: () => {} };
