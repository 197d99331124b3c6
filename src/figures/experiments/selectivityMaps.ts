/** What the units of a layer prefer: units × tokens and units × positions, sorted by preference. */
import { signedScale } from "../colorScale.ts";
import type { FigureSpec, Panel } from "../figure.ts";
import { heatMapPanel } from "../heatMaps.ts";
import { fixed, intervalText, listed, percent } from "../numberText.ts";
import type { Factor } from "../population.ts";
import { meanFinite } from "../spread.ts";
import { type Band, type Subject, subjectSeeds, subjectSlug } from "../subject.ts";
import { longestLabel } from "../textWidth.ts";
import { fontSize } from "../theme.ts";

/** One unit of {@link SelectivityMapsData}. */
export interface SelectiveUnit {
  /** `L0N17` */
  name: string;
  /** Its token or position curve, mean activation at each level, [token] or [pos]. */
  curve: ArrayLike<number>;
  /** Share of the unit's variance that the factor explains, in [0, 1]; NaN for a dead unit. */
  share: number;
}

/** What {@link tokenSelectivity} and {@link positionSelectivity} draw. */
export interface SelectivityMapsData {
  subject: Subject;
  /** Labels of the tokens, or of the positions. */
  levels: readonly string[];
  /** Each group is a panel, e.g. `layer 0 · MLP`. */
  groups: readonly {
    title: string;
    units: readonly SelectiveUnit[];
    /** Middle 90 % of the share where nothing but chance decides, e.g. random projections of random embeddings. */
    null: Band;
  }[];
  /** What the null is: `random projections of random embeddings through layer norm and ReLU`. */
  nullName: string;
}

type Group = SelectivityMapsData["groups"][number];

/** Rows of a panel at most; of a wider layer the units with the largest shares are shown. */
const mostRows = 64;
const rowHeight = 10;

/** A unit's curve about its mean, in units of its largest deviation. */
interface Preference extends SelectiveUnit {
  deviations: number[];
  /** Index of the level with the largest mean; −1 for a unit that does not change. */
  preferred: number;
}

function preferenceOf(unit: SelectiveUnit, levels: number): Preference {
  const curve = Array.from({ length: levels }, (_, i) => unit.curve[i]);
  const mean = meanFinite(curve);
  const centred = curve.map((value) => value - mean);
  const largest = centred
    .map(Math.abs)
    .filter(Number.isFinite)
    .reduce((a, b) => Math.max(a, b), 0);
  const highest = Math.max(...centred.filter(Number.isFinite));
  return {
    ...unit,
    deviations: centred.map((value) => (largest > 0 ? value / largest : 0)),
    preferred: largest > 0 ? centred.indexOf(highest) : -1,
  };
}

const shareRank = ({ share }: SelectiveUnit) => (Number.isFinite(share) ? share : -1);

/** The units to show: by preferred level, then from the most selective down; silent units last. */
function sorted({ units }: Group, levels: number): Preference[] {
  const place = ({ preferred }: Preference) => (preferred < 0 ? levels : preferred);
  return units
    .map((unit) => preferenceOf(unit, levels))
    .sort((a, b) => shareRank(b) - shareRank(a))
    .slice(0, mostRows)
    .sort((a, b) => place(a) - place(b) || shareRank(b) - shareRank(a));
}

function panelOf(data: SelectivityMapsData, group: Group, factor: Factor): Panel {
  const units = sorted(group, data.levels.length);
  const [best] = units.toSorted((a, b) => shareRank(b) - shareRank(a));
  const counts = data.levels.map((_, level) => units.filter(({ preferred }) => preferred === level).length);
  return heatMapPanel({
    title: group.title,
    description: `${units.length} of ${group.units.length} units by preferred ${factor}; most selective: ${
      best === undefined || best.preferred < 0
        ? "none"
        : `${best.name}, share ${fixed(best.share)}, prefers ${data.levels[best.preferred]}`
    }; units that prefer each: ${data.levels.map((level, i) => `${level}: ${counts[i]}`).join(", ")}`,
    maps: [{ title: "", values: units.flatMap(({ deviations }) => deviations) }],
    rows: { title: "", labels: units.map(({ name }) => name) },
    columns: {
      title: factor,
      labels: data.levels,
      // longer than two digits: numbers stay level
      upwards: longestLabel(data.levels, fontSize.small) > 14,
    },
    scale: signedScale([1]),
    legend: {
      title: "of the largest deviation",
      ticks: [
        { value: -1, label: "−1" },
        { value: 0, label: "0" },
        { value: 1, label: "+1" },
      ],
    },
    maxCell: 19,
    cellHeight: rowHeight,
    rowNotes: {
      title: "share",
      notes: units.map(({ share, preferred }) => ({
        text: preferred < 0 ? "silent" : fixed(share),
        strong: share > group.null.high,
      })),
    },
  });
}

function selectivityFigure(data: SelectivityMapsData, factor: Factor): FigureSpec {
  const counts = data.groups.map((group) => {
    const defined = group.units.filter(({ share }) => Number.isFinite(share));
    return {
      title: group.title,
      above: defined.filter(({ share }) => share > group.null.high).length,
      of: defined.length,
    };
  });
  const cut = data.groups.some(({ units }) => units.length > mostRows);
  return {
    name: subjectSlug(`${factor}-selectivity`, data.subject),
    title: `${data.subject.name}: units with a larger ${factor} share than 95 % of the null: ${
      listed(counts.map(({ title, above, of }) => `${above} of ${of} (${title})`)) || "none was measured"
    }; by chance ${percent(0.05)} would have.`,
    question: `Which ${factor}s do the units prefer, and is that more than chance gives?`,
    seeds: subjectSeeds(data.subject),
    nullModel: `${data.nullName}; middle 90 % of the share of variance: ${
      listed(
        data.groups.map(({ title, null: { low, high } }) => `${intervalText([low, high])} (${title})`),
      ) || "not measured"
    }. Shares in grey are not above it.`,
    reading: `Rows are units, sorted by the ${factor} with the largest mean, the most selective first; blue is below and red above the unit's mean, each unit on its own scale. Share: of the unit's variance that ${factor} explains.${
      cut ? ` Of wider layers the ${mostRows} most selective units are shown.` : ""
    }`,
    panels: data.groups.map((group) => panelOf(data, group, factor)),
  };
}

/** Figure: units × tokens, sorted by preferred token. */
export function tokenSelectivity(data: SelectivityMapsData): FigureSpec {
  return selectivityFigure(data, "token");
}

/** Figure: units × positions, sorted by preferred position. */
export function positionSelectivity(data: SelectivityMapsData): FigureSpec {
  return selectivityFigure(data, "position");
}
