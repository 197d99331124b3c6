/** Options that several commands share, so that they mean and say the same everywhere. */
import { type Command, Option } from "commander";
import { backendNames } from "../backends/registry.ts";
import { ArgumentError } from "../base/errors.ts";
import { nameAmong, type ValueParser, wholeNumber } from "./optionValues.ts";

/** Executors that can be asked for; `auto` leaves the choice to the run. */
export const backendChoices = [...backendNames, "auto"] as const;

/** One of {@link backendChoices}. */
export type BackendChoice = (typeof backendChoices)[number];

/** Most workers of one run. */
export const workerLimit = 64;

/** How a command shows itself. */
export interface DisplayFlags {
  /** Prints the result as JSON in place of the summary. */
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** An option with a value: `--flag <value>`, read by `parser`. */
export function valueOption<T>(
  flag: string,
  placeholder: string,
  doc: string,
  parser: (flag: string) => (text: string, before?: T) => T,
): Option {
  const name = `--${flag}`;
  return new Option(`${name} <${placeholder}>`, doc).argParser(parser(name));
}

/** Adds `--backend`. */
export function addBackend(command: Command, standard: BackendChoice = "wasm"): Command {
  const doc = `executor: ${backendChoices.join(", ")}`;
  const parser: ValueParser<BackendChoice> = nameAmong(backendChoices);
  return command.addOption(valueOption("backend", "name", doc, parser).default(standard, standard));
}

/** Adds `--workers`; by default one for each processor. */
export function addWorkers(command: Command, cores: number): Command {
  const standard = Math.min(workerLimit, Math.max(1, cores));
  return command.addOption(
    valueOption("workers", "n", "worker threads; changes no number", wholeNumber(1, workerLimit)).default(
      standard,
      `${standard}, one for each processor`,
    ),
  );
}

/** Adds `--relaxed`. */
export function addRelaxed(command: Command): Command {
  return command.option("--relaxed", "fused multiply-add: faster, but the bits then depend on the machine");
}

/** Adds `--json` and, where a command reports progress, `--quiet`. */
export function addDisplay(command: Command, { progress }: { readonly progress: boolean }): Command {
  command.option("--json", "print one JSON object on stdout and nothing else");
  return progress ? command.option("--quiet", "show no progress") : command;
}

/** @throws ArgumentError if fused multiply-add is asked of an executor that has none */
export function checkRelaxed(relaxed: boolean, backend: BackendChoice): void {
  if (!relaxed || backend === "wasm" || backend === "auto") return;
  throw new ArgumentError({
    where: "--relaxed",
    rule: "only the wasm backend has fused multiply-add",
    got: `--backend ${backend}`,
  });
}
