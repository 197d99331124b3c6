/** Tokens as the tools take them, and as a session does. */
import { integerIn } from "../base/check.ts";
import { ArgumentError, ShapeError } from "../base/errors.ts";
import type { Network } from "./network.ts";

/** Sequences in one array: [batch, pos] for all models, or [model, batch, pos]. */
export interface TokenArray {
  readonly data: Int32Array;
  readonly batch: number;
  readonly pos: number;
}

/** Sequences: lists [batch][pos] that all models share, lists [model][batch][pos], or one array. */
export type Tokens =
  | readonly (readonly number[])[]
  | readonly (readonly (readonly number[])[])[]
  | TokenArray;

/**
 * Tokens as a session takes them, copied.
 *
 * @throws ShapeError     if lists differ in length, or an array does not have batch · pos numbers, once or for each model
 * @throws ArgumentError  if there is no token, an input is longer than nCtx, or a token is not in [0, dVocab)
 */
export function tokenArray(
  { config, models }: Pick<Network, "config" | "models">,
  tokens: Tokens,
): TokenArray {
  const { data, batch, pos } = isArray(tokens) ? { ...tokens, data: tokens.data.slice() } : flattened(tokens);
  integerIn("tokens, batch", batch, 1);
  integerIn("tokens, positions", pos, 1, config.nCtx);
  const size = batch * pos;
  if (data.length !== size && data.length !== models * size)
    throw new ShapeError({
      where: "tokens",
      rule: `must be [batch ${batch}, pos ${pos}] for all models or [model ${models}, batch ${batch}, pos ${pos}]`,
      got: `${data.length} numbers`,
      wayOut: "Give every model its sequences, or one batch that they share.",
    });
  const strange = data.findIndex((token) => !(token >= 0 && token < config.dVocab));
  if (strange >= 0)
    throw new ArgumentError({
      where: `tokens, sequence ${Math.floor(strange / pos) % batch}, position ${strange % pos}`,
      rule: `must be a whole number, 0 to ${config.dVocab - 1}`,
      got: String(data[strange]),
    });
  return { data, batch, pos };
}

function isArray(tokens: Tokens): tokens is TokenArray {
  return !Array.isArray(tokens);
}

function flattened(tokens: Exclude<Tokens, TokenArray>): TokenArray {
  const byModel = (Array.isArray(tokens[0]?.[0]) ? tokens : [tokens]) as readonly (readonly number[])[][];
  const batch = byModel[0]?.length ?? 0;
  const pos = byModel[0]?.[0]?.length ?? 0;
  const even = byModel.every((rows) => rows.length === batch && rows.every((row) => row.length === pos));
  if (!even)
    throw new ShapeError({
      where: "tokens",
      rule: "sequences must be equally long, and every model must have as many",
      got: byModel.map((rows) => `[${rows.map((row) => row.length).join(" ")}]`).join(" "),
      wayOut: "Run sequences of different lengths one length at a time.",
    });
  const all = byModel.flat(2);
  const broken = all.find((token) => !Number.isInteger(token));
  if (broken !== undefined)
    throw new ArgumentError({ where: "tokens", rule: "must be whole numbers", got: String(broken) });
  return { data: Int32Array.from(all), batch, pos };
}
