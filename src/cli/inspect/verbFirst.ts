/** The order of words: `inspect original --seed 3 lens` is read as `inspect lens original --seed 3`. */
import type { Command } from "commander";
import { ArgumentError } from "../../base/errors.ts";

/**
 * The arguments with the verb right after the group's name, where a parser of commands looks for it.
 *
 * The subject comes first by contract, so the second word is the verb if it can be, else the first that can. Where none
 * can, the second is put there all the same, for the parser to name the nearest verb. Arguments of other commands are
 * given back as they are.
 *
 * @param args     after the program's name
 * @param program  the whole command line
 * @throws ArgumentError if there is no verb and no help is asked for
 */
export function verbFirst(args: readonly string[], program: Command): readonly string[] {
  const [name, ...rest] = args;
  const group = program.commands.find((command) => command.name() === name);
  if (name !== "inspect" || group === undefined) return args;
  const verbs = group.commands.map((command) => command.name());
  const places = wordsOf(rest, group);
  const isVerb = (at: number) => verbs.includes(rest[at]);
  const [first, second] = places;
  const at = places.slice(1, 2).find(isVerb) ?? places.find(isVerb) ?? second;
  if (at !== undefined) return [name, rest[at], ...rest.slice(0, at), ...rest.slice(at + 1)];
  if (rest.some((word) => word === "--help" || word === "-h")) return [name, "--help"];
  throw new ArgumentError({
    where: "palimpsest inspect",
    rule: `needs a verb after what is looked into: ${verbs.join(", ")}`,
    got: first === undefined ? "neither" : `${JSON.stringify(rest[first])} alone`,
    wayOut: '"palimpsest inspect --help" explains them.',
  });
}

/** Places of the words that are neither options nor values of options. */
function wordsOf(args: readonly string[], group: Command): number[] {
  const withValue = new Set(
    group.commands.flatMap(({ options }) =>
      options.filter(({ required }) => required).map(({ long }) => long),
    ),
  );
  const places: number[] = [];
  for (let at = 0; at < args.length && args[at] !== "--"; at++) {
    if (!args[at].startsWith("-")) places.push(at);
    else if (withValue.has(args[at])) at++; // its value follows
  }
  return places;
}
