import { expect, test } from "vitest";
import { palimpsest, recorder } from "../cli/harness.ts";

const place = ["--queue", "redis://db:6379/0", "--store", "/shared"];

test("a worker is started with its queue and store", async () => {
  const { exitCode, calls } = await palimpsest(["worker", ...place]);
  expect(exitCode).toBe(0);
  expect(calls).toEqual([
    ["worker", { queue: "redis://db:6379/0", store: "/shared", workers: 4, untilEmpty: false, lease: 30 }],
  ]);
});

test.each([
  ["where the output is no terminal", false, [], '{"event":"started"}\n'],
  ["with --json", true, ["--json"], '{"event":"started"}\n'],
  ["as text in a terminal", true, [], "It starts.\n"],
])("what happens is said as JSON, or in words: %s", async (_, isTTY, words, expected) => {
  const stdout = Object.assign(recorder(), { isTTY });
  await palimpsest(["worker", ...place, ...words], {
    io: { stdout },
    handlers: {
      worker: async (_options, { print }) => {
        print({ event: "started" }, "It starts.");
        return 0;
      },
    },
  });
  expect(stdout.text).toBe(expected);
});

test("its options are read", async () => {
  const words = ["--workers", "2", "--until-empty", "--lease", "5"];
  const { calls } = await palimpsest(["worker", ...place, ...words]);
  expect(calls).toEqual([
    ["worker", { queue: "redis://db:6379/0", store: "/shared", workers: 2, untilEmpty: true, lease: 5 }],
  ]);
});

test.each([
  [["worker"], "worker: needs --queue; got none."],
  [["worker", "--queue", "redis://me:secret@db"], "worker: needs --store; got none."],
  [["worker", ...place, "--lease", "0"], "--lease: must be a whole number, 1 to 3600"],
  [["worker", ...place, "--workers", "65"], "--workers: must be a whole number, 1 to 64"],
])("%j is refused in a sentence", async (words, sentence) => {
  const { exitCode, stderr, calls } = await palimpsest(words);
  expect(exitCode).toBe(2);
  expect(stderr).toContain(sentence);
  expect(stderr).not.toContain("secret");
  expect(calls).toEqual([]);
});
