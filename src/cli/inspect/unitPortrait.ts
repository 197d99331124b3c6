/** One unit of one network: the inputs that activate it most, and its mean activation in every cell. */
import { inputSpace, visibleRange } from "../../features/inputSpace.ts";
import { largestActivation, normalMaximum } from "../../features/largestActivation.ts";
import { visitActivations } from "../../features/siteActivations.ts";
import { topInputs } from "../../features/topInputs.ts";
import { unitNamed } from "../../features/unitSites.ts";
import { topInputs as topInputsFigure } from "../../figures/index.ts";
import type { Network } from "../../interp/index.ts";
import { figureSubject } from "./drawing.ts";
import type { Measured } from "./judged.ts";
import { aligned, decimals, digitsFor } from "./tables.ts";
import { unitProbe, unitTuning } from "./unitShares.ts";
import { type Findings, type Inspection, openNull } from "./verb.ts";

/** The unit, and how many inputs of it. */
export interface PortraitChoice {
  /** `L0N17` */
  readonly unit: string;
  readonly blocks: number;
  readonly top: number;
}

/** Most inputs that are kept, whatever `--top` says. */
const MOST = 100;

/** How far the unit's largest activation stands out, in its own standard deviations, in every network. */
async function standingOut(network: Network, { unit, blocks }: PortraitChoice): Promise<Measured> {
  const { site, unit: at } = unitNamed(network.config, unit);
  const probe = unitProbe(network.config, blocks);
  const found = Array.from({ length: network.models }, () => new Float64Array(probe.count * probe.nPos));
  await visitActivations(network, probe, [site.site], ({ model, first, rows, values }) => {
    for (let place = 0; place < rows * probe.nPos; place++)
      found[model][first * probe.nPos + place] = values[place * site.units + at];
  });
  const values = found.map((own) => largestActivation(own, 1).sds[0]);
  return { models: network.models, cells: 1, rows: 1, values };
}

/** Finds a unit's strongest inputs, among all where they are few, else in the probe. */
export async function inspectPortrait(inspection: Inspection, choice: PortraitChoice): Promise<Findings> {
  const { subject, network } = inspection;
  const { config } = subject;
  const { site, unit } = unitNamed(config, choice.unit);
  const probe = unitProbe(config, choice.blocks);
  const { nPos } = probe;
  const space = inputSpace(config, nPos);
  const search = topInputs({
    units: 1,
    most: Math.min(choice.top, MOST),
    nPos,
    visible: (pos) => visibleRange(config, nPos, pos),
  });
  const sample = new Float64Array(probe.count * nPos);
  const one = (values: ArrayLike<number>) =>
    Float64Array.from({ length: values.length / site.units }, (_, at) => values[at * site.units + unit]);
  const { sequences } = space;
  if (sequences !== undefined)
    await visitActivations(network, sequences, [site.site], ({ first, values }) =>
      search.offer({
        ...{ tokens: sequences.tokens, nPos: sequences.nPos, first, values: one(values) },
        ...{ counts: space.fresh, source: 0 },
      }),
    );
  await visitActivations(network, probe, [site.site], ({ first, values }) => {
    sample.set(one(values), first * nPos);
    search.offer({
      ...{ tokens: probe.tokens, nPos, first, values: one(values) },
      ...{ counts: (_: number, pos: number) => pos >= space.searched, source: 1 },
    });
  });
  const top = search.result();
  const { sds, median, high } = largestActivation(sample, 1);
  const drawn = openNull(inspection, { cost: probe.count });
  const standing = await drawn?.measured((other) => standingOut(other, choice));
  const random = Array.from(standing?.values ?? [])
    .filter(Number.isFinite)
    .sort((a, b) => a - b);
  const lower = random.filter((other) => other < sds[0]).length / random.length;
  const { shares, cellMeans } = (await unitTuning(network, [site], probe))[0];
  const cells = Array.from(cellMeans[unit]);
  const inputs = Array.from({ length: top.found[0] }, (_, rank) => ({
    activation: top.activation[rank],
    position: top.pos[rank],
    tokens: Array.from(top.tokens.subarray(rank * nPos, (rank + 1) * nPos)),
    exhaustive: top.source[rank] === 0,
  }));
  const searched =
    space.searched === nPos
      ? `all ${space.inputs} inputs`
      : `${space.searched === 0 ? "" : `all ${space.inputs} inputs of the first ${space.searched} positions and `}a sample of ${probe.count} sequences`;
  const normal = normalMaximum(sample.length, 0.975);
  return {
    draws: drawn?.models ?? 0,
    result: {
      unit: choice.unit,
      ...{ searched, inputs, usual: { median: median[0], high: high[0] } },
      largest: {
        sds: sds[0],
        normal975: normal,
        random: { networks: random.length, below: random.length === 0 ? null : lower },
      },
      shares: Object.fromEntries(Object.entries(shares).map(([source, values]) => [source, values[unit]])),
      cellMeans: Array.from({ length: config.dVocab }, (_, token) =>
        cells.slice(token * nPos, (token + 1) * nPos),
      ),
    },
    text: [
      `${choice.unit}: the inputs that activate it most, of ${searched}; ${decimals(median[0], 2)} is usual, ${decimals(high[0], 2)} rare (5 %)`,
      "",
      inputs.length === 0
        ? ["No input stands out: the unit says the same to every one."]
        : inputLines(inputs),
      "",
      `The largest is ${decimals(sds[0], 1)} standard deviations above the mean. Normal noise of as many values stays below ${decimals(normal, 1)} in 97.5 %${
        random.length === 0
          ? ""
          : `; of ${random.length} random networks, ${decimals(100 * lower, 0)} % have less at this unit`
      }.`,
      "",
      `Mean activation by token and position; shares of variance: ${Object.entries(shares)
        .map(([source, values]) => `${source} ${decimals(values[unit], 2)}`)
        .join(", ")}`,
      "",
      cellTable(cells, nPos),
    ],
    figure: () =>
      topInputsFigure({
        subject: figureSubject(subject),
        // what a position cannot see is a token of its own
        tokens: Array.from({ length: config.dVocab + 1 }, (_, token) =>
          token === config.dVocab ? "·" : String(token),
        ),
        searched,
        units: [
          {
            name: choice.unit,
            inputs: inputs.map(({ tokens, position, activation }) => ({
              tokens: tokens.map((token) => (token < 0 ? config.dVocab : token)),
              pos: position,
              activation,
            })),
            usual: { median: median[0], high: high[0] },
          },
        ],
      }),
  };
}

function inputLines(
  inputs: readonly { activation: number; position: number; tokens: readonly number[] }[],
): string[] {
  const digits = digitsFor(inputs.map(({ activation }) => activation));
  return aligned([
    ["activation", "at position", "input"],
    ...inputs.map(({ activation, position, tokens }) => [
      decimals(activation, digits),
      String(position),
      // what the position cannot see is left out; the token that it stands at is in brackets
      tokens
        .map((token, pos) => (token < 0 ? " . " : pos === position ? `[${token}]` : ` ${token} `))
        .join(""),
    ]),
  ]);
}

function cellTable(cells: readonly number[], nPos: number): string[] {
  const digits = digitsFor(cells);
  return aligned([
    ["token \\ position", ...Array.from({ length: nPos }, (_, pos) => String(pos))],
    ...Array.from({ length: cells.length / nPos }, (_, token) => [
      String(token),
      ...cells.slice(token * nPos, (token + 1) * nPos).map((value) => decimals(value, digits)),
    ]),
  ]);
}
