/** `palimpsest runs`: the group of commands on runs that are there. */
import type { Command } from "commander";

/** Adds the group. Its commands are added to what this returns. */
export function addRuns(program: Command): Command {
  return program
    .command("runs")
    .description("Runs that are there: list them, compare them, ask them in SQL, remove them.");
}
