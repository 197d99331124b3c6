/** What the same edits do elsewhere: the null of an effect. */
import { randomStream } from "../../../../src/base/random.ts";
import type { ModelConfig } from "../../../../src/model/config.ts";
import type { TouchEdits } from "../../state/touchChoice.ts";
import { partsLike } from "./parts.ts";

/** Variants at most. */
const MOST = 40;

/**
 * The same edits at other parts of the same kind, drawn by a stream that the edits decide. A part that is alone of its
 * kind stays where it is; with nothing to move there is no variant.
 *
 * By its number alone no head or neuron is another's counterpart in a second seed: before anyone chose among them, those of
 * a layer are exchangeable, so what one of them does over seeds should lie among what others do.
 */
export function nullVariants(config: ModelConfig, edits: TouchEdits): TouchEdits[] {
  const touched = new Set(edits.map(({ at }) => at));
  const choices = new Map(
    [...touched].map((at) => [at, partsLike(config, at).filter((one) => !touched.has(one))]),
  );
  const stream = randomStream("studio", "touch", JSON.stringify(edits));
  const found = new Map<string, TouchEdits>();
  // the same variant may be drawn twice, so some draws more than variants
  for (let draw = 0; draw < 6 * MOST && found.size < MOST; draw++) {
    const used = new Set<string>();
    const moved = new Map<string, string>();
    for (const [at, all] of choices) {
      const free = all.filter((one) => !used.has(one));
      if (free.length === 0) continue;
      const to = free[stream.integer(free.length)];
      used.add(to);
      moved.set(at, to);
    }
    if (moved.size === 0) break;
    const variant = edits.map((edit) => ({ ...edit, at: moved.get(edit.at) ?? edit.at }));
    found.set(JSON.stringify(variant), variant);
  }
  return [...found.values()];
}
