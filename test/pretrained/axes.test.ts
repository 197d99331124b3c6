import { expect, test } from "vitest";
import { type AxisSizes, putWeight, shapeOfLayout, takeWeight } from "../../src/pretrained/axes.ts";

const sizes: AxisSizes = {
  dVocab: 70,
  pos: 5,
  segment: 2,
  head: 3,
  kvHead: 3,
  dHead: 2,
  dModel: 41, // beyond one tile of the copy, and no multiple of it
  into: 41,
  dMlp: 67,
};
const { head: heads, dHead, dModel, dMlp } = sizes;
const counted = (length: number) => Float32Array.from({ length }, (_, i) => i + 1);

/** Element [head, unit, i] of our W_K, by hand, as an index into their tensor. */
const placesOfKeys: Record<string, (head: number, unit: number, i: number) => number> = {
  // [in, out], first all queries, then all keys, then all values
  "dModel (1/3 kvHead dHead)": (head, unit, i) =>
    unit * (3 * heads * dHead) + heads * dHead + head * dHead + i,
  // [out, in], of each head first its query, then its key, then its value
  "(kvHead 1/3 dHead) dModel": (head, unit, i) => (head * 3 * dHead + dHead + i) * dModel + unit,
  // [out, in]
  "(kvHead dHead) dModel": (head, unit, i) => (head * dHead + i) * dModel + unit,
};

test.each(Object.entries(placesOfKeys))(
  "keys are taken out of, and put into, layout %s",
  (layout, placeOf) => {
    const size = shapeOfLayout(layout, sizes).reduce((product, axis) => product * axis, 1);
    const theirs = counted(size);
    const keys = takeWeight(theirs, layout, "kvHead dModel dHead", sizes);
    const expected: number[] = [];
    for (let head = 0; head < heads; head++)
      for (let unit = 0; unit < dModel; unit++)
        for (let i = 0; i < dHead; i++) expected.push(theirs[placeOf(head, unit, i)]);
    expect([...keys]).toEqual(expected);

    const again = new Float32Array(size);
    putWeight(again, layout, keys, "kvHead dModel dHead", sizes);
    const wanted = theirs.map((value) => (expected.includes(value) ? value : 0));
    expect([...again]).toEqual([...wanted]);
  },
);

test("a matrix [out, in] is transposed", () => {
  const theirs = counted(dModel * dMlp);
  const ours = takeWeight(theirs, "dMlp dModel", "dModel dMlp", sizes);
  expect([...ours]).toEqual(
    Array.from({ length: dModel * dMlp }, (_, at) => theirs[(at % dMlp) * dModel + Math.floor(at / dMlp)]),
  );
});

test("what lies as ours does is not copied", () => {
  const theirs = counted(heads * dHead * dModel);
  expect(takeWeight(theirs, "(head dHead) dModel", "head dHead dModel", sizes)).toBe(theirs);
});

test("shapes of tensors follow from their layouts", () => {
  expect(shapeOfLayout("dModel (0/3 head dHead)", sizes)).toEqual([41, 18]);
  expect(shapeOfLayout("(head 2/3 dHead)", sizes)).toEqual([18]);
  expect(shapeOfLayout("dModel into", sizes)).toEqual([41, 41]);
});
