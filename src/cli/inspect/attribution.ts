/** `inspect attribution`: a logit as the sum of what every part of the network wrote to the stream. */
import { ArgumentError } from "../../base/errors.ts";
import { randomStream } from "../../base/random.ts";
import { attributionBars } from "../../figures/index.ts";
import { directLogitAttribution, type Network } from "../../interp/index.ts";
import type { attributionParts } from "./choiceNames.ts";
import { figureInterval, figureSubject } from "./drawing.ts";
import { type InputChoice, type Inputs, inputsOf } from "./inputs.ts";
import { judgeCells, type Measured } from "./judged.ts";
import { answersOf, inVocabulary, type MetricChoice } from "./metricChoice.ts";
import { cellList, decimals, digitsFor } from "./tables.ts";
import { tokenName } from "./tokenText.ts";
import { cellRow, type Findings, type Inspection, intervalsOver, nullText, openNull } from "./verb.ts";

/** What is taken apart. */
export interface AttributionChoice extends InputChoice, Pick<MetricChoice, "answer" | "wrong"> {
  readonly by: (typeof attributionParts)[number];
  /** null for the last one. */
  readonly position: number | "last" | null;
  readonly top: number;
}

/** Contributions at one position, [model, component, sequence]. */
async function measure(
  network: Network,
  inputs: Inputs,
  { by, position, answer, wrong }: AttributionChoice,
): Promise<{ components: readonly string[]; measured: Measured }> {
  const pos = typeof position === "number" ? position : inputs.tokens[0].length - 1;
  const { components, logits } = await directLogitAttribution(network, inputs.tokens, {
    heads: by !== "component" && !network.config.mlpOnly,
    neurons: by === "neuron" && !network.config.attnOnly,
    token: answersOf(inputs, { answer, pos, flag: "--answer", metric: "attribution" }),
    ...(wrong === null ? {} : { other: wrong }),
  });
  const nPos = inputs.tokens[0].length;
  const values = logits.data.filter((_, i) => i % nPos === pos);
  return {
    components,
    measured: { models: network.models, cells: components.length, rows: inputs.tokens.length, values },
  };
}

/** Takes a logit, or the difference of two, apart for every network at once. */
export async function inspectAttribution(
  inspection: Inspection,
  choice: AttributionChoice,
): Promise<Findings> {
  const { subject, network } = inspection;
  const { config } = subject;
  inVocabulary("--answer", choice.answer, config);
  inVocabulary("--wrong", choice.wrong, config);
  const inputs = inputsOf(choice, config, { sequences: 32 });
  const nPos = inputs.tokens[0].length;
  const position = typeof choice.position === "number" ? choice.position : nPos - 1;
  if (position >= nPos)
    throw new ArgumentError({
      where: "--position",
      rule: `the inputs have the positions 0 to ${nPos - 1}`,
      got: String(choice.position),
    });
  // neurons are many: splitting the stream into them costs more than the forward pass
  const parts = choice.by === "neuron" ? config.dMlp : 1;
  const drawn = openNull(inspection, { cost: inputs.tokens.length * parts });
  const { components, measured } = await measure(network, inputs, choice);
  const random = await drawn?.measured(async (other) => (await measure(other, inputs, choice)).measured);
  const judged = judgeCells(measured, random ?? null, {
    direction: "two-sided",
    stream: randomStream("inspect", "attribution", "groups"),
  });
  const total = judged.reduce((sum, { estimate }) => sum + estimate, 0);
  const cells = judged.map((one, i) => ({ labels: [components[i]], judged: one }));
  const answer = choice.answer === null ? "the next token" : tokenName(subject, choice.answer);
  const of = `logit of ${answer}${choice.wrong === null ? "" : ` less that of ${tokenName(subject, choice.wrong)}`} at position ${position}`;
  return {
    draws: drawn?.models ?? 0,
    result: {
      ...{ by: choice.by, of, position, inputs: { source: inputs.source, tokens: inputs.tokens } },
      total,
      components: cells.map(({ labels: [component], judged }) => cellRow({ component }, judged)),
    },
    text: [
      `Direct logit attribution, norms frozen: ${of}, mean over ${inputs.source}`,
      "",
      cellList(cells, {
        heads: ["component"],
        value: "logits",
        top: choice.top,
        sorted: choice.by !== "component",
        over: intervalsOver(measured),
      }),
      `sum of all ${components.length}: ${decimals(total, digitsFor(judged.map(({ estimate }) => estimate)))}, the logit itself`,
      "",
      nullText(subject, drawn, { list: true }),
    ],
    figure: () =>
      attributionBars({
        subject: figureSubject(subject),
        quantity: of,
        unit: "logits",
        intervals: `95 % t interval over ${intervalsOver(measured) ?? "nothing: one network, one sequence"}`,
        components: judged.map((one, i) => ({ name: components[i], ...figureInterval(one) })),
        most: choice.top,
      }),
  };
}
