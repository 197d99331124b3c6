/** Checkpoints that were put together: parts of a model that lie elsewhere on the way than the rest does. */
import { type Distances, isMatrix } from "./distances.ts";
import type { Fingerprint } from "./fingerprint.ts";
import { isForeign, isReversed, type OrderTolerance, orderedWay, withoutForeign } from "./order.ts";
import { otherPlaceShare, partOutlierFactor, partTolerance } from "./rules.ts";

const tolerance: OrderTolerance = { order: partTolerance, outlier: partOutlierFactor };

/** A checkpoint with a part that is not its own, as part of a sentence. */
export interface Misplaced {
  readonly member: number;
  readonly facts: string;
}

const shown = (value: number) => value.toPrecision(3);

/**
 * Members of a sound way with parts out of place.
 *
 * @param members  of the whole model's way, ascending
 */
export function misplacedParts(
  prints: readonly Fingerprint[],
  parts: readonly Distances[],
  members: readonly number[],
): Misplaced[] {
  const found = new Map<number, string[]>();
  const note = (member: number, text: string) => found.set(member, [...(found.get(member) ?? []), text]);
  for (const part of parts) {
    const among: Distances = { name: part.name, at: (a, b) => part.at(members[a], members[b]) };
    if (!members.some((_, i) => among.at(0, i) > 0)) continue; // never trained
    const { members: way } = orderedWay(among, { count: members.length, equal: () => false, tolerance });
    const kept = withoutForeign(among, way, tolerance);
    members.forEach((member, i) => {
      if (kept.includes(i)) return;
      const nearest = kept.reduce((best, k) => (among.at(i, k) < among.at(i, best) ? k : best));
      const beside = [kept.filter((k) => k < i).at(-1), kept.find((k) => k > i)].filter(
        (k) => k !== undefined,
      );
      const toOwnPlace = Math.min(...beside.map((k) => among.at(i, k)));
      // a part that is out of order and nowhere near another step's has moved so by itself
      if (way.includes(i) || among.at(i, nearest) < otherPlaceShare * toOwnPlace)
        note(
          member,
          `${part.name} is nearest to that of step ${prints[members[nearest]].step}: ${shown(among.at(i, nearest))}, to those beside it ${shown(toOwnPlace)}`,
        );
    });
  }
  for (const { member, text } of returned(prints, members)) note(member, text);
  for (const { member, text } of copiedFiles(prints, members)) note(member, text);
  return [...found]
    .sort(([a], [b]) => a - b)
    .map(([member, texts]) => ({ member, facts: listedFew([...new Set(texts)]) }));
}

const listedFew = (texts: readonly string[]) =>
  texts.length <= 3 ? texts.join("; ") : `${texts.slice(0, 3).join("; ")}; and ${texts.length - 3} more`;

/**
 * Of a checkpoint that is off the way: whether some of its parts are in place nevertheless, which says that it was put
 * together.
 */
export function findMixed(
  prints: readonly Fingerprint[],
  parts: readonly Distances[],
  { own, members }: { readonly own: number; readonly members: readonly number[] },
): string | undefined {
  const before = members.filter((m) => m < own).at(-1);
  const after = members.find((m) => m > own);
  if (before === undefined || after === undefined) return undefined;
  const ends = { start: members[0], end: members[members.length - 1] };
  const moving = parts.filter((part) => part.at(before, after) > 0);
  const fits = (part: Distances) =>
    part.at(before, own) > 0 &&
    part.at(own, after) > 0 &&
    !isReversed(part, ends, [before, own], tolerance) &&
    !isReversed(part, ends, [own, after], tolerance) &&
    !isForeign(part, [before, own, after]);
  const inPlace = moving.filter(fits);
  if (inPlace.length === 0) return undefined;
  const out = moving.flatMap((part) => {
    if (inPlace.includes(part)) return [];
    const nearest = members.reduce((best, m) => (part.at(own, m) < part.at(own, best) ? m : best));
    const toOwnPlace = Math.min(part.at(before, own), part.at(own, after));
    // off the way without being another step's: a network of another run has such parts too
    if (toOwnPlace > 0 && part.at(own, nearest) >= otherPlaceShare * toOwnPlace) return [];
    return `${part.name} is nearest to that of step ${prints[nearest].step}: ${shown(part.at(own, nearest))}`;
  });
  if (out.length === 0) return undefined;
  return `${listedFew(out)}; in place are ${inPlace.map(({ name }) => name).join(", ")}`;
}

/** Matrices that come back: equal at two steps and different at one between them, which no training does. */
function returned(
  prints: readonly Fingerprint[],
  members: readonly number[],
): { member: number; text: string }[] {
  const found: { member: number; text: string }[] = [];
  prints[members[0]]?.tensors.forEach((tensor, t) => {
    if (!isMatrix(tensor)) return;
    const { name } = tensor;
    const hashAt = (i: number) => prints[members[i]].tensors[t].sha256;
    members.forEach((member, i) => {
      for (let j = 0; j < i - 1; j++) {
        if (hashAt(i) !== hashAt(j)) continue;
        if (members.every((_, k) => k <= j || k >= i || hashAt(k) === hashAt(j))) continue;
        const other = prints[members[j]].step;
        found.push({ member, text: `${name} is that of step ${other}, byte for byte` });
        found.push({
          member: members[j],
          text: `${name} is that of step ${prints[member].step}, byte for byte`,
        });
      }
    });
  });
  return found;
}

/** Files whose matrices are all those of the step before, while no matrix of the other files is. */
function copiedFiles(
  prints: readonly Fingerprint[],
  members: readonly number[],
): { member: number; text: string }[] {
  return members.slice(1).flatMap((member, i) => {
    const [before, own] = [prints[members[i]], prints[member]];
    const matrices = own.tensors.flatMap((tensor, t) =>
      isMatrix(tensor) ? [{ file: tensor.file, same: tensor.sha256 === before.tensors[t].sha256 }] : [],
    );
    const files = [...new Set(matrices.map(({ file }) => file))];
    const copied = files.filter((file) => matrices.every((each) => each.file !== file || each.same));
    const mixed = matrices.some(({ file, same }) => same && !copied.includes(file));
    if (copied.length === 0 || copied.length === files.length || mixed) return [];
    const names = copied.map((file) => file.slice(file.lastIndexOf("/") + 1)).join(", ");
    return [
      { member, text: `${names} holds the matrices of step ${before.step}` },
      { member: members[i], text: `${names} holds the matrices of step ${own.step}` },
    ];
  });
}
