/** Where the verb of `inspect` may stand. */
import { Command } from "commander";
import { expect, test } from "vitest";
import { addInspect } from "../../src/cli/commands/inspect.ts";
import { verbFirst } from "../../src/cli/inspect/verbFirst.ts";

const program = new Command("palimpsest");
addInspect(program, async () => {});
const ordered = (line: string) => verbFirst(line.split(" "), program).join(" ");

test.each([
  // the order, and the usual one of commands
  ["inspect original --seed 3 lens", "inspect lens original --seed 3"],
  ["inspect lens original --seed 3", "inspect lens original --seed 3"],
  ["inspect --seed 3 original lens --top 2", "inspect lens --seed 3 original --top 2"],
  ["inspect runs/a --seed=3 --json heads", "inspect heads runs/a --seed=3 --json"],
  // of two words that could be verbs the second is one
  ["inspect lens heads", "inspect heads lens"],
  // the value of an option is no verb
  ["inspect original --svg lens heads", "inspect heads original --svg lens"],
  // a misspelt option or verb is left for the parser to name
  ["inspect original --sead 3 lens", "inspect lens original --sead 3"],
  ["inspect original lenz", "inspect lenz original"],
  ["inspect lens", "inspect lens"],
  ["inspect original --help", "inspect --help"],
  ["inspect --help", "inspect --help"],
  ["study persistence --seeds 3", "study persistence --seeds 3"],
])("%s is read as %s", (given, read) => {
  expect(ordered(given)).toBe(read);
});

test.each([["inspect original"], ["inspect"], ["inspect original --seed 3"]])("%s has no verb", (line) => {
  expect(() => ordered(line)).toThrow(/needs a verb after what is looked into: lens, heads, /);
});
