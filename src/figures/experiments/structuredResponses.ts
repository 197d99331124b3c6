/** Whether units respond to structure: families of sequences against random ones. */
import type { FigureSpec, Panel } from "../figure.ts";
import { heatMapPanel } from "../heatMaps.ts";
import { fixed, listed, percent } from "../numberText.ts";
import { type Subject, subjectSeeds, subjectSlug } from "../subject.ts";

/** What {@link structuredResponses} draws. */
export interface StructuredResponsesData {
  subject: Subject;
  /** `ascending`, `descending`, … */
  families: readonly string[];
  groups: readonly {
    /** E.g. `layer 0 · MLP`. */
    title: string;
    /** z of each family against the spread over random sequences, [family]. */
    units: readonly { name: string; z: ArrayLike<number> }[];
    /** Share of units beyond `critical`, [family]. */
    beyond: ArrayLike<number>;
  }[];
  /** |z| that random sequences exceed with the chance `level`. */
  critical: number;
  /** Chance of a random sequence, e.g. 0.05. */
  level: number;
}

type Group = StructuredResponsesData["groups"][number];

/** Rows of a panel at most: the units with the largest |z|. */
const mostRows = 40;
/** Colours reach to this many times the critical z; a few large ones would else take them from all the others. */
const colorReach = 3;

const largestZ = ({ z }: Group["units"][number]) =>
  Array.from(z, Math.abs)
    .filter(Number.isFinite)
    .reduce((a, b) => Math.max(a, b), 0);

function panelOf(data: StructuredResponsesData, group: Group): Panel {
  const { families, critical } = data;
  const units = group.units.toSorted((a, b) => largestZ(b) - largestZ(a)).slice(0, mostRows);
  const limit = colorReach * critical;
  const shares = families.map((family, i) => `${family} ${percent(group.beyond[i])}`);
  return heatMapPanel({
    title: group.title,
    description: `share of units beyond |z| ${fixed(critical)}: ${shares.join(", ")}; strongest: ${units
      .slice(0, 3)
      .map((unit) => `${unit.name} |z| ${fixed(largestZ(unit), 1)}`)
      .join(", ")}`,
    maps: [{ title: "", values: units.flatMap(({ z }) => families.map((_, i) => z[i])) }],
    rows: { title: "", labels: units.map(({ name }) => name) },
    columns: { title: "%: units beyond the null", labels: shares, upwards: true },
    scale: { kind: "signed", limit },
    legend: {
      title: "z against random sequences",
      ticks: [
        { value: 0, label: "0" },
        { value: critical, label: fixed(critical) },
        { value: -critical, label: fixed(-critical) },
        { value: limit, label: `≥ ${fixed(limit, 0)}` },
        { value: -limit, label: `≤ ${fixed(-limit, 0)}` },
      ],
    },
    maxCell: 24,
    cellHeight: 12,
    cellText: (value) => ({ text: Math.abs(value) > critical ? fixed(value, 0) : "" }),
  });
}

/** Figure: units × families, coloured by z, with the share of units beyond the band of random sequences. */
export function structuredResponses(data: StructuredResponsesData): FigureSpec {
  const cells = data.groups.flatMap(({ title, beyond }) =>
    data.families.map((family, i) => ({ title, family, share: beyond[i] })),
  );
  const [most] = cells.filter(({ share }) => Number.isFinite(share)).toSorted((a, b) => b.share - a.share);
  const cut = data.groups.some(({ units }) => units.length > mostRows);
  return {
    name: subjectSlug("structured-responses", data.subject),
    title:
      most === undefined
        ? `${data.subject.name}: no response was measured.`
        : `${data.subject.name}: ${most.family} sequences move most units, ${percent(most.share)} (${most.title}) beyond the null; by chance ${percent(data.level)} would be.`,
    question: `Do units respond to structure (${listed(data.families)}) more than to some random sequence?`,
    seeds: subjectSeeds(data.subject),
    nullModel: `random sequences: ${percent(data.level)} of them are beyond |z| = ${fixed(data.critical)}, so ${percent(data.level)} of the units are expected there for every family.`,
    reading: `z: mean activation over a family, less the mean of random sequences, by their standard deviation; its number stands where it is beyond the null. Units with the largest |z| on top.${
      cut ? ` The first ${mostRows} units are shown, shares are of all.` : ""
    }`,
    panels: data.groups.map((group) => panelOf(data, group)),
  };
}
