/** The number that a network's answer comes to, from the options of the command line. */
import { ArgumentError } from "../../base/errors.ts";
import {
  entropy,
  forward,
  klFrom,
  logitDifference,
  lossMetric,
  type Metric,
  type MetricPositions,
  type Network,
  probability,
  rank,
} from "../../interp/index.ts";
import type { ModelConfig } from "../../model/config.ts";
import type { MetricName } from "./choiceNames.ts";
import type { Inputs } from "./inputs.ts";
import type { Subject } from "./inspected.ts";
import { tokenName } from "./tokenText.ts";

/** Metrics that have a gradient. */
const differentiable: readonly MetricName[] = ["loss", "logit-diff", "prob", "entropy", "kl"];

/** How a metric is asked for. */
export interface MetricChoice {
  /** null for what suits the inputs. */
  readonly metric: MetricName | null;
  readonly answer: number | null;
  readonly wrong: number | null;
  /** null for all positions of a loss, the last one of any other metric. */
  readonly position: number | "last" | "all" | null;
}

/** A metric before it meets a network: `kl` measures from what each network itself says. */
export interface ChosenMetric {
  readonly name: MetricName;
  /** In words, with its unit. */
  readonly says: string;
  of(network: Network): Metric | Promise<Metric>;
}

/** What a metric is made of besides the options. */
export interface MetricInputs {
  readonly subject: Subject;
  /** What answers are right for, and what `kl` measures from. */
  readonly inputs: Inputs;
  /** Where the answers differ from these, theirs are the wrong ones. */
  readonly others?: Inputs;
  /** What is taken where none is asked for. */
  readonly standard: MetricName;
}

/**
 * The metric that was asked for.
 *
 * @throws ArgumentError  for a token outside the vocabulary, a position outside the inputs, or a metric without the tokens
 *                        it needs
 */
export function chosenMetric(
  { metric, answer, wrong, position }: MetricChoice,
  { subject, inputs, others, standard }: MetricInputs,
): ChosenMetric {
  const { config } = subject;
  const tokenText = (tokens: number | readonly number[], several = "the answer") => {
    if (typeof tokens === "number") return tokenName(subject, tokens);
    return tokens.length === 1 ? tokenName(subject, tokens[0]) : several;
  };
  const name = metric ?? standard;
  const nPos = inputs.tokens[0].length;
  inVocabulary("--answer", answer, config);
  inVocabulary("--wrong", wrong, config);
  if (typeof position === "number" && position >= nPos)
    throw new ArgumentError({
      where: "--position",
      rule: `the inputs have the positions 0 to ${nPos - 1}`,
      got: String(position),
    });
  const unused: [flag: string, value: number | null, metrics: readonly MetricName[]][] = [
    ["--answer", answer, ["loss", "logit-diff", "prob", "rank"]],
    ["--wrong", wrong, ["logit-diff"]],
  ];
  for (const [flag, value, metrics] of unused)
    if (value !== null && !metrics.includes(name))
      throw new ArgumentError({ where: flag, rule: `is no part of the metric ${name}`, got: String(value) });
  const pos = position ?? "last";
  const at = positionText(pos, nPos);
  const right = () => answersOf(inputs, { answer, pos, flag: "--answer", metric: name });
  const says = (what: string, unit: string) => `${what} ${at}${unit === "" ? "" : `, ${unit}`}`;
  const fixed = (made: Metric, text: string): ChosenMetric => ({ name, says: text, of: () => made });
  switch (name) {
    case "loss":
      return lossOf(inputs, { answer, position });
    case "logit-diff": {
      const right = answersOf(inputs, { answer, pos, flag: "--answer", metric: name });
      const left = answersOf(others, { answer: wrong, pos, flag: "--wrong", metric: name });
      return fixed(
        logitDifference(right, left, { pos }),
        says(
          `logit of ${tokenText(right)} less that of ${tokenText(left, "the corrupt input's answer")}`,
          "",
        ),
      );
    }
    case "prob":
      return fixed(probability(right(), { pos }), says(`probability of ${tokenText(right())}`, ""));
    case "rank":
      return fixed(rank(right(), { pos }), says(`rank of ${tokenText(right())}`, "1 is the likeliest"));
    case "entropy":
      return fixed(entropy({ pos }), says("entropy of the prediction", "nats"));
    case "kl":
      return {
        name,
        says: says("divergence from the unchanged network's prediction", "nats"),
        of: async (network) => klFrom(await forward(network, inputs.tokens), { pos }),
      };
  }
}

/** @throws ArgumentError if the metric has no gradient */
export function requireGradient({ name }: ChosenMetric, flag: string): void {
  if (differentiable.includes(name)) return;
  throw new ArgumentError({
    where: flag,
    rule: `needs a metric with a gradient: ${differentiable.join(", ")}`,
    got: name,
  });
}

/** @throws ArgumentError if a token is none of the model's */
export function inVocabulary(flag: string, token: number | null, { dVocab }: ModelConfig): void {
  if (token === null || token < dVocab) return;
  throw new ArgumentError({
    where: flag,
    rule: `the model knows the tokens 0 to ${dVocab - 1}`,
    got: String(token),
  });
}

/**
 * The right token of every sequence at a position: the one given, or the one that comes next.
 *
 * @throws ArgumentError if neither is known
 */
export function answersOf(
  inputs: Inputs | undefined,
  {
    answer,
    pos,
    flag,
    metric,
  }: { answer: number | null; pos: MetricPositions; flag: string; metric: string },
): number | number[] {
  if (answer !== null) return answer;
  const nPos = inputs?.tokens[0].length ?? 0;
  const at = pos === "last" ? nPos - 1 : pos;
  const known = typeof at === "number" ? inputs?.targets.map((targets) => targets[at]) : undefined;
  if (known?.every((token) => token !== null)) return known;
  throw new ArgumentError({ where: flag, rule: `is needed by ${metric} on these inputs`, got: "none" });
}

function lossOf(
  inputs: Inputs,
  { answer, position }: Pick<MetricChoice, "answer" | "position">,
): ChosenMetric {
  const nPos = inputs.tokens[0].length;
  const targets = inputs.targets.map((row) => row.map((token) => token ?? answer));
  const known = targets[0].flatMap((token, pos) => (token === null ? [] : [pos]));
  const wanted =
    position === null || position === "all" ? known : [position === "last" ? nPos - 1 : position];
  if (wanted.length === 0 || wanted.some((pos) => !known.includes(pos)))
    throw new ArgumentError({
      where: "--answer",
      rule: "is needed by the loss at the last position, whose next token is not among those given",
      got: "none",
    });
  const text = wanted.length === nPos ? "over all positions" : `at position ${rangeText(wanted)}`;
  const made = lossMetric(
    targets.map((row) => row.map((token) => token ?? 0)), // positions without a target are not among the wanted
    { pos: wanted },
  );
  return { name: "loss", says: `loss ${text}, nats`, of: () => made };
}

const rangeText = (list: readonly number[]) =>
  list.length === 1 ? String(list[0]) : `${list[0]} to ${list[list.length - 1]}`;

function positionText(pos: MetricPositions, nPos: number): string {
  if (pos === "all") return "over all positions";
  return `at position ${pos === "last" ? nPos - 1 : pos}`;
}
