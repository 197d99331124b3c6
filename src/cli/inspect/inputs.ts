/** The sequences that networks are looked at on: given as tokens, or drawn from a task. */
import { ArgumentError } from "../../base/errors.ts";
import { type RandomStream, randomStream } from "../../base/random.ts";
import { type TaskName, taskNamed } from "../../data/registry.ts";
import type { ModelConfig } from "../../model/config.ts";

/** How inputs are asked for: `tokens` where any are given, else `sequences` of the task. */
export interface InputChoice {
  /** [sequence][pos]; empty for those of a task. */
  readonly tokens: readonly (readonly number[])[];
  /** null for the default, patterns. */
  readonly task: TaskName | null;
  /** null for the verb's default. */
  readonly sequences: number | null;
}

/** Sequences, and what should be predicted where that is known. */
export interface Inputs {
  /** [sequence][pos] */
  readonly tokens: readonly (readonly number[])[];
  /** [sequence][pos], the token to predict after each; null where none is known, or none counts in the task. */
  readonly targets: readonly (readonly (number | null)[])[];
  /** What they are, for the reader. */
  readonly source: string;
}

/** A clean input with an answer and a corrupt one, alike but for what matters, row by row. */
export interface Pairs {
  readonly clean: Inputs;
  readonly corrupt: Inputs;
}

/**
 * The sequences of one option, if a model can read them.
 *
 * @throws ArgumentError  for a token outside the vocabulary, a sequence that is empty or too long, sequences of different
 *                        length
 */
export function checkTokens(
  flag: string,
  sequences: readonly (readonly number[])[],
  { dVocab, nCtx }: ModelConfig,
): readonly (readonly number[])[] {
  const [first] = sequences;
  for (const row of sequences) {
    const strange = row.find((token) => token >= dVocab);
    if (strange !== undefined)
      throw new ArgumentError({
        where: flag,
        rule: `the model knows the tokens 0 to ${dVocab - 1}`,
        got: String(strange),
      });
    if (row.length === 0)
      throw new ArgumentError({ where: flag, rule: "must be at least one token", got: "none" });
    if (row.length > nCtx)
      throw new ArgumentError({
        where: flag,
        rule: `the model reads at most ${nCtx} positions`,
        got: `${row.length} tokens`,
      });
    if (row.length !== first.length)
      throw new ArgumentError({
        where: flag,
        rule: "sequences of one call must be equally long",
        got: `${first.length} and ${row.length} tokens`,
        wayOut: "Run them one after the other, or word them to the same length.",
      });
  }
  return sequences;
}

/** Tokens that were given, each with the next one as its target. */
function given(flag: string, sequences: readonly (readonly number[])[], config: ModelConfig): Inputs {
  checkTokens(flag, sequences, config);
  return {
    tokens: sequences,
    targets: sequences.map((row) => [...row.slice(1), null]),
    source: sequences.length === 1 ? "the sequence given" : `the ${sequences.length} sequences given`,
  };
}

function drawn(name: TaskName, count: number, config: ModelConfig, stream: RandomStream): Inputs {
  const { dVocab, nCtx } = config;
  const { inputs, targets, nPos, scored } = taskNamed(name, { dVocab, nCtx }).sample(stream, count);
  const rows = (values: Int32Array) =>
    Array.from({ length: count }, (_, row) => Array.from(values.subarray(row * nPos, (row + 1) * nPos)));
  const source = `${count === 1 ? "one sequence" : `${count} sequences`} of the task ${name}`;
  const counts = (pos: number) => scored?.[pos] ?? true;
  return {
    tokens: rows(inputs),
    targets: rows(targets).map((row) => row.map((token, pos) => (counts(pos) ? token : null))),
    source,
  };
}

/**
 * The inputs that were asked for, the same for every subject of the same sizes.
 *
 * @throws ArgumentError  for a token outside the vocabulary, a sequence that is too long, sequences of different length,
 *                        or tokens together with a task
 */
export function inputsOf(choice: InputChoice, config: ModelConfig, standard: { sequences: number }): Inputs {
  if (choice.tokens.length === 0)
    return drawn(
      choice.task ?? "patterns",
      choice.sequences ?? standard.sequences,
      config,
      randomStream("inspect", "inputs"),
    );
  refuseTask(choice, "--tokens");
  return given("--tokens", choice.tokens, config);
}

function refuseTask({ task, sequences }: Pick<InputChoice, "task" | "sequences">, flag: string): void {
  if (task === null && sequences === null) return;
  throw new ArgumentError({
    where: task === null ? "--sequences" : "--task",
    rule: `draws inputs, and ${flag} gives them`,
    got: "both",
    wayOut: "Leave one of them out.",
  });
}

/** How pairs are asked for. */
export interface PairChoice extends Omit<InputChoice, "tokens"> {
  /** [pair][pos]; both empty for pairs of a task. */
  readonly clean: readonly (readonly number[])[];
  readonly corrupt: readonly (readonly number[])[];
}

/** Tries to find a partner with another answer before a task counts as one that has none. */
const partnerTries = 1000;

/**
 * The pairs that were asked for. Those of a task are independent sequences of it whose last targets differ.
 *
 * @throws ArgumentError  as {@link inputsOf}, for a clean without its corrupt, or a task in which all answers are alike
 */
export function pairsOf(choice: PairChoice, config: ModelConfig, standard: { sequences: number }): Pairs {
  const { clean, corrupt } = choice;
  if (clean.length + corrupt.length > 0) {
    refuseTask(choice, "--clean");
    if (clean.length !== corrupt.length)
      throw new ArgumentError({
        where: "--corrupt",
        rule: "must be given once for each --clean",
        got: `${clean.length} clean and ${corrupt.length} corrupt`,
      });
    const pairs = { clean: given("--clean", clean, config), corrupt: given("--corrupt", corrupt, config) };
    if (clean[0].length !== corrupt[0].length)
      throw new ArgumentError({
        where: "--corrupt",
        rule: "must be as long as --clean",
        got: `${corrupt[0].length} and ${clean[0].length} tokens`,
      });
    return pairs;
  }
  const name = choice.task ?? "patterns";
  const count = choice.sequences ?? standard.sequences;
  const stream = randomStream("inspect", "pairs");
  const cleanInputs = drawn(name, count, config, stream.child("clean"));
  const others = stream.child("corrupt");
  const rows = cleanInputs.targets.map((targets) => {
    for (let attempt = 0; attempt < partnerTries; attempt++) {
      const { tokens, targets: own } = drawn(name, 1, config, others);
      if (own[0].at(-1) !== targets.at(-1)) return { tokens: tokens[0], targets: own[0] };
    }
    throw new ArgumentError({ where: "--task", rule: "must have different answers", got: name });
  });
  const corruptInputs = {
    tokens: rows.map(({ tokens }) => tokens),
    targets: rows.map(({ targets }) => targets),
    source: "others of the task with another answer",
  };
  return { clean: cleanInputs, corrupt: corruptInputs };
}
