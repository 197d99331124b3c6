/** What computes a run of the page. */

/** The processor, to the same bits wherever it is; or the graphics card, whose last digits are its own. */
export type Computer = "wasm" | "webgpu";

/** What computes a run in the end. */
export interface ComputedBy {
  readonly computer: Computer;
  /** The card in the browser's words; null where the processor computes. */
  readonly adapter: string | null;
  /** Why it is not the card that was asked for, a sentence; null where it is what was asked for. */
  readonly instead: string | null;
}

export const byProcessor: ComputedBy = { computer: "wasm", adapter: null, instead: null };

/**
 * Whether the browser may have a graphics card for the page. Whether there is one is asked when one is wanted: browsers
 * complain on the console where there is none.
 */
export const mayHaveCard = (): boolean => navigator.gpu !== undefined;

/** What computes a run, where that is not what always does: `the graphics card, nvidia ampere`; null for the processor. */
export function cardText(by: ComputedBy | null): string | null {
  return by === null || by.adapter === null ? null : `the graphics card, ${by.adapter}`;
}
