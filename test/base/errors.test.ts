import fc from "fast-check";
import { expect, test } from "vitest";
import { integerIn, numberIn, sameLength } from "../../src/base/check.ts";
import {
  ArgumentError,
  FileError,
  InternalError,
  NameError,
  nearest,
  ShapeError,
  UserError,
  unknownName,
} from "../../src/base/errors.ts";

const RUNS = { numRuns: 200, seed: 4 };
const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

/** Levenshtein's recursion as it is defined, without a table. */
function distance(a: string, b: string): number {
  if (a === "" || b === "") return a.length + b.length;
  if (a[0] === b[0]) return distance(a.slice(1), b.slice(1));
  return 1 + Math.min(distance(a.slice(1), b), distance(a, b.slice(1)), distance(a.slice(1), b.slice(1)));
}

test("a message says where, the rule, the facts and the way out, and leaves out what is missing", () => {
  const message = (complaint: ConstructorParameters<typeof UserError>[0]) =>
    new ArgumentError(complaint).message;
  expect(message({ where: "--steps", rule: "must be positive", got: "-3", wayOut: "Give 1 or more." })).toBe(
    "--steps: must be positive; got -3. Give 1 or more.",
  );
  expect(message({ where: "--steps", rule: "must be positive", got: "" })).toBe(
    "--steps: must be positive; got .",
  );
  expect(message({ where: "run", rule: "is finished", wayOut: "Start another." })).toBe(
    "run: is finished. Start another.",
  );
  expect(message({ where: "run", rule: "is finished" })).toBe("run: is finished.");
});

test("what a user caused is a UserError under its own name, a defect is not", () => {
  for (const Kind of [ShapeError, NameError, ArgumentError, FileError]) {
    const error = new Kind({ where: "here", rule: "broken" });
    expect(error).toBeInstanceOf(UserError);
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe(Kind.name);
  }
  const defect = new InternalError({ where: "here", rule: "broken" });
  expect(defect).not.toBeInstanceOf(UserError);
  expect(defect.name).toBe("InternalError");
  expect(defect.message).toBe("here: broken.");
});

test("the nearest name has the smallest edit distance, the first of equals", () => {
  expect(nearest("W_e", ["W_U", "W_E", "b_U"])).toBe("W_U"); // one edit each: the first
  expect(nearest("adm", ["sgd", "adamw", "adam"])).toBe("adam");
  expect(nearest("", ["long", "s"])).toBe("s");
  expect(nearest("anything", [])).toBeUndefined();
  const word = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 5 });
  fc.assert(
    fc.property(word, fc.array(word, { minLength: 1, maxLength: 5 }), (name, candidates) => {
      const distances = candidates.map((candidate) => distance(name, candidate));
      expect(nearest(name, candidates)).toBe(candidates[distances.indexOf(Math.min(...distances))]);
    }),
    RUNS,
  );
});

test("an unknown name is answered with the known ones while they are few, and with the nearest", () => {
  expect(unknownName("--preset", "casual", ["original", "causal"]).message).toBe(
    '--preset: no such name among original, causal; got "casual". Nearest: "causal".',
  );
  const many = Array.from({ length: 13 }, (_, i) => `site${i}`);
  expect(unknownName("hook", 'si"te', many).message).toBe(
    'hook: no such name among 13 known; got "si\\"te". Nearest: "site0".',
  );
  expect(unknownName("hook", "x", new Set<string>())).toBeInstanceOf(NameError);
  expect(unknownName("hook", "x", []).message).not.toMatch(/Nearest|undefined/);
  // a name out of a file may be as long as the file
  expect(unknownName("hook", "x".repeat(1e6), ["x"]).message).toBe(
    `hook: no such name among x; got "${"x".repeat(120)}"….`,
  );
});

test("whole numbers are let through within their bounds and refused with their value outside", () => {
  expect([integerIn("n", 3, 3, 5), integerIn("n", 5, 3, 5), integerIn("n", 2 ** 53 - 1, 0)]).toEqual([
    3,
    5,
    2 ** 53 - 1,
  ]);
  for (const value of [2, 6, 3.5, nan, inf, -inf])
    expect(() => integerIn("--seeds", value, 3, 5)).toThrow(
      `--seeds: must be a whole number, 3 to 5; got ${value}.`,
    );
  expect(() => integerIn("n", 2 ** 53, 0)).toThrow(/at least 0/);
  for (const text of ["3", null, undefined, [3]] as unknown as number[])
    expect(() => integerIn("n", text, 0)).toThrow(ArgumentError);
});

test("numbers are let through within their bounds, and NaN and infinities never", () => {
  expect([numberIn("rate", 0, 0, 1), numberIn("rate", 1, 0, 1), numberIn("rate", 1e308, 0)]).toEqual([
    0, 1, 1e308,
  ]);
  for (const value of [-1e-300, 1.0000001, nan, inf, -inf])
    expect(() => numberIn("rate", value, 0, 1)).toThrow(
      `rate: must be a finite number, 0 to 1; got ${value}.`,
    );
  expect(() => numberIn("rate", inf, 0)).toThrow(/at least 0; got Infinity/);
});

test("two lists must be of one length", () => {
  expect(() => sameLength("pair", [1, 2], Float32Array.of(3, 4))).not.toThrow();
  expect(() => sameLength("pair", [1, 2], [])).toThrow("pair: needs two lists of equal length; got 2 and 0.");
});
