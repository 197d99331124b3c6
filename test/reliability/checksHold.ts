/** Promises as tests: each must hold, and its check must fail where a safeguard is left out. */
import { beforeAll, describe, expect, test } from "vitest";
import { leftOut as noBrowser } from "../browser/openBrowser.ts";
import { type Answer, reliabilityProgram } from "./program.ts";

/** What a machine may lack, by the promises that need it; whoever says so leaves their tests out. */
const needs: Readonly<Record<string, boolean>> = {
  C8: noBrowser,
  // other versions of Node come from the registry
  G3: noBrowser || process.env.PALIMPSEST_OFFLINE === "1",
};

/** All checks of a file run one after the other in one process, as the machine has two cores and two files run at a time. */
const mostMilliseconds = 600_000;

/** Registers the tests of promises. */
export function checksHold(ids: readonly string[]): void {
  const program = reliabilityProgram();
  const wanted = ids.filter((id) => needs[id] !== true);
  for (const id of ids.filter((id) => !wanted.includes(id)))
    console.warn(`${id} is left out on this machine`);

  describe("the short form", () => {
    let answer: Answer;
    beforeAll(async () => {
      answer = await program("--only", wanted.join());
    }, mostMilliseconds);
    test.each(wanted)("%s holds", (id) => {
      const line = answer.lines.find((each) => each.id === id);
      expect(line?.failures, answer.stderr.slice(-2000)).toEqual([]);
      expect(line).toMatchObject({ passed: true, form: "short", seed: 1 });
      expect(line?.count).toBeGreaterThan(0);
    });
    test("exit code and lines say the same", () => {
      expect(answer.code).toBe(answer.lines.every(({ passed }) => passed) ? 0 : 1);
      expect(answer.lines.map(({ id }) => id)).toEqual(wanted);
    });
  });

  describe("the tests of the tests", () => {
    test(
      "without a safeguard every check fails",
      async () => {
        const { lines, code, stderr } = await program("--only", wanted.join(), "--weakened");
        const unnoticed = lines.filter(({ passed }) => !passed);
        expect(unnoticed.map(({ id, without, failures }) => [id, without, failures[0]])).toEqual([]);
        expect(new Set(lines.map(({ id }) => id)), stderr.slice(-2000)).toEqual(new Set(wanted));
        expect(code).toBe(0);
      },
      mostMilliseconds,
    );
  });
}
