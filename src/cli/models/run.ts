/** `palimpsest models run`: a pretrained model's logits and activations on given tokens. */
import { backendNamed, chosenBackend } from "../../backends/registry.ts";
import { ArgumentError } from "../../base/errors.ts";
import type { Tokenizer } from "../../data/tokenizerTypes.ts";
import type { Backend, Session, TensorData } from "../../graph/backend.ts";
import { input } from "../../graph/build.ts";
import { makeGraph } from "../../graph/graph.ts";
import { type Node, sizeOf } from "../../graph/node.ts";
import { logProbabilities } from "../../interp/metrics.ts";
import type { ModelConfig } from "../../model/config.ts";
import { resolveSites, type Site } from "../../model/hookPoints.ts";
import { forward } from "../../model/transformer.ts";
import { weightNodes, weightShapes } from "../../model/weights.ts";
import { shownName } from "../../pretrained/modelFolder.ts";
import type { BackendChoice } from "../commonOptions.ts";
import { checkTokens } from "../inspect/inputs.ts";
import { siteSelector } from "../inspect/siteText.ts";
import { aligned, decimals, wrapped } from "../inspect/tables.ts";
import { tokenShown } from "../inspect/tokenText.ts";
import type { Outcome, RunIo } from "../io.ts";
import { type ModelChoice, type OpenModel, openModel, passWeights, requireTokenizer } from "./openModel.ts";

/** What is to be run. */
export interface ModelRunOptions extends ModelChoice {
  /** [row][pos]; empty where texts are given. */
  readonly tokens: readonly (readonly number[])[];
  readonly texts: readonly string[];
  /** [row][pos]; null for segment 0. */
  readonly segments: readonly (readonly number[])[] | null;
  /** Short names or full ones. */
  readonly sites: readonly string[];
  /** Whose prediction is shown; null for that of the mask token, else the last. */
  readonly position: number | "last" | null;
  /** Tokens shown of a prediction. */
  readonly top: number;
  readonly backend: BackendChoice;
  /** Whether all numbers are wanted, which then must fit into one text. */
  readonly json: boolean;
}

/** A tensor as JSON has it. */
interface Told {
  readonly shape: readonly number[];
  readonly data: TensorData;
}

/** Most numbers that are printed: a text of JavaScript ends at 2^29 characters, and a number may take 28. */
const numberLimit = 2 ** 24;

function rowsOf({ tokens, texts }: ModelRunOptions, model: OpenModel): readonly (readonly number[])[] {
  if (tokens.length > 0 && texts.length > 0)
    throw new ArgumentError({
      where: "--text",
      rule: "and --tokens each give the input",
      got: "both",
      wayOut: "Leave one of them out.",
    });
  if (tokens.length > 0) return checkTokens("--tokens", tokens, model.config);
  if (texts.length === 0)
    throw new ArgumentError({
      where: "palimpsest models run",
      rule: "needs an input",
      got: "none",
      wayOut: 'Give --text "…" or --tokens 1,2,3.',
    });
  const tokenizer = requireTokenizer(model, "--text");
  return checkTokens(
    "--text",
    texts.map((text) => tokenizer.encode(text).ids),
    model.config,
  );
}

function checkSegments(
  segments: ModelRunOptions["segments"],
  rows: readonly (readonly number[])[],
  { dSegments = 0 }: ModelConfig,
): void {
  if (segments === null) return;
  const refuse = (rule: string, got: string): never => {
    throw new ArgumentError({ where: "--segments", rule, got });
  };
  if (dSegments === 0) refuse("this model has no segments", "some");
  const same = segments.length === rows.length && segments.every((row, i) => row.length === rows[i].length);
  if (!same) refuse("must name a segment for every token", `${segments.length} rows for ${rows.length}`);
  const strange = segments.flat().find((segment) => segment >= dSegments);
  if (strange !== undefined) refuse(`the model knows the segments 0 to ${dSegments - 1}`, String(strange));
}

function checkAmount(config: ModelConfig, sites: readonly Site[], batch: number, pos: number): void {
  const numbers = sites.reduce(
    (sum, site) => sum + sizeOf(site.shape(batch, pos)),
    batch * pos * config.dVocab,
  );
  if (numbers <= numberLimit) return;
  throw new ArgumentError({
    where: "--json",
    rule: `prints at most ${numberLimit} numbers`,
    got: `${numbers} of logits${sites.length > 0 ? " and sites" : ""}`,
    wayOut: "Take fewer tokens or --sites; without --json nothing is that long.",
  });
}

/** Logits and sites of one run; only what is asked for is an output, so only that is kept. */
async function compute(
  session: Session,
  config: ModelConfig,
  rows: readonly (readonly number[])[],
  { segments, sites }: { segments: ModelRunOptions["segments"]; sites: readonly Site[] },
): Promise<{ logits: TensorData; sites: Map<string, TensorData> }> {
  const shape = [rows.length, rows[0].length];
  const outputs: Record<string, Node> = {};
  const wanted = new Set<string>(sites.map(({ name }) => name));
  const logits = forward(
    config,
    weightNodes(config),
    input("tokens", shape, "int32"),
    (name, node) => {
      if (wanted.has(name)) outputs[`site ${name}`] = node;
      return node;
    },
    {
      asked: wanted as ReadonlySet<Site["name"]>,
      ...(segments === null ? {} : { segments: input("segments", shape, "int32") }),
    },
  );
  const out = await session.compile(makeGraph({ outputs: { ...outputs, logits } })).run({
    tokens: Int32Array.from(rows.flat()),
    ...(segments === null ? {} : { segments: Int32Array.from(segments.flat()) }),
  });
  return { logits: out.logits, sites: new Map(sites.map(({ name }) => [name, out[`site ${name}`]])) };
}

const openSession = (backend: Backend) => (config: ModelConfig) => {
  const session = backend.open({ models: 1, states: Object.fromEntries(weightShapes(config)) });
  return { result: { session, config }, take: session.write };
};

/** How many numbers are NaN or infinite. */
function notFinite(values: TensorData): number {
  let count = 0;
  for (const value of values) if (!Number.isFinite(value)) count++;
  return count;
}

function checkPosition({ position }: ModelRunOptions, nPos: number): void {
  if (typeof position !== "number" || position < nPos) return;
  throw new ArgumentError({
    where: "--position",
    rule: `the input has the positions 0 to ${nPos - 1}`,
    got: String(position),
  });
}

/** Loads a model, runs it once and tells what it said. */
export async function runModel(options: ModelRunOptions, io: RunIo): Promise<Outcome> {
  const model = await openModel(options, io);
  try {
    const rows = rowsOf(options, model);
    const [batch, nPos] = [rows.length, rows[0].length];
    checkSegments(options.segments, rows, model.config);
    checkPosition(options, nPos);
    const sites = options.sites.length === 0 ? [] : sitesOf(options, model.config);
    if (options.json) checkAmount(model.config, sites, batch, nPos);
    const backend = await backendNamed(chosenBackend(options.backend, model.config));
    const { session, config } = await passWeights(model, io, openSession(backend));
    try {
      const { segments } = options;
      const found = await compute(session, config, rows, { segments, sites });
      const strange = notFinite(found.logits);
      const warnings = [
        ...(model.unreadFields.length === 0 ? [] : [unreadText(model.unreadFields)]),
        ...(strange === 0 ? [] : [strangeText(strange, found.logits.length)]),
      ];
      for (const warning of warnings) io.board.log(warning);
      const told = (site: Site, data: TensorData): Told => ({ shape: site.shape(batch, nPos), data });
      return {
        result: {
          logits: { shape: [batch, nPos, config.dVocab], data: found.logits },
          sites: Object.fromEntries(
            sites.map((site) => [site.name, told(site, found.sites.get(site.name) as TensorData)]),
          ),
          tokens: rows,
          model: {
            ...{ name: model.name, family: model.family, backend: backend.name },
            ...{ processing: model.processing, config, unreadFields: model.unreadFields },
          },
        },
        summary: [
          `${model.name}: ${model.family}, ${config.nLayers} layers, width ${config.dModel}, ${config.dVocab} tokens; backend ${backend.name}`,
          ...warnings,
          ...rows.flatMap((row, at) => ["", rowText(row, at, found.logits, { options, config, model })]),
          ...(sites.length === 0 ? [] : ["", siteTable(sites, found.sites, [batch, nPos])]),
        ]
          .flatMap((part) => (typeof part === "string" ? wrapped(part) : part))
          .join("\n"),
      };
    } finally {
      session.close();
    }
  } finally {
    await model.close();
  }
}

function sitesOf({ sites }: ModelRunOptions, config: ModelConfig): Site[] {
  return resolveSites(
    config,
    sites.map((site) => siteSelector(site, config)),
  );
}

const unreadText = (fields: readonly string[]) =>
  `config.json says ${fields.slice(0, 8).map(shownName).join(", ")}${fields.length > 8 ? ", …" : ""}, which is not known here and was not used.`;

const strangeText = (count: number, of: number) =>
  `${count} of ${of} logits are not finite numbers: the weights or the sums overflow, or the files hold such numbers.`;

/** The position whose prediction is shown: of the only mask token, else the last. */
function positionOf(
  row: readonly number[],
  position: ModelRunOptions["position"],
  tokenizer: Tokenizer | null,
) {
  if (typeof position === "number") return position;
  const mask = tokenizer?.roles.mask;
  const masked = row.flatMap((token, pos) => (token === mask ? [pos] : []));
  return position === null && masked.length === 1 ? masked[0] : row.length - 1;
}

function rowText(
  row: readonly number[],
  at: number,
  logits: TensorData,
  { options, config, model }: { options: ModelRunOptions; config: ModelConfig; model: OpenModel },
): string[] {
  const { tokenizer } = model;
  const { dVocab } = config;
  const pos = positionOf(row, options.position, tokenizer);
  const start = (at * row.length + pos) * dVocab;
  const logProbs = logProbabilities(logits.subarray(start, start + dVocab));
  const order = Array.from(logProbs.keys())
    .sort((a, b) => logProbs[b] - logProbs[a] || a - b)
    .slice(0, options.top);
  const what = config.causal ? `the token after position ${pos}` : `the token at position ${pos}`;
  return [
    ...wrapped(
      `row ${at}, ${row.length} tokens: ${row.map((token) => tokenShown(tokenizer, token)).join(" ")}`,
    ),
    ...aligned(
      [
        [what, "number", "probability"],
        ...order.map((token) => [
          tokenShown(tokenizer, token),
          String(token),
          decimals(Math.exp(logProbs[token]), 4),
        ]),
      ],
      { left: 1 },
    ),
  ];
}

function siteTable(
  sites: readonly Site[],
  values: ReadonlyMap<string, TensorData>,
  [batch, nPos]: readonly [batch: number, nPos: number],
): string[] {
  return aligned(
    [
      ["site", "axes", "shape", "mean", "not finite"],
      ...sites.map((site) => {
        const data = values.get(site.name) as TensorData;
        const strange = notFinite(data);
        let sum = 0;
        for (const value of data) if (Number.isFinite(value)) sum += value;
        return [
          site.name,
          site.axes.join(" "),
          site.shape(batch, nPos).join(" "),
          decimals(sum / (data.length - strange), 4),
          String(strange),
        ];
      }),
    ],
    { left: 2 },
  );
}
