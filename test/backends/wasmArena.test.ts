import fc from "fast-check";
import { expect, test } from "vitest";
import { Arena } from "../../src/backends/plan/arena.ts";

const RUNS = { numRuns: 500, seed: 3 };

/** A take of some elements, or the release of one of the ranges that are held. */
const moves = fc.array(
  fc.record({ release: fc.boolean(), which: fc.nat(), count: fc.integer({ min: 1, max: 20 }) }),
  {
    maxLength: 60,
  },
);

/** Plays moves on an arena and on the naive model, a list of owners by element. */
function play(all: readonly { release: boolean; which: number; count: number }[]) {
  const arena = new Arena();
  const held: { start: number; count: number }[] = [];
  const owned: boolean[] = [];
  let peak = 0;
  for (const { release, which, count } of all) {
    if (release && held.length > 0) {
      const [range] = held.splice(which % held.length, 1);
      owned.fill(false, range.start, range.start + range.count);
      arena.release(range.start, range.count);
      continue;
    }
    const before = arena.size;
    const start = arena.take(count);
    expect(Number.isInteger(start) && start >= 0).toBe(true);
    expect(start + count).toBeLessThanOrEqual(arena.size);
    for (let i = start; i < start + count; i++) {
      expect(owned[i] ?? false, `element ${i} handed out twice`).toBe(false);
      owned[i] = true;
    }
    if (arena.size > before)
      expect(longestGap(owned, before, start), "a gap was long enough").toBeLessThan(count);
    held.push({ start, count });
    peak = Math.max(
      peak,
      held.reduce((sum, range) => sum + range.count, 0),
    );
  }
  return { arena, held, peak };
}

/** Longest run of free elements below `end`, as they were before the range at `taken` was handed out. */
function longestGap(owned: readonly boolean[], end: number, taken: number): number {
  let [best, run] = [0, 0];
  for (let i = 0; i < end; i++) {
    run = owned[i] && i < taken ? 0 : run + 1;
    best = Math.max(best, run);
  }
  return best;
}

test("no two ranges that are held share an element, and the block grows only where no gap is long enough", () => {
  fc.assert(
    fc.property(moves, (all) => {
      const { arena, peak } = play(all);
      expect(arena.size).toBeGreaterThanOrEqual(peak);
    }),
    RUNS,
  );
});

test("when everything was given back, the whole block is one free range again", () => {
  fc.assert(
    fc.property(moves, (all) => {
      const { arena, held } = play(all);
      for (const { start, count } of held) arena.release(start, count);
      const { size } = arena;
      if (size === 0) return;
      expect(arena.take(size)).toBe(0);
      expect(arena.size).toBe(size);
    }),
    RUNS,
  );
});

test("of several gaps the smallest that fits is taken, and what is left of it stays free", () => {
  const arena = new Arena();
  const ranges = [10, 1, 4, 1, 7, 1].map((count) => ({ start: arena.take(count), count }));
  for (const at of [0, 2, 4]) arena.release(ranges[at].start, ranges[at].count);
  expect(arena.take(3)).toBe(ranges[2].start);
  expect(arena.take(1)).toBe(ranges[2].start + 3);
  expect(arena.take(8)).toBe(ranges[0].start);
  expect(arena.size).toBe(24);
});
