/** The report of training on a text: one HTML file that needs nothing else. */
import {
  counted,
  escapeHtml,
  type FigureSpec,
  fixed,
  intervalText,
  listed,
  noNumber,
  renderFigureHtml,
  textLosses,
  textPersistence,
} from "../../figures/index.ts";
import { type Cell, tableHtml } from "../experiments/reportTables.ts";
import { reportCss } from "../persistence/reportStyle.ts";
import type { OverSeeds, TextDetail, TextGroup, TextResult } from "./result.ts";
import { question } from "./spec.ts";

/** What {@link textReport} is made from. */
export interface TextReportInput {
  readonly result: TextResult;
  readonly detail: TextDetail;
  /** The command that makes this run again. */
  readonly command: string;
  /** What the bits depend on: label and value, in the order in which they are shown. */
  readonly facts: readonly (readonly [label: string, value: string])[];
  /** Where the figures are drawn; nothing is attached to it. */
  readonly document: Document;
}

/** Every figure of a run in reading order. */
export function textFigures(result: TextResult, detail: TextDetail): FigureSpec[] {
  const { preset, seeds, models, baseline } = result;
  const { checkpoints, train, heldOut, heldOutByPosition, groups } = detail;
  const population = { preset, seeds, divergedAt: models.map(({ divergedAt }) => divergedAt), checkpoints };
  const bitsPerNat = baseline.uniform.bitsPerCharacter / baseline.uniform.nats;
  return [
    textLosses({
      ...{ ...population, train, heldOut, heldOutByPosition, bitsPerNat },
      baseline: { unigram: baseline.unigram.nats, bigram: baseline.bigram.nats },
    }),
    textPersistence({ ...population, groups }),
  ];
}

const over = ({ mean, ci }: OverSeeds, digits = 2) =>
  Number.isFinite(ci[0]) ? `${fixed(mean, digits)} ${intervalText(ci, digits)}` : fixed(mean, digits);

const cell = ({ mean, ci }: OverSeeds): Cell => ({ estimate: mean, low: ci[0], high: ci[1] });

/** The answer in plain sentences; every estimate beside its interval, its null and the number of seeds. */
export function answerText({ preset, seeds, steps, heldOut, baseline, groups }: TextResult): string {
  const { last, bitsPerCharacter } = heldOut;
  if (!Number.isFinite(last.mean)) return "Every model diverged: there is nothing to report.";
  const loss = `After ${steps} steps ${preset} models lose ${over(last)} nats per token on held-out text, ${over(bitsPerCharacter)} bits per character, over ${counted(seeds.length, "seed")}; counting pairs of tokens loses ${fixed(baseline.bigram.nats)}, counting tokens ${fixed(baseline.unigram.nats)}.`;
  const keeps = groups.map(
    ({ layer, kind, r, shuffled, otherInit }) =>
      `${over(r)} in layer ${layer} by ${kind} (shuffled ${fixed(shuffled.mean)}, other seed ${fixed(otherInit.mean)})`,
  );
  return `${loss} Neurons' responses correlate with those at initialisation at r ${listed(keeps)}.`;
}

function lossTable({ baseline, heldOut }: TextResult): string {
  const counting = (name: string, { nats, bitsPerCharacter }: { nats: number; bitsPerCharacter: number }) => [
    name,
    nats,
    bitsPerCharacter,
  ];
  return tableHtml({
    ...{ caption: "Held-out loss", open: true, columns: ["", "nats per token", "bits per character"] },
    rows: [
      ["this model", cell(heldOut.last), cell(heldOut.bitsPerCharacter)],
      counting("bigram, smoothed", baseline.bigram),
      counting("unigram", baseline.unigram),
      counting("all tokens alike, ln V", baseline.uniform),
    ],
  });
}

/** Estimates of the groups in two decimals: correlations and shares, all on one scale. */
function groupTable(
  groups: TextResult["groups"],
  caption: string,
  columns: readonly (readonly [label: string, of: (group: TextGroup) => OverSeeds])[],
): string {
  const heads = columns.map(([label]) => `<th scope="col" class="number">${escapeHtml(label)}</th>`);
  const rows = groups.map((group) => {
    const cells = columns.map(([, of]) => {
      const { mean, ci } = of(group);
      return `<td class="number">${escapeHtml(fixed(mean))} <span class="interval">${escapeHtml(intervalText(ci))}</span></td>`;
    });
    return `<tr><th scope="row">L${group.layer} by ${group.kind}</th>${cells.join("")}</tr>`;
  });
  return `<div class="scroll"><table><caption>${escapeHtml(caption)}</caption><thead><tr><th scope="col"></th>${heads.join("")}</tr></thead><tbody>${rows.join("\n")}</tbody></table></div>`;
}

function groupTables({ groups, config }: TextResult): string {
  return [
    groupTable(groups, "MLP neurons: responses now and at initialisation", [
      ["tuning r", ({ r }) => r],
      ["shuffled", ({ shuffled }) => shuffled],
      ["excess", ({ excess }) => excess],
      ["other seed", ({ otherInit }) => otherInit],
    ]),
    groupTable(groups, "MLP neurons: identity and selectivity", [
      [`identity recovery (chance ${fixed(1 / config.dMlp, 3)})`, ({ identityRecovery }) => identityRecovery],
      ["eta2 before", ({ eta2 }) => eta2.before],
      ["eta2 after", ({ eta2 }) => eta2.after],
    ]),
  ].join("\n");
}

/** The neurons that the class of a word explains best; nothing where words have no class. */
function topUnitTable({ topUnits, probe: { classes } }: TextResult): string {
  if (classes === null) return "";
  return tableHtml({
    ...{ caption: `Neurons most selective for the ${classes.name} of a word, eta2`, open: true },
    columns: ["seed", "neuron", "after", "prefers", "before", "preferred"],
    rows: topUnits.map(({ seed, layer, unit, eta2, before, prefers, preferred }): Cell[] => [
      ...[`${seed}`, `L${layer}N${unit}`, eta2, prefers, before, preferred],
    ]),
  });
}

function modelTable({ models }: TextResult): string {
  return tableHtml({
    ...{ caption: "Models", open: models.length <= 8 },
    columns: ["seed", "held-out loss (nats)", "bits per character", "SHA-256 of weights", "diverged"],
    rows: models.map(({ seed, heldOut, bitsPerCharacter, weights, divergedAt }) => [
      `${seed}`,
      fixed(heldOut, 4),
      fixed(bitsPerCharacter, 4),
      weights.slice(0, 12),
      divergedAt === null ? noNumber : `at step ${divergedAt}`,
    ]),
  });
}

function samplesHtml({ samples, sampling }: TextResult): string {
  const { temperature, topK, tokens, prompt } = sampling;
  const texts = samples.flatMap(({ seed, texts }) =>
    texts.map(
      (sample, i) => `<h3>Seed ${seed}, sample ${i + 1}</h3>\n<pre><code>${escapeHtml(sample)}</code></pre>`,
    ),
  );
  if (texts.length === 0) return "<p>No samples were drawn.</p>";
  const among = topK === null ? "" : `, among the ${topK} likeliest tokens`;
  return `<p class="caption">${counted(tokens, "token")} after ${escapeHtml(JSON.stringify(prompt))}, temperature ${temperature}${among}. As the model wrote them.</p>
${texts.join("\n")}`;
}

/** `"é" 3 times`. */
const unknownText = ({ character, count }: { character: string; count: number }) =>
  `${JSON.stringify(character)} ${counted(count, "time")}`;

/** Tokens that are listed; more would fill the page. */
const LISTED = 40;

function methodHtml(result: TextResult): string {
  const { text, tokenizer, config, parameters, probe, baseline } = result;
  const unknown = text.unknown.slice(0, LISTED).map(unknownText);
  const followed = probe.followed.slice(0, LISTED).map((token) => JSON.stringify(token));
  const more = probe.followed.length > LISTED ? `, and ${probe.followed.length - LISTED} more` : "";
  const shown =
    probe.design === "text"
      ? "held-out windows; a token's mean response then includes what usually comes before that token"
      : "random tokens, each equally often at every position";
  const facts = [
    `Text: ${counted(text.files.length, "file")} (${listed(text.files.slice(0, 5).map(({ path }) => path))}${text.files.length > 5 ? " and more" : ""}), ${text.characters} UTF-16 units; ${text.lineEndsChanged} line ends were made line feeds. ${text.train.tokens} tokens to train on, ${text.heldOut.tokens} held out: the end of each of several equal blocks, so that no held-out token is ever trained on.`,
    ...(unknown.length > 0
      ? [
          `Held-out characters that the training text has not: ${unknown.join(", ")}. They have no token; windows end before and begin after them, and the loss says nothing of them.`,
        ]
      : []),
    `Tokens: ${tokenizer.tokens} (${tokenizer.kind}), ${fixed(tokenizer.charactersPerToken)} characters each in the held-out text. Bits per character = nats per token / ln 2 × tokens per character.`,
    `Model: GPT-2's blocks, ${counted(config.nLayers, "layer")}, dModel ${config.dModel}, ${counted(config.nHeads, "head")}, dMlp ${config.dMlp}, ${config.nCtx} positions, ${parameters} weights. Each seed has its own initialisation and draws its own windows, in which all ${config.nCtx} positions are trained.`,
    `Held-out loss: mean over all positions of ${counted(baseline.windows, "window")} side by side; early positions have little context (see the figure).`,
    `Counting: a unigram model with half a count for every token, and a bigram model with the unigram as its prior, whose weight the training text alone decides. The entropies of the training text itself are ${fixed(baseline.trainingEntropy.unigram)} and ${fixed(baseline.trainingEntropy.bigram)} nats per token: out of reach on other text.`,
    `Probe: ${counted(probe.sequences, "sequence")} of ${shown}. ${counted(probe.followed.length, "token")} of the most frequent ones are followed: ${followed.join(" ")}${more}.`,
    ...(probe.classes === null
      ? []
      : [
          `Classes: the ${probe.classes.name} of the word that a token is part of, with its positions in the probe: ${probe.classes.levels.map(({ level, positions }) => `${level} ${positions}`).join(", ")}. Tokens of no word, or of more than one, and classes that are rare have none. The text was stripped of its tags before anything read it. A class and the tokens of its words go together: what explains the one explains some of the other. The neurons that are listed were picked by the numbers that are shown: the highest of many are high by chance too.`,
        ]),
    "Tuning r: correlation of a neuron's mean responses (to the followed tokens, or to positions) with its own at step 0, mean over neurons. Shuffled: the same with the neurons of the trained network in another order, the mean over all orders; what it exceeds is the neurons' own. Other seed: against another seed's initialisation, neuron by neuron. Identity recovery: share of neurons that the best matching by these responses maps to themselves; chance is 1 / dMlp. eta2: share of a neuron's variance that the factor explains.",
    "The seed is the unit of replication: intervals are 95 % t intervals over seeds. One text, one size and one schedule are no law about language models.",
  ];
  return `<ul>${facts.map((fact) => `<li>${escapeHtml(fact)}</li>`).join("\n")}</ul>`;
}

/**
 * The report as the text of one HTML file: style and pictures inside, no script, nothing fetched. Every string that comes
 * from a text, a tokenizer or a model is escaped.
 */
export function textReport({ result, detail, command, facts, document }: TextReportInput): string {
  const figures = textFigures(result, detail).map((figure) => renderFigureHtml(figure, document));
  const sections = [
    ["numbers", "Numbers", `${lossTable(result)}\n${groupTables(result)}\n${topUnitTable(result)}`],
    ["figures", "Figures", figures.join("\n")],
    ["samples", "Samples", samplesHtml(result)],
    ["models", "Models", modelTable(result)],
    ["method", "Method and limits", methodHtml(result)],
    [
      "again",
      "Run it again",
      `<pre><code>${escapeHtml(command)}</code></pre>\n<p class="facts">${facts.map((pair) => escapeHtml(pair.join(" "))).join(" · ")}</p>`,
    ],
  ] as const;
  const lost = result.models.filter(({ divergedAt }) => divergedAt !== null);
  const alarm =
    lost.length === 0
      ? ""
      : `<p class="alarm" role="note"><strong>Diverged.</strong> ${escapeHtml(listed(lost.map(({ seed, divergedAt }) => `seed ${seed} at step ${divergedAt}`)))}: left out of every mean from there on.</p>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>Palimpsest: language models of a text</title>
<style>${reportCss}</style>
</head>
<body>
<main>
<header>
<h1>What does a language model keep of its initialisation?</h1>
<p class="facts">Palimpsest, training on a text · ${escapeHtml(result.preset)} · ${counted(result.seeds.length, "seed")} · ${result.steps} steps</p>
<p class="lead">${escapeHtml(question)}</p>
<p>${escapeHtml(answerText(result))}</p>
${alarm}
<nav aria-label="Sections"><ul>${sections.map(([id, title]) => `<li><a href="#${id}">${title}</a></li>`).join("")}</ul></nav>
</header>
${sections.map(([id, title, content]) => `<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2>\n${content}\n</section>`).join("\n")}
</main>
</body>
</html>
`;
}
