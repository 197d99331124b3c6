/** Inputs and answers as they are typed, numbers or text, and what they are to a model: numbers of tokens. */
import { ArgumentError } from "../../base/errors.ts";
import type { TaskName } from "../../data/registry.ts";
import type { Tokenizer } from "../../data/tokenizerTypes.ts";
import { type Subject, tokenizerOfSubject } from "./inspected.ts";
import { tokenShown } from "./tokenText.ts";

/** A sequence as it was given. */
export type Prompt = readonly number[] | string;
/** A token as it was given. */
export type TokenGiven = number | string;

/** Fields that hold sequences, and those that hold a token. */
const [sequences, tokens] = [
  ["tokens", "clean", "corrupt"],
  ["answer", "wrong", "token"],
] as const;

/** What a verb is asked for, with sequences and tokens as they were typed. */
export type Given<C> = {
  readonly [K in keyof C]: K extends (typeof sequences)[number]
    ? readonly Prompt[]
    : K extends (typeof tokens)[number]
      ? TokenGiven | null
      : C[K];
};

/** Fields that a choice may have and this file knows of. */
interface Known {
  tokens?: readonly Prompt[];
  clean?: readonly Prompt[];
  corrupt?: readonly Prompt[];
  answer?: TokenGiven | null;
  wrong?: TokenGiven | null;
  token?: TokenGiven | null;
  task?: TaskName | null;
  position?: unknown;
  metric?: unknown;
}

function tokenizerFor(subject: Subject, flag: string, got: string): Tokenizer {
  const tokenizer = tokenizerOfSubject(subject);
  if (tokenizer !== null) return tokenizer;
  throw new ArgumentError({
    where: flag,
    rule:
      subject.pretrained === null
        ? "text is for pretrained models; here tokens are numbers"
        : `${subject.name} has no tokenizer.json, so its tokens are numbers`,
    got: JSON.stringify(got.slice(0, 80)),
    wayOut: "Give numbers such as 0,1,2,3.",
  });
}

/**
 * The one token that a text is.
 *
 * @throws ArgumentError if it is none or several, showing how the tokenizer splits it
 */
function tokenOf(subject: Subject, flag: string, given: TokenGiven): number {
  if (typeof given === "number") return given;
  const tokenizer = tokenizerFor(subject, flag, given);
  const { ids } = tokenizer.encode(given, { special: false });
  if (ids.length === 1) return ids[0];
  throw new ArgumentError({
    where: flag,
    rule: "must be one token of the model",
    got: `${JSON.stringify(given.slice(0, 80))}, which is ${ids.length}: ${ids
      .slice(0, 12)
      .map((id) => tokenShown(tokenizer, id))
      .join(" ")}`,
    wayOut: given.startsWith(" ")
      ? undefined
      : `A word within a text begins with a space: " ${given.slice(0, 40)}".`,
  });
}

/** The place of the mask token, if every sequence has exactly one and all have it at the same place. */
function maskPlace(subject: Subject, rows: readonly (readonly number[])[]): number | null {
  const mask = tokenizerOfSubject(subject)?.roles.mask;
  if (mask === undefined || rows.length === 0) return null;
  const place = rows[0].indexOf(mask);
  const same = rows.every((row) => row.indexOf(mask) === place && row.lastIndexOf(mask) === place);
  return place >= 0 && same ? place : null;
}

/**
 * A choice with every text as numbers of tokens. Where a masked language model is asked and no position is named, it is
 * that of the mask; and as its tokens are not predicted from those before, its standard metric is the answer's
 * probability.
 *
 * @param random  whether the verb has inputs of its own where none are given
 * @throws ArgumentError  for text without a tokenizer, an answer of several tokens, or a pretrained model without input
 */
export function readGiven<C extends object>(
  given: Given<C>,
  subject: Subject,
  { random = false }: { random?: boolean } = {},
): C {
  const known: Known = given;
  const read: Record<string, unknown> = { ...given };
  for (const field of sequences) {
    const flag = field === "tokens" ? "--text" : `--${field}`;
    const rows = known[field]?.map((prompt) =>
      typeof prompt === "string" ? tokenizerFor(subject, flag, prompt).encode(prompt).ids : prompt,
    );
    if (rows !== undefined) read[field] = rows;
  }
  for (const field of tokens) {
    const token = known[field];
    if (token !== undefined && token !== null) read[field] = tokenOf(subject, `--${field}`, token);
  }
  const rows = (read.tokens ?? read.clean) as readonly (readonly number[])[] | undefined;
  if (subject.pretrained === null || rows === undefined) return read as C;
  if (rows.length === 0 && known.task === null && !random)
    throw new ArgumentError({
      where: `inspect ${subject.name}`,
      rule: `a pretrained model needs an input`,
      got: "none",
      wayOut:
        known.clean === undefined
          ? 'Give --text "…" or --tokens 1,2,3.'
          : 'Give --clean "…" --corrupt "…" with --answer and --wrong.',
    });
  const place = known.position === null ? maskPlace(subject, rows) : null;
  if (place !== null) read.position = place;
  // a loss would be that of the tokens that come next, which patching does not ask for by itself
  if (!subject.config.causal && known.metric === null && known.clean === undefined)
    read.metric = known.answer === null ? "kl" : "prob";
  return read as C;
}
