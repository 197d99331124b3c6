/** Figures of tests: responses to structured sequences, and preferences found on one half and tested on the other. */
import type { RandomStream } from "../../src/base/random.ts";
import * as figures from "../../src/figures/index.ts";
import { type Network, runWithCache } from "../../src/interp/index.ts";
import { hook } from "../../src/model/index.ts";
import { holm, mean, sd, variance } from "../../src/stats/index.ts";
import {
  activationsOf,
  band,
  cells,
  config,
  type Measured,
  nPos,
  probe,
  range,
  sequences,
  stream,
  subject,
} from "./population.ts";

const V = config.dVocab;
/** Every family, with one sequence a starting token. */
const families: Readonly<Record<string, (start: number, pos: number) => number>> = {
  ascending: (start, pos) => (start + pos) % V,
  descending: (start, pos) => (start + V - (pos % V)) % V,
  constant: (start) => start,
  alternating: (start, pos) => (pos % 2 === 0 ? start : (start + 3) % V),
  palindromic: (start, pos) => (start + 2 * Math.min(pos, nPos - 1 - pos)) % V,
  repeated: (start, pos) => (start + 4 * (pos % 3)) % V,
};

/** Starting tokens of each family. */
const starts = range(3);

/** Mean activation over sequences and positions of a family, against as many random sequences. */
export async function structuredResponses(network: Network) {
  const inputs = Object.values(families).flatMap((family) =>
    starts.map((start) => range(nPos).map((pos) => family(start, pos))),
  );
  const own = stream.child("structured");
  const draws = 100;
  const random = range(draws * starts.length).map(() => range(nPos).map(() => own.integer(V)));
  const { cache } = await runWithCache(network, [...inputs, ...random], { sites: [hook.mlpPost("all")] });
  const critical = 1.96;
  const groups = range(config.nLayers).map((layer) => {
    const { data } = cache.get(`blocks.${layer}.mlp.hook_post`, { model: 0 });
    // mean over a set of sequences and their positions, [set][unit]
    const places = starts.length * nPos;
    const means = range(Object.keys(families).length + draws).map((set) =>
      range(config.dMlp).map((unit) =>
        mean(range(places).map((i) => data[(set * places + i) * config.dMlp + unit])),
      ),
    );
    const units = range(config.dMlp).map((unit) => {
      const usual = means.slice(-draws).map((row) => row[unit]);
      const [centre, spread] = [mean(usual), sd(usual)];
      return {
        name: figures.unitName(layer, unit),
        z: Object.keys(families).map((_, i) =>
          spread > 0 ? (means[i][unit] - centre) / spread : Number.NaN,
        ),
      };
    });
    const beyond = Object.keys(families).map(
      (_, i) => units.filter(({ z }) => Math.abs(z[i]) > critical).length / units.length,
    );
    return { title: `layer ${layer} · MLP`, units, beyond };
  });
  return figures.structuredResponses({
    subject,
    families: Object.keys(families),
    groups,
    critical,
    level: 0.05,
  });
}

/** Cohen's d of the samples in a cell against all others, with a normal interval. */
function cohen(values: readonly number[], inCell: readonly boolean[]) {
  const [a, b] = [values.filter((_, i) => inCell[i]), values.filter((_, i) => !inCell[i])];
  const [n, m] = [a.length, b.length];
  const pooled = Math.sqrt(((n - 1) * variance(a) + (m - 1) * variance(b)) / (n + m - 2));
  const estimate = (mean(a) - mean(b)) / pooled;
  const half = 1.96 * Math.sqrt(1 / n + 1 / m + estimate ** 2 / (2 * (n + m)));
  return { estimate, low: estimate - half, high: estimate + half };
}

/** The samples of one half of the probe, each with its cell. */
function halfSamples(values: ArrayLike<number>, half: number) {
  const rows = range(probe.count).filter((row) => probe.half[row] === half);
  return rows.flatMap((row) =>
    range(nPos).map((pos) => ({ value: values[row * nPos + pos], cell: sequences[row][pos] * nPos + pos })),
  );
}

function preferredCell(samples: readonly { value: number; cell: number }[]): number {
  const sums = new Float64Array(cells);
  for (const { value, cell } of samples) sums[cell] += value;
  return sums.indexOf(Math.max(...sums));
}

const effectOf = (samples: readonly { value: number; cell: number }[], cell: number) =>
  cohen(
    samples.map(({ value }) => value),
    samples.map((sample) => sample.cell === cell),
  );

const shuffled = (samples: readonly { value: number; cell: number }[], own: RandomStream) => {
  const order = own.permutation(samples.length);
  return samples.map(({ value }, i) => ({ value, cell: samples[order[i]].cell }));
};

/** The strongest cell of every eighth neuron: found on one half of the probe, tested on the other. */
export function effectSizes(all: Measured) {
  const permutations = 499;
  const chance: number[] = [];
  const found = range(config.nLayers).flatMap((layer) =>
    range(config.dMlp / 8).flatMap((i) => {
      const unit = 8 * i;
      const values = activationsOf(all, layer, unit);
      const [selecting, testing] = [halfSamples(values, 0), halfSamples(values, 1)];
      if (!(sd(values) > 0)) return [];
      const cell = preferredCell(selecting);
      const tested = effectOf(testing, cell);
      const own = stream.child("effects", layer, unit);
      const nulls = range(permutations).map(() => {
        const samples = shuffled(testing, own);
        return mean(samples.filter((sample) => sample.cell === cell).map(({ value }) => value));
      });
      const observed = mean(testing.filter((sample) => sample.cell === cell).map(({ value }) => value));
      chance.push(effectOf(shuffled(testing, own), preferredCell(shuffled(selecting, own))).estimate);
      return [
        {
          unit: figures.unitName(layer, unit),
          cell: `token ${Math.floor(cell / nPos)} at ${cell % nPos}`,
          selected: effectOf(selecting, cell),
          tested,
          p: (1 + nulls.filter((value) => value >= observed).length) / (1 + permutations),
        },
      ];
    }),
  );
  const corrected = holm(found.map(({ p }) => p));
  return figures.effectSizes({
    subject,
    effects: found.map((effect, i) => ({ ...effect, p: corrected[i] })),
    null: band(chance),
    correction: `Holm over ${found.length} hypotheses`,
    alpha: 0.05,
  });
}
