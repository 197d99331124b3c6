/** `inspect lens`: what the network would answer if its residual stream were read off at each site. */
import { randomStream } from "../../base/random.ts";
import { lensTable } from "../../figures/index.ts";
import { type LensNorm, type LensResult, logitLens, type Network, originalLens } from "../../interp/index.ts";
import type { ModelConfig } from "../../model/config.ts";
import { figureSubject } from "./drawing.ts";
import { type InputChoice, type Inputs, inputsOf } from "./inputs.ts";
import { type Judged, judgeCells, type Measured, marked } from "./judged.ts";
import { shortName } from "./siteText.ts";
import { aligned, decimals, mark } from "./tables.ts";
import { cellRow, type Findings, type Inspection, nullText, openNull } from "./verb.ts";

/** What the lens is to show. */
export interface LensChoice extends InputChoice {
  readonly norm: LensNorm;
  /** The original study's variant instead. */
  readonly original: boolean;
  /** Tokens at each place, the likeliest first. */
  readonly top: number;
}

/** Probabilities of every token at every place of a population. */
async function read(
  network: Network,
  { tokens }: Inputs,
  { norm, original }: LensChoice,
): Promise<LensResult> {
  return original ? await originalLens(network, tokens) : await logitLens(network, tokens, { norm });
}

/** Every token at every site, sequence and position is a cell. */
function measured({ logProbs }: LensResult): Measured {
  const [models] = logProbs.shape;
  const values = Float64Array.from(logProbs.data, Math.exp);
  return { models, cells: values.length / models, rows: 1, values };
}

/** The likeliest tokens at one place. */
interface Place {
  readonly site: string;
  readonly sequence: number;
  readonly position: number;
  readonly tokens: readonly { readonly token: number; readonly judged: Judged }[];
}

/** Reads the lens for every network at once and keeps the likeliest tokens of the mean over networks. */
export async function inspectLens(inspection: Inspection, choice: LensChoice): Promise<Findings> {
  const { subject, network } = inspection;
  const { config, seeds } = subject;
  const inputs = inputsOf(choice, config, { sequences: 1 });
  const drawn = openNull(inspection);
  const result = await read(network, inputs, choice);
  const judged = judgeCells(measured(result), drawn && measured(await read(drawn, inputs, choice)), {
    direction: "greater",
    stream: randomStream("inspect", "lens", "groups"),
  });
  const places = placesOf(result, judged, inputs, Math.min(choice.top, config.dVocab));
  const name = lensName(choice, config);
  return {
    draws: drawn?.models ?? 0,
    result: {
      ...{ lens: result.lens, says: name, inputs: { source: inputs.source, tokens: inputs.tokens } },
      uniform: 1 / config.dVocab,
      places: places.map(({ tokens, ...place }) => ({
        ...place,
        tokens: tokens.map(({ token, judged }) => cellRow({ token }, judged)),
      })),
    },
    text: [
      `${name}: the likeliest token and its probability${seeds.length > 1 ? ", mean over seeds" : ""}; uniform is ${decimals(1 / config.dVocab, 2)}`,
      ...inputs.tokens.flatMap((tokens, sequence) => ["", sequenceTable(places, tokens, sequence)]),
      "",
      nullText(subject, drawn, { list: false }),
    ],
    figure: () => {
      const [tokens] = inputs.tokens;
      const [targets] = inputs.targets;
      const likeliest = places.filter(({ sequence }) => sequence === 0).map(({ tokens: [first] }) => first);
      return lensTable({
        subject: figureSubject(subject),
        lens: name,
        tokens: Array.from({ length: config.dVocab }, (_, token) => String(token)),
        input: tokens,
        targets: targets.map((token) => token ?? -1),
        sites: result.sites,
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

function placesOf(
  { sites, logProbs }: LensResult,
  judged: readonly Judged[],
  inputs: Inputs,
  top: number,
): Place[] {
  const dVocab = logProbs.shape[4];
  const nPos = inputs.tokens[0].length;
  const byEstimate = (a: { judged: Judged }, b: { judged: Judged }) => b.judged.estimate - a.judged.estimate;
  return sites.flatMap((site, s) =>
    inputs.tokens.flatMap((_, sequence) =>
      Array.from({ length: nPos }, (_, position): Place => {
        const first = ((s * inputs.tokens.length + sequence) * nPos + position) * dVocab;
        const tokens = judged.slice(first, first + dVocab).map((judged, token) => ({ token, judged }));
        // the sort keeps the order of equals, so the smaller token comes first
        return { site, sequence, position, tokens: tokens.sort(byEstimate).slice(0, top) };
      }),
    ),
  );
}

/** Sites by positions; further tokens stand in further lines of their site. */
function sequenceTable(places: readonly Place[], tokens: readonly number[], sequence: number): string[] {
  const own = places.filter((place) => place.sequence === sequence);
  const sites = [...new Set(own.map(({ site }) => site))];
  const top = own[0].tokens.length;
  const cell = (place: Place, rank: number) => {
    const { token, judged } = place.tokens[rank];
    return `${token} ${decimals(judged.estimate, 2)}${marked(judged) ? mark : " "}`;
  };
  return aligned([
    ["position", ...tokens.map((_, position) => `${position} `)],
    ["token read", ...tokens.map((token) => `${token} `)],
    ...sites.flatMap((site) =>
      Array.from({ length: top }, (_, rank) => [
        rank === 0 ? shortName(site) : "",
        ...own.filter((place) => place.site === site).map((place) => cell(place, rank)),
      ]),
    ),
  ]);
}
