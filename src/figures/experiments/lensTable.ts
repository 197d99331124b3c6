/** The logit lens as a table: what the network would answer at every site and position. */
import type { ColorScale } from "../colorScale.ts";
import type { FigureSpec, Panel } from "../figure.ts";
import { heatMapPanel } from "../heatMaps.ts";
import { fixed, percent } from "../numberText.ts";
import { type Subject, subjectSeeds, subjectSlug } from "../subject.ts";
import { shortLabel } from "../textWidth.ts";
import { fontSize } from "../theme.ts";

/** What {@link lensTable} draws: one sequence read at every site. */
export interface LensTableData {
  subject: Subject;
  /** Which lens: `logit lens, norm recomputed`. */
  lens: string;
  /** Labels of the vocabulary. */
  tokens: readonly string[];
  /** The sequence, [pos], as token ids. */
  input: ArrayLike<number>;
  /** The right next token, [pos], where there is one: −1 for none. */
  targets?: ArrayLike<number>;
  /** Sites in firing order. */
  sites: readonly string[];
  /** Most probable token, [site][pos], row-major. */
  top: ArrayLike<number>;
  /** Its probability, [site][pos]. */
  probability: ArrayLike<number>;
}

/** Positions of a panel at most: more would not be readable. */
const mostColumns = 8;
const cellWidth = 40;

/** `blocks.0.hook_resid_pre` as `L0 pre`; other names as they are. */
export function siteLabel(site: string): string {
  const match = /^blocks\.(\d+)\.hook_(?:resid_)?(\w+)$/.exec(site);
  return match === null ? site : `L${match[1]} ${match[2].replaceAll("_", " ")}`;
}

/** A token's label; its number where the vocabulary has no such label. */
const labelOf = ({ tokens }: LensTableData, token: number) => tokens[token] ?? String(token);

const short = (label: string) => shortLabel(label, cellWidth - 5, fontSize.small);

/** Probabilities from 0 to 1: the same colours in every table. */
const scale: ColorScale = { kind: "amount", low: 0, high: 1 };

/** The site from which on the answer at a position stays what it ends as. */
function settled({ sites, top, input }: LensTableData, pos: number): number {
  let site = sites.length - 1;
  while (site > 0 && top[(site - 1) * input.length + pos] === top[(sites.length - 1) * input.length + pos])
    site--;
  return site;
}

/** Whether the likeliest token at a cell is the right one. */
function isRight({ targets, top, input }: LensTableData, site: number, pos: number): boolean {
  const target = targets?.[pos] ?? -1;
  return target >= 0 && top[site * input.length + pos] === target;
}

function panelOf(data: LensTableData, start: number, end: number, last: boolean): Panel {
  const { input, targets, top, probability, sites } = data;
  const nPos = input.length;
  const positions = Array.from({ length: end - start }, (_, i) => start + i);
  // the last site on top: one reads upwards, as the stream flows
  const rows = Array.from(sites, (_, i) => sites.length - 1 - i);
  const cells = rows.flatMap((site) => positions.map((pos) => ({ site, pos, at: site * nPos + pos })));
  const final = positions.map(
    (pos) =>
      `${pos}: ${labelOf(data, top[(sites.length - 1) * nPos + pos])} ${percent(probability[(sites.length - 1) * nPos + pos])}, from ${siteLabel(sites[settled(data, pos)])} on`,
  );
  return heatMapPanel({
    title: start === 0 && end === nPos ? data.lens : `${data.lens} · positions ${start} to ${end - 1}`,
    description: `likeliest token at ${sites.length} sites; the last site's answer by position: ${final.join("; ")}`,
    maps: [{ title: "", values: cells.map(({ at }) => probability[at]) }],
    rows: { title: "", labels: rows.map((site) => siteLabel(sites[site])) },
    columns: {
      title: `input token, position ${start} to ${end - 1}${targets === undefined ? "" : "; bold: the right next token"}`,
      labels: positions.map((pos) => short(labelOf(data, input[pos]))),
    },
    scale,
    ...(last
      ? {
          legend: {
            title: "probability of the likeliest token",
            ticks: [
              { value: 1 / data.tokens.length, label: `1/${data.tokens.length}` },
              { value: 1, label: "1" },
              { value: 0, label: "0" },
            ],
          },
        }
      : {}),
    maxWidth: 450,
    maxCell: cellWidth,
    cellHeight: 27,
    cellText: (value, _map, cell) => {
      const { site, pos, at } = cells[cell];
      return {
        text: short(labelOf(data, top[at])),
        under: percent(value),
        strong: isRight(data, site, pos),
      };
    },
  });
}

/** Figure: sites × positions, each cell the likeliest token with its probability; input at the bottom, output on top. */
export function lensTable(data: LensTableData): FigureSpec {
  const nPos = data.input.length;
  const starts = Array.from({ length: Math.ceil(nPos / mostColumns) }, (_, i) => i * mostColumns);
  const lastSite = data.sites.length - 1;
  const last = lastSite * nPos + nPos - 1;
  const positions = Array.from({ length: nPos }, (_, pos) => pos);
  const judged = positions.filter((pos) => (data.targets?.[pos] ?? -1) >= 0);
  const right = judged.filter((pos) => isRight(data, lastSite, pos)).length;
  const empty = nPos === 0 || data.sites.length === 0;
  return {
    name: subjectSlug("lens-table", data.subject),
    title: empty
      ? `${data.subject.name}: no site was read.`
      : `${data.subject.name}: at the last position the answer is ${labelOf(data, data.top[last])} (${percent(data.probability[last])}) and stands from ${siteLabel(data.sites[settled(data, nPos - 1)])} on${
          judged.length === 0
            ? "."
            : `; it is right at ${right} of ${judged.length} positions, guessing at ${fixed(judged.length / data.tokens.length, 1)}.`
        }`,
    question: "What would the network answer if it were read off at each site?",
    seeds: subjectSeeds(data.subject),
    nullModel: `a guess among ${data.tokens.length} tokens: probability ${fixed(1 / data.tokens.length)} everywhere, marked on the scale.`,
    reading:
      "Each cell: the likeliest token and its probability. Columns are positions with their input token beneath, rows sites, the last one on top.",
    panels: empty
      ? []
      : starts.map((start, i) =>
          panelOf(data, start, Math.min(nPos, start + mostColumns), i === starts.length - 1),
        ),
  };
}
