/** Does a unit respond to a token at a position? Its activation there with the token, against without. */
import { randomStream } from "../../base/random.ts";
import type { Probe } from "../../data/probes.ts";
import { cellContrasts, cellGroups } from "../../features/cellContrasts.ts";
import { cellTest } from "../../features/cellTest.ts";
import { visitActivations } from "../../features/siteActivations.ts";
import { type UnitKind, unitName, unitNamed, unitSites } from "../../features/unitSites.ts";
import type { Network } from "../../interp/index.ts";
import { cohensD } from "../../stats/effectSize.ts";
import { mean } from "../../stats/moments.ts";
import { holm } from "../../stats/multiplicity.ts";
import { forestFigure } from "./drawing.ts";
import { type Judged, judgeCells, type Measured, marked } from "./judged.ts";
import { aligned, cellList, decimals, mark, pText, rangeText } from "./tables.ts";
import { unitProbe } from "./unitShares.ts";
import { cellRow, type Findings, type Inspection, nullText, openNull } from "./verb.ts";

/** The question: units, and a cell. */
export interface ContrastChoice {
  /** `L0N17`; null for all of the kind. */
  readonly unit: string | null;
  readonly kind: UnitKind;
  readonly token: number;
  readonly position: number;
  readonly blocks: number;
  readonly top: number;
}

/** Units that are asked, sites one after the other. */
interface Asked {
  readonly names: readonly string[];
  /** Of each unit: its site, the units of that site, and its place among them. */
  readonly places: readonly { readonly site: string; readonly units: number; readonly unit: number }[];
  readonly sites: readonly Parameters<typeof visitActivations>[2][number][];
}

function askedOf({ config }: Network, { unit, kind }: ContrastChoice): Asked {
  const chosen = unit === null ? null : unitNamed(config, unit);
  const sites = chosen === null ? unitSites(config).filter((site) => site.kind === kind) : [chosen.site];
  const all = sites.flatMap((site) =>
    Array.from({ length: site.units }, (_, at) => ({ name: unitName(site, at), site, unit: at })),
  );
  const kept = all.filter(({ name }) => unit === null || name === unit);
  return {
    names: kept.map(({ name }) => name),
    places: kept.map(({ site, unit }) => ({ site: site.site, units: site.units, unit })),
    sites: sites.map(({ site }) => site),
  };
}

/** The probe at one position only: what stands elsewhere is context. */
function atPosition(probe: Probe, position: number): Probe {
  const { tokens, nPos, count } = probe;
  const column = Int32Array.from({ length: count }, (_, sequence) => tokens[sequence * nPos + position]);
  return { ...probe, nPos: 1, tokens: column };
}

/** Activations of the asked units at the position, [model][sequence, unit]. */
async function activationsAt(
  network: Network,
  probe: Probe,
  position: number,
  asked: Asked,
): Promise<Float64Array[]> {
  const units = asked.names.length;
  const found = Array.from({ length: network.models }, () => new Float64Array(probe.count * units));
  await visitActivations(network, probe, asked.sites, ({ model, site, first, rows, values }) => {
    asked.places.forEach((place, unit) => {
      if (place.site !== site) return;
      for (let row = 0; row < rows; row++)
        found[model][(first + row) * units + unit] =
          values[(row * probe.nPos + position) * place.units + place.unit];
    });
  });
  return found;
}

/** Asks every unit of every network. */
export async function inspectContrast(inspection: Inspection, choice: ContrastChoice): Promise<Findings> {
  const { subject, network } = inspection;
  const { token, position } = choice;
  const probe = unitProbe(subject.config, choice.blocks);
  const here = atPosition(probe, position);
  const asked = askedOf(network, choice);
  const units = asked.names.length;
  const effects = (activations: readonly Float64Array[]): Measured => ({
    ...{ models: activations.length, cells: units, rows: 1 },
    values: activations.flatMap((values) => {
      const d = cellContrasts(values, here, { units });
      return Array.from({ length: units }, (_, unit) => d[unit * here.dVocab + token]);
    }),
  });
  const own = await activationsAt(network, probe, position, asked);
  const drawn = openNull(inspection, { cost: probe.count });
  const random = await drawn?.measured(async (other) =>
    effects(await activationsAt(other, probe, position, asked)),
  );
  const judged = judgeCells(effects(own), random ?? null, {
    direction: "two-sided",
    stream: randomStream("inspect", "units", "groups"),
  });
  const many = subject.seeds.length > 1;
  const tests = many ? null : testsOf(own[0], here, units, choice);
  const question = `token ${token} at position ${position}`;
  const cells = judged.map((one, unit) => ({ labels: [asked.names[unit]], judged: one }));
  return {
    draws: drawn?.models ?? 0,
    result: {
      ...{ token, position, probe: { sequences: probe.count, positions: probe.nPos, blocks: choice.blocks } },
      units: judged.map((one, unit) => ({
        ...cellRow(
          { unit: asked.names[unit] },
          tests === null ? one : { ...one, interval: tests[unit].interval },
        ),
        ...(tests === null ? {} : { permutation: tests[unit].permutation }),
      })),
    },
    text: [
      `Activation with ${question} less that without, in pooled standard deviations (Cohen's d), over ${probe.count} sequences that have every token equally often at every position`,
      "",
      tests === null
        ? cellList(cells, { heads: ["unit"], value: "d", top: choice.top, sorted: true, over: "seeds" })
        : testedList(asked.names, judged, tests, choice.top),
      "",
      ...(tests === null
        ? []
        : [
            `Holm: permutation p (tokens rotated within Latin blocks), corrected for ${units} units. A unit is a fixed function of its input, so nearly every unit responds a little; d says how much.`,
          ]),
      nullText(subject, drawn, { list: true }),
    ],
    figure: () =>
      forestFigure({
        name: "contrast",
        subject,
        question: `Do units respond to ${question}?`,
        axis: "Cohen's d",
        cells:
          tests === null
            ? cells
            : cells.map((cell, i) => ({ ...cell, judged: { ...cell.judged, interval: tests[i].interval } })),
        over: many ? "seeds" : "sequences",
        top: choice.top,
      }),
  };
}

/** A unit's answer in one network. */
interface Tested {
  /** 95 % interval of d over sequences. */
  readonly interval: readonly [number, number];
  readonly permutation: {
    readonly p: number;
    readonly holm: number;
    readonly draws: number;
    readonly meanWith: number;
    readonly meanWithout: number;
  };
}

/** Fewest permutations of a test, and so many for each unit that Holm's correction counts. */
const [DRAWS, DRAWS_PER_UNIT] = [999, 40];

function testsOf(values: Float64Array, probe: Probe, units: number, { token }: ContrastChoice): Tested[] {
  const draws = Math.max(DRAWS, DRAWS_PER_UNIT * units);
  const cells = { token: new Int32Array(units).fill(token), pos: new Int32Array(units) };
  const stream = randomStream("inspect", "units", "permutations");
  const { p } = cellTest(values, probe, { units, cells, draws, stream });
  const corrected = holm(p);
  return Array.from(p, (one, unit): Tested => {
    const { having, lacking } = cellGroups(values, probe, { units, unit, token, pos: 0 });
    const { low, high } = cohensD(having, lacking);
    return {
      interval: [low, high],
      permutation: {
        ...{ p: one, holm: corrected[unit], draws },
        ...{ meanWith: mean(having), meanWithout: mean(lacking) },
      },
    };
  });
}

function testedList(
  names: readonly string[],
  judged: readonly Judged[],
  tests: readonly Tested[],
  top: number,
): string[] {
  const size = (unit: number) => (Number.isNaN(judged[unit].estimate) ? -1 : Math.abs(judged[unit].estimate));
  const order = [...names.keys()].sort((a, b) => size(b) - size(a));
  const rest = names.length - Math.min(top, names.length);
  return [
    ...aligned([
      ["unit", "d ", "95 % over sequences", "null", "p", "Holm", "mean with", "without"],
      ...order.slice(0, top).map((unit) => {
        const { estimate, null: drawn, p } = judged[unit];
        const { interval, permutation } = tests[unit];
        return [
          names[unit],
          `${decimals(estimate, 2)}${marked(judged[unit]) ? mark : " "}`,
          rangeText(interval, 2),
          drawn === null ? "-" : `${decimals(drawn.median, 2)} ${rangeText([drawn.low, drawn.high], 2)}`,
          pText(p),
          pText(permutation.holm),
          decimals(permutation.meanWith, 3),
          decimals(permutation.meanWithout, 3),
        ];
      }),
    ]),
    ...(rest > 0 ? [`and ${rest} more (--top, --json)`] : []),
  ];
}
