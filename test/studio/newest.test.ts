/** Questions that change faster than they can be answered. */
import { expect, test } from "vitest";
import { newestOnly } from "../../studio/src/lab/newest.ts";

/** A finder whose answers come when they are let go. */
function held() {
  const asked: string[] = [];
  const told: string[] = [];
  const open: { resolve: (answer: string) => void; reject: (error: Error) => void }[] = [];
  const line = newestOnly<string, string>(
    (question) => {
      asked.push(question);
      return new Promise((resolve, reject) => open.push({ resolve, reject }));
    },
    {
      answered: (question, answer) => told.push(`${question}: ${answer}`),
      failed: (question, error) => told.push(`${question} failed: ${(error as Error).message}`),
      busy: (busy) => told.push(busy ? "busy" : "idle"),
      same: (a, b) => a === b,
    },
  );
  const settle = async (deed: (one: (typeof open)[number]) => void) => {
    deed(open.shift() as (typeof open)[number]);
    await new Promise((done) => setImmediate(done));
  };
  return { line, asked, told, settle };
}

test("one question is under way, and of those that come meanwhile only the newest is asked next", async () => {
  const { line, asked, told, settle } = held();
  for (const question of ["a", "b", "c", "d"]) line.ask(question);
  expect(asked).toEqual(["a"]);
  await settle(({ resolve }) => resolve("1"));
  expect(asked).toEqual(["a", "d"]);
  await settle(({ resolve }) => resolve("2"));
  expect(told).toEqual(["busy", "a: 1", "d: 2", "idle"]);
});

test("the same question is not asked twice in a row, unless it failed", async () => {
  const { line, asked, told, settle } = held();
  line.ask("a");
  line.ask("a");
  await settle(({ reject }) => reject(new Error("no")));
  expect(asked).toEqual(["a"]);
  line.ask("a");
  await settle(({ resolve }) => resolve("1"));
  line.ask("a");
  expect(asked).toEqual(["a", "a"]);
  expect(told).toEqual(["busy", "a failed: no", "idle", "busy", "a: 1", "idle"]);
});

test("an answer that fails does not keep the newer question from being asked", async () => {
  const { line, asked, told, settle } = held();
  line.ask("a");
  line.ask("b");
  await settle(({ reject }) => reject(new Error("no")));
  await settle(({ resolve }) => resolve("1"));
  expect(asked).toEqual(["a", "b"]);
  expect(told).toEqual(["busy", "a failed: no", "b: 1", "idle"]);
});
