/** What every unit of a network is tuned to: shares of its variance, and the token and position that it prefers. */
import { randomStream } from "../../base/random.ts";
import { latinBlocks, type Probe } from "../../data/probes.ts";
import { cellEffects, squaredNorm } from "../../features/cellEffects.ts";
import { visitActivations } from "../../features/siteActivations.ts";
import { type UnitKind, type UnitSite, unitName, unitSites } from "../../features/unitSites.ts";
import { type Source, sources } from "../../features/varianceComponents.ts";
import type { Network } from "../../interp/index.ts";
import type { ModelConfig } from "../../model/config.ts";
import { forestFigure } from "./drawing.ts";
import { type Judged, judgeCells, type Measured, marked } from "./judged.ts";
import { aligned, cellList, decimals, mark } from "./tables.ts";
import { cellRow, type Findings, type Inspection, nullText, openNull } from "./verb.ts";

/** Which units, on how long a probe. */
export interface SharesChoice {
  readonly kind: UnitKind;
  /** Latin blocks of the probe. */
  readonly blocks: number;
  readonly top: number;
}

/** Sequences that every token stands in equally often at every position, for networks of these sizes. */
export function unitProbe({ dVocab, nCtx }: ModelConfig, blocks: number): Probe {
  const stream = randomStream("inspect", "units", "probe");
  return latinBlocks({ dVocab, nPos: Math.max(1, nCtx - 1), blocks, stream });
}

/** Tuning of the units of one kind of one network, layers one after the other. */
export interface Tuning {
  /** eta², NaN for a unit that does not vary, [source][unit]. */
  readonly shares: Readonly<Record<Source, Float64Array>>;
  /** Level with the largest mean activation, −1 for a unit that does not vary, [unit]. */
  readonly token: Int32Array;
  readonly position: Int32Array;
  /** Mean activation in every cell, [unit][token, pos]. */
  readonly cellMeans: readonly Float64Array[];
}

/** A total below this share of Σ a² is rounding of float32 activations. */
const CONSTANT = 1e-12;

/** Tuning of every model, from cell sums over the probe. */
export async function unitTuning(
  network: Network,
  sites: readonly UnitSite[],
  probe: Probe,
): Promise<Tuning[]> {
  const { tokens, count, nPos, dVocab } = probe;
  const cells = dVocab * nPos;
  const units = sites.reduce((sum, site) => sum + site.units, 0);
  const sums = Array.from({ length: network.models }, () => new Float64Array(units * cells));
  const squares = Array.from({ length: network.models }, () => new Float64Array(units));
  const starts = new Map<string, number>();
  let start = 0;
  for (const site of sites) {
    starts.set(site.site, start);
    start += site.units;
  }
  const names = sites.map(({ site }) => site);
  await visitActivations(network, probe, names, ({ model, site, first, rows, values }) => {
    const own = values.length / (rows * nPos);
    const from = starts.get(site) as number;
    for (let at = 0; at < values.length; at++) {
      const place = Math.floor(at / own);
      const unit = from + (at % own);
      const pos = place % nPos;
      const token = tokens[(first + Math.floor(place / nPos)) * nPos + pos];
      sums[model][unit * cells + token * nPos + pos] += values[at];
      squares[model][unit] += values[at] * values[at];
    }
  });
  const replicates = count / dVocab;
  return sums.map((ofModel, model) => tuningOf(ofModel, squares[model], { cells, nPos, replicates }));
}

function tuningOf(
  sums: Float64Array,
  squares: Float64Array,
  { cells, nPos, replicates }: { cells: number; nPos: number; replicates: number },
): Tuning {
  const units = squares.length;
  const dVocab = cells / nPos;
  const shares = Object.fromEntries(sources.map((source) => [source, new Float64Array(units)])) as Record<
    Source,
    Float64Array
  >;
  const token = new Int32Array(units).fill(-1);
  const position = new Int32Array(units).fill(-1);
  const cellMeans: Float64Array[] = [];
  for (let unit = 0; unit < units; unit++) {
    const table = sums.subarray(unit * cells, (unit + 1) * cells).map((sum) => sum / replicates);
    cellMeans.push(table);
    const effects = cellEffects(table, nPos);
    const between = replicates * squaredNorm(effects.all);
    const raw = squares[unit];
    const context = Math.max(0, raw - replicates * squaredNorm(table));
    const total = between + context;
    const varies = total > CONSTANT * raw;
    shares.token[unit] = (replicates * nPos * squaredNorm(effects.token)) / total;
    shares.position[unit] = (replicates * dVocab * squaredNorm(effects.position)) / total;
    shares.interaction[unit] = (replicates * squaredNorm(effects.interaction)) / total;
    shares.context[unit] = context / total;
    if (!varies) for (const source of sources) shares[source][unit] = Number.NaN;
    else {
      token[unit] = largestAt(effects.token);
      position[unit] = largestAt(effects.position);
    }
  }
  return { shares, token, position, cellMeans };
}

const largestAt = (values: Float64Array) =>
  values.reduce((best, value, i) => (value > values[best] ? i : best), 0);

/** Token and position shares of every unit, [model, unit · 2]. */
function unitCells(tunings: readonly Tuning[]): Measured {
  const cells = 2 * tunings[0].token.length;
  const values = tunings.flatMap(({ shares }) =>
    Array.from({ length: cells }, (_, i) => shares[i % 2 === 0 ? "token" : "position"][Math.floor(i / 2)]),
  );
  return { models: tunings.length, cells, rows: 1, values };
}

/** Means over the units of a layer, [model, layer · source]; dead units are left out. */
function layerCells(tunings: readonly Tuning[], sites: readonly UnitSite[]): Measured {
  const values = tunings.flatMap(({ shares }) => {
    let start = 0;
    return sites.flatMap(({ units }) => {
      const own = sources.map((source) => {
        const alive = shares[source].subarray(start, start + units).filter(Number.isFinite);
        return alive.reduce((sum, share) => sum + share / alive.length, 0);
      });
      start += units;
      return own;
    });
  });
  return { models: tunings.length, cells: sites.length * sources.length, rows: 1, values };
}

/** The units of one kind: one by one in a single network, layer means over several. */
export async function inspectShares(
  inspection: Inspection,
  { kind, blocks, top }: SharesChoice,
): Promise<Findings> {
  const { subject, network } = inspection;
  const { config, seeds } = subject;
  const probe = unitProbe(config, blocks);
  const sites = unitSites(config).filter((site) => site.kind === kind);
  const drawn = openNull(inspection, { cost: probe.count });
  const own = await unitTuning(network, sites, probe);
  const many = seeds.length > 1;
  const measured = (tunings: readonly Tuning[]) => (many ? layerCells(tunings, sites) : unitCells(tunings));
  const random = await drawn?.measured(async (other) => measured(await unitTuning(other, sites, probe)));
  const judged = judgeCells(measured(own), random ?? null, {
    direction: "greater",
    stream: randomStream("inspect", "units", "groups"),
  });
  const said = `Variance of ${kindText[kind]} over ${probe.count} sequences that have every token equally often at every position`;
  const told = many ? layerFindings(sites, judged) : unitFindings(sites, own[0], judged, top);
  return {
    draws: drawn?.models ?? 0,
    result: { kind, probe: { sequences: probe.count, positions: probe.nPos, blocks }, ...told.result },
    text: [
      `${said}: the shares that token, position, their interaction and the context explain`,
      "",
      told.lines,
      "",
      nullText(subject, drawn, { list: many }),
    ],
    figure: () =>
      forestFigure({
        name: `units-${kind}`,
        subject,
        question: "How much of what units do does the token, or the position, explain?",
        axis: "share of variance",
        cells: told.cells,
        over: many ? "seeds" : null,
        top,
      }),
  };
}

const kindText: Readonly<Record<UnitKind, string>> = {
  neuron: "MLP neurons",
  residual: "residual dimensions",
  head: "head outputs",
};

function layerFindings(sites: readonly UnitSite[], judged: readonly Judged[]) {
  const places = sites.flatMap(({ layer }) => sources.map((source) => ({ layer, source })));
  const cells = judged.map((one, i) => ({
    labels: [`L${places[i].layer}`, places[i].source],
    judged: one,
  }));
  return {
    result: { layers: judged.map((one, i) => cellRow(places[i], one)) },
    cells,
    lines: cellList(cells, {
      heads: ["layer", "source"],
      value: "share",
      top: cells.length,
      sorted: false,
      over: "seeds",
    }),
  };
}

function unitFindings(
  sites: readonly UnitSite[],
  { shares, token, position }: Tuning,
  judged: readonly Judged[],
  top: number,
) {
  const names = sites.flatMap((site) =>
    Array.from({ length: site.units }, (_, unit) => unitName(site, unit)),
  );
  const largest = (unit: number) => Math.max(judged[2 * unit].estimate, judged[2 * unit + 1].estimate);
  const alive = [...names.keys()].filter((unit) => token[unit] >= 0);
  const order = alive.toSorted((a, b) => largest(b) - largest(a));
  const share = (one: Judged) => `${decimals(one.estimate, 2)}${marked(one) ? mark : " "}`;
  const out = order
    .slice(top)
    .filter((unit) => marked(judged[2 * unit]) || marked(judged[2 * unit + 1])).length;
  const rest = order.length - Math.min(top, order.length);
  const dead = names.length - alive.length;
  return {
    result: {
      units: names.map((name, unit) => ({
        unit: name,
        ...(token[unit] < 0
          ? { dead: true }
          : {
              dead: false,
              prefers: { token: token[unit], position: position[unit] },
              token: cellRow({}, judged[2 * unit]),
              position: cellRow({}, judged[2 * unit + 1]),
              interaction: shares.interaction[unit],
              context: shares.context[unit],
            }),
      })),
    },
    cells: order.flatMap((unit) => [
      { labels: [names[unit], "token"], judged: judged[2 * unit] },
      { labels: [names[unit], "position"], judged: judged[2 * unit + 1] },
    ]),
    lines: [
      ...aligned([
        ["unit", "prefers token", "token ", "prefers position", "position ", "interaction", "context"],
        ...order
          .slice(0, top)
          .map((unit) => [
            names[unit],
            String(token[unit]),
            share(judged[2 * unit]),
            String(position[unit]),
            share(judged[2 * unit + 1]),
            decimals(shares.interaction[unit], 2),
            decimals(shares.context[unit], 2),
          ]),
      ]),
      ...(rest > 0 ? [`and ${rest} more${out > 0 ? `, ${out} of them marked` : ""} (--top, --json)`] : []),
      ...(dead > 0 ? [`${dead} units say the same to every input.`] : []),
    ],
  };
}
