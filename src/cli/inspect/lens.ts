/** `inspect lens`: what the network would answer if its residual stream were read off at each site. */
import { lensTable } from "../../figures/index.ts";
import type { ModelConfig } from "../../model/config.ts";
import { figureSubject } from "./drawing.ts";
import { type InputChoice, inputsOf } from "./inputs.ts";
import { tokenizerOfSubject } from "./inspected.ts";
import { marked } from "./judged.ts";
import { type LensKind, type Place, readLens } from "./lensRead.ts";
import { shortName } from "./siteText.ts";
import { aligned, decimals, mark, tableWidth } from "./tables.ts";
import { tokenShown } from "./tokenText.ts";
import { cellRow, type Findings, type Inspection, nullText, openNull } from "./verb.ts";

/** What the lens is to show. */
export interface LensChoice extends InputChoice, LensKind {
  /** Tokens at each place, the likeliest first. */
  readonly top: number;
}

/** Reads the lens for every network at once and keeps the likeliest tokens of the mean over networks. */
export async function inspectLens(inspection: Inspection, choice: LensChoice): Promise<Findings> {
  const { subject, network } = inspection;
  const { config, seeds } = subject;
  const inputs = inputsOf(choice, config, { sequences: 1 });
  const drawn = openNull(inspection, { cost: inputs.tokens.length });
  const { lens, sites, places, byRank } = await readLens(network, inputs.tokens, choice, {
    ...{ top: choice.top, drawn },
  });
  const name = lensName(choice, config);
  const uniform = 1 / config.dVocab;
  const tokenizer = tokenizerOfSubject(subject);
  const shown = (token: number) => tokenShown(tokenizer, token);
  const texts = tokenizer === null ? {} : { texts: inputs.tokens.map((row) => row.map(shown)) };
  return {
    draws: drawn?.models ?? 0,
    result: {
      ...{ lens, says: name, inputs: { source: inputs.source, tokens: inputs.tokens, ...texts } },
      ...{ uniform, byRank },
      places: places.map(({ tokens, ...place }) => ({
        ...place,
        tokens: tokens.map(({ token, judged }) =>
          cellRow({ token, ...(tokenizer === null ? {} : { text: tokenizer.tokenText(token) }) }, judged),
        ),
      })),
    },
    text: [
      `${name}: the likeliest token and its probability${seeds.length > 1 ? ", mean over seeds" : ""}; uniform is ${uniform < 0.005 ? uniform.toPrecision(1) : decimals(uniform, 2)}`,
      ...inputs.tokens.flatMap((tokens, sequence) => sequenceTables(places, tokens, sequence, shown)),
      "",
      ...(byRank && drawn !== null
        ? [
            "The vocabulary is large: a probability is held against that of the same rank at its place in the null.",
          ]
        : []),
      nullText(subject, drawn, { list: false }),
    ],
    figure: () => {
      const [tokens] = inputs.tokens;
      const [targets] = inputs.targets;
      const likeliest = places.filter(({ sequence }) => sequence === 0).map(({ tokens: [first] }) => first);
      return lensTable({
        subject: figureSubject(subject),
        lens: name,
        tokens: Array.from({ length: config.dVocab }, (_, token) => shown(token)),
        input: tokens,
        targets: targets.map((token) => token ?? -1),
        sites,
        top: likeliest.map(({ token }) => token),
        probability: likeliest.map(({ judged }) => judged.estimate),
      });
    },
  };
}

function lensName({ norm, original }: LensChoice, { finalNorm }: ModelConfig): string {
  if (original) return "The original study's variant, which projects outputs of sublayers and not the stream";
  return finalNorm
    ? `Logit lens, final norm ${norm}`
    : "Logit lens, the plain unembedding (this model has no final norm)";
}

/** Sites by positions, in as many tables as the width takes; further tokens stand in further lines of their site. */
function sequenceTables(
  places: readonly Place[],
  tokens: readonly number[],
  sequence: number,
  shown: (token: number) => string,
): (string | string[])[] {
  const own = places.filter((place) => place.sequence === sequence);
  const sites = [...new Set(own.map(({ site }) => site))];
  const top = own[0].tokens.length;
  const cell = (place: Place, rank: number) => {
    const { token, judged } = place.tokens[rank];
    return `${shown(token)} ${decimals(judged.estimate, 2)}${marked(judged) ? mark : " "}`;
  };
  const columns = tokens.map((token, position) => {
    const here = own.filter((place) => place.position === position); // one a site
    const cells = here.flatMap((place) => Array.from({ length: top }, (_, rank) => cell(place, rank)));
    return [`${position} `, `${shown(token)} `, ...cells];
  });
  const labels = [
    ...["position", "token read"],
    ...sites.flatMap((site) => Array.from({ length: top }, (_, rank) => (rank === 0 ? shortName(site) : ""))),
  ];
  const widthOf = (cells: readonly string[]) => Math.max(...cells.map(({ length }) => length));
  const groups: string[][][] = [[]];
  let room = tableWidth - widthOf(labels);
  for (const column of columns) {
    const width = widthOf(column) + 2;
    if (groups[groups.length - 1].length > 0 && width > room) {
      groups.push([]);
      room = tableWidth - widthOf(labels);
    }
    groups[groups.length - 1].push(column);
    room -= width;
  }
  return groups.flatMap((group) => [
    "",
    aligned(labels.map((label, row) => [label, ...group.map((column) => column[row])])),
  ]);
}
