/** Units by the text that activates them most: windows of a corpus, the strongest positions of each unit in context. */
import { ArgumentError } from "../../base/errors.ts";
import { randomStream } from "../../base/random.ts";
import type { Tokenizer } from "../../data/tokenizerTypes.ts";
import {
  type LargestActivation,
  largestActivation,
  normalMaximum,
} from "../../features/largestActivation.ts";
import { type UnitKind, type UnitSite, unitName, unitNamed, unitSites } from "../../features/unitSites.ts";
import type { TensorData } from "../../graph/backend.ts";
import { input } from "../../graph/build.ts";
import { makeGraph } from "../../graph/graph.ts";
import type { Node } from "../../graph/node.ts";
import type { Network } from "../../interp/network.ts";
import type { SiteName } from "../../model/hookPoints.ts";
import { forward } from "../../model/transformer.ts";
import { weightNodes } from "../../model/weights.ts";
import { strictUtf8 } from "../../record/strictJson.ts";
import { lineText } from "../lineText.ts";
import { readInput } from "../readInput.ts";
import { forestFigure } from "./drawing.ts";
import { tokenizerOfSubject } from "./inspected.ts";
import { type Judged, judgeCells, type Measured, marked } from "./judged.ts";
import { aligned, decimals, digitsFor, mark } from "./tables.ts";
import { cellRow, type Findings, type Inspection, nullText, openNull } from "./verb.ts";

/** Which units, on which text. */
export interface CorpusChoice {
  /** `L0N17`; null for all of the kind. */
  readonly unit: string | null;
  readonly kind: UnitKind;
  /** Path of a text file. */
  readonly corpus: string;
  /** Units of a list; positions of one unit. */
  readonly top: number;
}

/** Longest text, in bytes; tokens of a window, and most windows; windows of one run. */
const [TEXT_BYTES, WINDOW, WINDOWS, TOGETHER] = [2 ** 24, 64, 512, 16];
/** Tokens that are shown before and after the strongest, and positions of each unit in a list. */
const [BEFORE, AFTER] = [10, 4];

/** A corpus in windows of equal length; what is left over at its end is not looked at. */
interface Corpus {
  /** [window][pos] */
  readonly windows: readonly (readonly number[])[];
  readonly says: string;
}

function readCorpus(
  { corpus }: CorpusChoice,
  tokenizer: Tokenizer,
  { nCtx, dVocab }: Network["config"],
  cwd: string,
): Corpus {
  const text = strictUtf8(readInput(corpus, { cwd, byteLimit: TEXT_BYTES }), corpus);
  const { ids } = tokenizer.encode(text, { special: false });
  const strange = ids.find((token) => token >= dVocab);
  if (strange !== undefined)
    throw new ArgumentError({
      where: `--text ${corpus}`,
      rule: `the model knows the tokens 0 to ${dVocab - 1}`,
      got: String(strange),
    });
  const length = Math.min(WINDOW, nCtx, ids.length);
  if (length === 0)
    throw new ArgumentError({ where: `--text ${corpus}`, rule: "must hold at least one token", got: "none" });
  const count = Math.min(WINDOWS, Math.floor(ids.length / length));
  const windows = Array.from({ length: count }, (_, i) => ids.slice(i * length, (i + 1) * length));
  const used = count * length;
  const part = used === ids.length ? "all" : `the first ${used}`;
  return { windows, says: `${part} of ${ids.length} tokens of ${corpus}, in ${count} windows of ${length}` };
}

/** Activations at sites, [window, pos, unit] a site, of every model; nothing after the last site is computed. */
async function activations(
  network: Network,
  windows: readonly (readonly number[])[],
  sites: readonly SiteName[],
  take: (model: number, site: SiteName, firstWindow: number, values: TensorData) => void,
): Promise<void> {
  const { config, models } = network;
  const nPos = windows[0].length;
  const batch = Math.min(TOGETHER, windows.length);
  const program = network.program(JSON.stringify(["corpus", batch, nPos, sites]), () => {
    const outputs: Record<string, Node> = {};
    const wanted = new Set<string>(sites);
    forward(config, weightNodes(config), input("tokens", [batch, nPos], "int32"), (name, node) => {
      if (wanted.has(name)) outputs[name] = node;
      return node;
    });
    return makeGraph({ outputs });
  });
  for (let first = 0; first < windows.length; first += batch) {
    const rows = windows.slice(first, first + batch);
    const tokens = new Int32Array(batch * nPos); // rows beyond the last window are token 0, and no one is shown them
    for (const [i, row] of rows.entries()) tokens.set(row, i * nPos);
    const out = await program.run({ tokens });
    for (const site of sites) {
      const size = out[site].length / models;
      for (let model = 0; model < models; model++)
        take(
          model,
          site,
          first,
          out[site].subarray(model * size, model * size + (size / batch) * rows.length),
        );
    }
  }
}

/** All activations of some sites of every model, [model][site], each [window, pos, unit]. */
async function collected(
  network: Network,
  windows: readonly (readonly number[])[],
  sites: readonly UnitSite[],
): Promise<Float32Array[][]> {
  const places = windows.length * windows[0].length;
  const all = Array.from({ length: network.models }, () =>
    sites.map(({ units }) => new Float32Array(places * units)),
  );
  const names = sites.map(({ site }) => site);
  await activations(network, windows, names, (model, site, first, values) => {
    const at = names.indexOf(site);
    all[model][at].set(values, first * windows[0].length * sites[at].units);
  });
  return all;
}

/** How far the largest activation of every unit stands out. */
const standing = (values: readonly Float32Array[], sites: readonly UnitSite[]): LargestActivation[] =>
  values.map((own, s) => largestActivation(own, sites[s].units));

/** A position in its window. */
interface Strongest {
  readonly activation: number;
  readonly window: number;
  readonly position: number;
}

/** The strongest positions of one unit, the strongest first, of equals the first. */
function strongestOf(
  values: Float32Array,
  units: number,
  unit: number,
  nPos: number,
  count: number,
): Strongest[] {
  const places = Array.from({ length: values.length / units }, (_, place) => place);
  const at = (place: number) => values[place * units + unit];
  return places
    .sort((a, b) => at(b) - at(a) || a - b)
    .slice(0, count)
    .map((place) => ({
      activation: at(place),
      window: Math.floor(place / nPos),
      position: place % nPos,
    }));
}

/** The text around a position, the token in brackets. */
function contextOf(window: readonly number[], position: number, tokenizer: Tokenizer): string {
  const text = (from: number, to: number) => tokenizer.decode(window.slice(Math.max(0, from), to));
  const before = text(position - BEFORE, position);
  const after = text(position + 1, position + 1 + AFTER);
  return lineText(`${before}[${tokenizer.tokenText(window[position])}]${after}`.replace(/\s+/g, " "));
}

/** Most positions of one unit that are told. */
const MOST = 100;
/** Most activations that are held at one time: 1 GiB. */
const HELD = 2 ** 28;

/** Finds the strongest positions: of one unit, or of the units whose largest activation stands out most. */
export async function inspectCorpus(
  inspection: Inspection,
  choice: CorpusChoice,
  cwd: string,
): Promise<Findings> {
  const { subject, network } = inspection;
  const { config } = subject;
  const tokenizer = tokenizerOfSubject(subject);
  if (tokenizer === null)
    throw new ArgumentError({
      where: "--text",
      rule: "takes a pretrained model that has a tokenizer.json",
      got: subject.name,
    });
  const corpus = readCorpus(choice, tokenizer, config, cwd);
  const { windows } = corpus;
  const nPos = windows[0].length;
  const one = choice.unit === null ? null : unitNamed(config, choice.unit);
  const sites = one === null ? unitSites(config).filter(({ kind }) => kind === choice.kind) : [one.site];
  const wide = sites.reduce((sum, { units }) => sum + units, 0) * windows.length * nPos;
  if (wide > HELD)
    throw new ArgumentError({
      where: "--text",
      rule: `all units of one kind are looked at on at most ${HELD} activations`,
      got: String(wide),
      wayOut: "Take a shorter text, or one unit with --unit.",
    });
  const [own] = await collected(network, windows, sites);
  const largest = standing(own, sites);
  const picked = (ofSites: readonly LargestActivation[]) =>
    one === null ? ofSites.flatMap(({ sds }) => [...sds]) : [ofSites[0].sds[one.unit]];
  const measured = (values: readonly (readonly Float32Array[])[]): Measured => {
    const rows = values.map((ofModel) => picked(standing(ofModel, sites)));
    return { models: values.length, cells: rows[0].length, rows: 1, values: rows.flat() };
  };
  const drawn = openNull(inspection, { cost: windows.length });
  const random = await drawn?.measured(async (other) => measured(await collected(other, windows, sites)));
  const judged = judgeCells(
    { models: 1, cells: picked(largest).length, rows: 1, values: picked(largest) },
    random ?? null,
    {
      direction: "greater",
      stream: randomStream("inspect", "units", "groups"),
    },
  );
  const units = unitsOf({ sites, own, largest, judged, one: one?.unit ?? null });
  const shown = one === null ? 1 : Math.min(MOST, choice.top);
  const told = units.slice(0, one === null ? choice.top : 1).map((unit) => ({
    ...unit,
    strongest: strongestOf(unit.values, unit.site.units, unit.index, nPos, shown).map((place) => ({
      ...place,
      context: contextOf(windows[place.window], place.position, tokenizer),
      token: windows[place.window][place.position],
    })),
  }));
  const samples = windows.length * nPos;
  const noise = normalMaximum(samples, 0.975);
  return {
    draws: drawn?.models ?? 0,
    result: {
      corpus: { file: choice.corpus, windows: windows.length, positions: nPos, says: corpus.says },
      normal975: noise,
      units: told.map(({ name, judged: one, usual, strongest }) => ({
        ...{ unit: name, usual },
        largest: cellRow({}, one),
        strongest: strongest.map(({ token, context, ...place }) => ({
          ...place,
          ...{ token, text: tokenizer.tokenText(token), context },
        })),
      })),
    },
    text: [
      `${one === null ? `Units (${choice.kind}) whose largest activation stands out most` : `${choice.unit}: the text that activates it most`}, over ${corpus.says}; the token in brackets`,
      "",
      one === null ? listLines(told) : unitLines(told[0]),
      "",
      ...(one === null
        ? []
        : [
            `${decimals(told[0].usual.median, 2)} is usual, ${decimals(told[0].usual.high, 2)} rare (5 %). The largest is ${decimals(told[0].judged.estimate, 1)}${marked(told[0].judged) ? mark : ""} standard deviations above the mean.`,
          ]),
      `sd: standard deviations above the unit's mean; normal noise of ${samples} values stays below ${decimals(noise, 1)} in 97.5 %.`,
      nullText(subject, drawn, { list: false }),
    ],
    figure: () =>
      forestFigure({
        name: "units-text",
        subject,
        question: "Which units respond to little of the text, and strongly?",
        axis: "largest activation, standard deviations",
        cells: units.map(({ name, judged: one }) => ({ labels: [name], judged: one })),
        over: null,
        top: choice.top,
      }),
  };
}

/** One unit with what is known of it. */
interface Unit {
  readonly name: string;
  readonly site: UnitSite;
  readonly index: number;
  readonly values: Float32Array;
  readonly usual: { readonly median: number; readonly high: number };
  readonly judged: Judged;
}

/** All units, or the only one, that vary; those that stand out most first. */
function unitsOf({
  sites,
  own,
  largest,
  judged,
  one,
}: {
  sites: readonly UnitSite[];
  own: readonly Float32Array[];
  largest: readonly LargestActivation[];
  judged: readonly Judged[];
  one: number | null;
}): Unit[] {
  let next = 0;
  const units = sites.flatMap((site, s) =>
    (one === null ? Array.from({ length: site.units }, (_, index) => index) : [one]).map(
      (index): Unit => ({
        ...{ name: unitName(site, index), site, index, values: own[s], judged: judged[next++] },
        usual: { median: largest[s].median[index], high: largest[s].high[index] },
      }),
    ),
  );
  if (one !== null) return units;
  return units
    .filter((unit) => Number.isFinite(unit.judged.estimate))
    .sort((a, b) => b.judged.estimate - a.judged.estimate);
}

type Told = Unit & { readonly strongest: readonly (Strongest & { readonly context: string })[] };

function listLines(told: readonly Told[]): string[] {
  const digits = digitsFor(told.map(({ strongest: [first] }) => first.activation));
  return aligned(
    [
      ["unit", "text", "activation", "sd "],
      ...told.map(({ name, judged, strongest: [first] }) => [
        name,
        first.context,
        decimals(first.activation, digits),
        `${decimals(judged.estimate, 1)}${marked(judged) ? mark : " "}`,
      ]),
    ],
    { left: 2 },
  );
}

function unitLines({ strongest }: Told): string[] {
  const digits = digitsFor(strongest.map(({ activation }) => activation));
  return aligned(
    [
      ["text", "window", "position", "activation"],
      ...strongest.map(({ context, window, position, activation }) => [
        context,
        String(window),
        String(position),
        decimals(activation, digits),
      ]),
    ],
    { left: 1 },
  );
}
