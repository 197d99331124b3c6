/** Where text goes. */

/** A stream of text; a terminal also says how wide it is. */
export type TextStream = NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
