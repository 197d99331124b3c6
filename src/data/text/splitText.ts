/** A text in two: one part to train on, the other held out, in blocks that never overlap. */
import { integerIn, numberIn } from "../../base/check.ts";
import { ArgumentError } from "../../base/errors.ts";

/** A stretch of a text, [start, end) in UTF-16 units. */
export interface TextRange {
  readonly start: number;
  readonly end: number;
}

/** A text in two; together the stretches are the whole text, in order train, held out, train, held out, … */
export interface TextSplit {
  readonly train: readonly TextRange[];
  readonly heldOut: readonly TextRange[];
}

/** How a text is divided. */
export interface SplitOptions {
  /** Fraction held out, in (0, 1). */
  readonly share: number;
  /** Stretches that are held out. */
  readonly blocks: number;
}

/** Share of the shorter stretch by which a border may move to stand at the end of a line. */
const slack = 0.25;

/** Where to cut near `at`: after the next line feed within `reach`, else at `at`, but never within a character. */
function border(text: string, at: number, reach: number): number {
  const feed = text.indexOf("\n", at - 1);
  if (feed >= 0 && feed + 1 - at <= reach) return feed + 1;
  const unit = text.charCodeAt(at);
  return unit >= 0xdc00 && unit < 0xe000 ? at + 1 : at;
}

/**
 * Divides a text into equal blocks and holds out the end of each.
 *
 *   block b covers [b n / B, (b + 1) n / B); its last `share` is held out
 *
 * Contiguous stretches, because windows drawn at random from one text overlap and would be trained on and held out at
 * once; several of them, because a text changes on its way and its last tenth is no sample of it. A border moves to
 * the end of the line where that is near.
 *
 * @throws ArgumentError  a share that is not in (0, 1), or a text that leaves no character for one of the parts
 */
export function splitText(text: string, { share, blocks }: SplitOptions): TextSplit {
  numberIn("share held out", share, Number.MIN_VALUE, 1 - 2 ** -53);
  integerIn("blocks", blocks, 1);
  const shortest = (text.length / blocks) * Math.min(share, 1 - share);
  if (shortest < 2)
    throw new ArgumentError({
      where: "text",
      rule: `is too short to hold out ${share} of it in ${blocks} blocks`,
      got: `${text.length} characters`,
    });
  const cut = (at: number) => border(text, Math.round(at), Math.floor(slack * shortest));
  const train: TextRange[] = [];
  const heldOut: TextRange[] = [];
  let start = 0;
  for (let block = 0; block < blocks; block++) {
    const middle = cut(((block + 1 - share) * text.length) / blocks);
    const end = block === blocks - 1 ? text.length : cut(((block + 1) * text.length) / blocks);
    train.push({ start, end: middle });
    heldOut.push({ start: middle, end });
    start = end;
  }
  return { train, heldOut };
}
