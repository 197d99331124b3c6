/** What commander complains about, in our words: one sentence with the nearest match. */
import type { Command, CommanderError } from "commander";
import { ArgumentError, NameError, nearest, type UserError } from "../base/errors.ts";

/** The command that the arguments lead to. Groups take no options with values, so the names come first. */
function commandOf(program: Command, args: readonly string[]): Command {
  let command = program;
  for (const name of args) {
    const next = command.commands.find((candidate) =>
      [candidate.name(), ...candidate.aliases()].includes(name),
    );
    if (next === undefined) break;
    command = next;
  }
  return command;
}

/** `palimpsest study persistence`. */
function fullName(command: Command): string {
  return command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`;
}

/** What a command takes besides options: `<run-or-preset> (folder of a run, …)`. */
function argumentsOf({ registeredArguments }: Command): string {
  return registeredArguments.map((argument) => `<${argument.name()}> (${argument.description})`).join(" ");
}

function unknown(where: string, rule: string, name: string, known: readonly string[]): NameError {
  const hint = nearest(name, known);
  const wayOut = hint === undefined ? undefined : `Nearest: ${JSON.stringify(hint)}.`;
  return new NameError({ where, rule, got: JSON.stringify(name), wayOut });
}

/**
 * The error to show for a commander error; null where commander printed what was asked for (help or version).
 *
 * @param args  the arguments that were parsed, without the program
 */
export function commandError(
  error: CommanderError,
  program: Command,
  args: readonly string[],
): UserError | null {
  if (error.exitCode === 0) return null;
  const command = commandOf(program, args);
  const where = fullName(command);
  const groups = command.commands.map((child) => child.name());
  const quoted = /'([^']*)'/.exec(error.message)?.[1] ?? "";
  switch (error.code) {
    case "commander.unknownOption": {
      const flag = quoted.split("=")[0];
      const known = [...command.options.map((option) => option.long ?? option.flags), "--help"];
      return unknown(where, "no such option", flag, known);
    }
    case "commander.unknownCommand":
      return unknown(where, "no such command", quoted, groups);
    case "commander.optionMissingArgument":
      return new ArgumentError({ where: quoted.split(" ")[0], rule: "needs a value", got: "none" });
    case "commander.missingArgument":
      return new ArgumentError({ where, rule: `needs ${argumentsOf(command)}`, got: "none" });
    case "commander.excessArguments":
      return new ArgumentError({
        where,
        rule:
          command.registeredArguments.length === 0
            ? "takes options only"
            : `takes ${argumentsOf(command)} and options`,
        got: command.args.map((arg) => JSON.stringify(arg)).join(", "),
      });
    case "commander.help":
      return new ArgumentError({
        where,
        rule: `needs a command: ${groups.join(", ")}`,
        got: "none",
        wayOut: `"${where} --help" explains them.`,
      });
    default:
      return new ArgumentError({ where, rule: error.message.replace(/^error: /, "") });
  }
}
