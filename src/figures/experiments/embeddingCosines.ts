/** How similar the embeddings of different tokens or positions are. */
import { signedScale } from "../colorScale.ts";
import type { FigureSpec, Panel } from "../figure.ts";
import { heatMapPanel } from "../heatMaps.ts";
import { histogramPanel } from "../histogram.ts";
import { fixed, intervalText, listed } from "../numberText.ts";
import { type Band, type Subject, subjectColor, subjectSeeds, subjectSlug } from "../subject.ts";

/** What {@link embeddingCosines} draws. */
export interface EmbeddingCosinesData {
  subject: Subject;
  /** Each table is a heat map and a histogram: `token embeddings`, `position embeddings`. */
  tables: readonly {
    title: string;
    labels: readonly string[];
    /** Cosine of every pair, [row][row], row-major. */
    cosines: ArrayLike<number>;
    /** Share of pairs in each bin for random tables of the same size: middle 95 %. Bins are equal, from −1 to 1. */
    null: { low: ArrayLike<number>; high: ArrayLike<number>; largest: Band };
  }[];
  /** What the null is: `normal vectors of the same dimension`. */
  nullName: string;
}

type Table = EmbeddingCosinesData["tables"][number];

/** Every pair of different rows once, the most similar first. */
function pairsOf({ labels, cosines }: Table) {
  return labels
    .flatMap((a, i) =>
      labels.slice(i + 1).map((b, j) => ({ a, b, cosine: cosines[i * labels.length + i + 1 + j] })),
    )
    .filter(({ cosine }) => Number.isFinite(cosine))
    .sort((x, y) => y.cosine - x.cosine);
}

/** Shares of the pairs in as many equal bins from −1 to 1 as the null has. */
function sharesOf(pairs: readonly { cosine: number }[], bins: number): number[] {
  const counts = new Array<number>(bins).fill(0);
  for (const { cosine } of pairs) {
    const bin = Math.floor(((cosine + 1) / 2) * bins);
    counts[Math.max(0, Math.min(bins - 1, bin))] += 1 / pairs.length;
  }
  return counts;
}

function panelsOf(table: Table, color: string): Panel[] {
  const pairs = pairsOf(table);
  const [first, last] = [pairs[0], pairs[pairs.length - 1]];
  const extremes =
    first === undefined
      ? "no pairs"
      : `most similar ${first.a} and ${first.b}, ${fixed(first.cosine)}; most opposed ${last.a} and ${last.b}, ${fixed(last.cosine)}`;
  const bins = table.null.low.length;
  const size = table.labels.length;
  return [
    heatMapPanel({
      title: table.title,
      description: `cosine of every pair of ${size}; ${extremes}`,
      maps: [
        {
          title: "",
          // a row with itself is 1 by definition: blank
          values: Array.from(table.cosines, (cosine, i) =>
            Math.floor(i / size) === i % size ? Number.NaN : cosine,
          ),
        },
      ],
      rows: { title: "", labels: table.labels },
      columns: { title: "", labels: table.labels },
      scale: signedScale([1]),
      legend: {
        title: "cosine",
        ticks: [
          { value: -1, label: "−1" },
          { value: 0, label: "0" },
          { value: 1, label: "1" },
        ],
      },
    }),
    histogramPanel({
      title: `${table.title}, pairs`,
      description: `distribution of ${pairs.length} cosines; ${extremes}; largest in the null ${intervalText([table.null.largest.low, table.null.largest.high])}`,
      edges: Array.from({ length: bins + 1 }, (_, i) => -1 + (2 * i) / bins),
      shares: sharesOf(pairs, bins),
      band: table.null,
      axis: "cosine",
      of: "pairs",
      color,
    }),
  ];
}

/** Figure: cosines of every pair as a map and as a histogram over the null. */
export function embeddingCosines(data: EmbeddingCosinesData): FigureSpec {
  const findings = data.tables.flatMap((table) => {
    const [first] = pairsOf(table);
    if (first === undefined) return [];
    const { low, high } = table.null.largest;
    return [
      `the most similar ${table.title} (${first.a}, ${first.b}) have ${fixed(first.cosine)}, in random tables ${fixed(low)} to ${fixed(high)}`,
    ];
  });
  return {
    name: subjectSlug("embedding-cosines", data.subject),
    title: `${data.subject.name}: ${findings.join("; ") || "there is no pair of embeddings"}.`,
    question: "Are some embeddings more alike than random vectors are?",
    seeds: subjectSeeds(data.subject),
    nullModel: `grey band: ${data.nullName}, middle 95 % by bin${
      data.tables.length === 0
        ? "."
        : `; their largest cosine ${listed(data.tables.map(({ title, null: { largest } }) => `${intervalText([largest.low, largest.high])} (${title})`))}.`
    }`,
    reading:
      "Map: red pairs point the same way, blue ones opposite ways. Outline: share of pairs in each bin.",
    panels: data.tables.flatMap((table) => panelsOf(table, subjectColor(data.subject))),
  };
}
