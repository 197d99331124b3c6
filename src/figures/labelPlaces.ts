/** Where names of points can stand in a scatter: beside their own point, on no other point and on no other name. */
import type { PlacedLabel } from "./labelsMark.ts";
import { textWidth } from "./textWidth.ts";

/** A place in a picture, px. */
interface Place {
  readonly x: number;
  readonly y: number;
}

interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Directions from a point to its name, the best first. */
const directions = [
  [1, -1],
  [1, 0],
  [1, 1],
  [-1, -1],
  [-1, 0],
  [-1, 1],
  [0, -1],
  [0, 1],
] as const;
/** From the middle of a point to the nearest edge of its name, px: the nearest is tried first. */
const distances = [5, 9];

const meet = (a: Box, b: Box) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

/**
 * Places for names, one after the other: the first of sixteen places around a point that lies inside the picture and on no
 * point and no name that has its place already. Where all lie on points, the first that lies on no name.
 *
 * @param points     with their names
 * @param obstacles  all that is drawn as dots, those points too
 * @param size       of the font; `radius` of the dots; ends of the picture, px
 * @returns          names that have a place; the others have no room
 */
export function labelPlaces(
  points: readonly (Place & { readonly label: string })[],
  obstacles: readonly Place[],
  { size, radius, width, height }: { size: number; radius: number; width: number; height: number },
): PlacedLabel[] {
  const dots = obstacles.map(
    ({ x, y }): Box => ({ left: x - radius, right: x + radius, top: y - radius, bottom: y + radius }),
  );
  const taken: Box[] = [];
  return points.flatMap(({ label: text, x, y }): PlacedLabel[] => {
    const wide = textWidth(text, size);
    const places = distances.flatMap((distance) =>
      directions.map(([across, down]) => {
        // along a diagonal a corner is nearest, and corners are farther away
        const reach = across !== 0 && down !== 0 ? 0.7 * distance : distance;
        const middle = { x: x + across * (reach + wide / 2), y: y + down * (reach + size / 2) };
        return {
          middle,
          box: {
            ...{ left: middle.x - wide / 2, right: middle.x + wide / 2 },
            ...{ top: middle.y - size / 2, bottom: middle.y + size / 2 },
          },
        };
      }),
    );
    const free = places.filter(
      ({ box }) =>
        box.left >= 0 &&
        box.right <= width &&
        box.top >= 0 &&
        box.bottom <= height &&
        !taken.some((other) => meet(box, other)),
    );
    const found = free.find(({ box }) => !dots.some((dot) => meet(box, dot))) ?? free[0];
    if (found === undefined) return [];
    taken.push(found.box);
    return [{ text, ...found.middle, size }];
  });
}
