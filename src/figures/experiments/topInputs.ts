/** What drives each unit most: its strongest inputs, with the position at which they do. */
import type { RenderFunction } from "@observablehq/plot";
import type { FigureSpec, Panel } from "../figure.ts";
import { panelWidth } from "../heatMaps.ts";
import { labelsMark, type PlacedLabel } from "../labelsMark.ts";
import { counted, fixed, percent } from "../numberText.ts";
import { meanFinite } from "../spread.ts";
import { type Subject, subjectColor, subjectSeeds, subjectSlug } from "../subject.ts";
import { svgElement } from "../svgElement.ts";
import { longestLabel, shortLabel } from "../textWidth.ts";
import { divergingPoles, fontSize, ink, muted, paper, rule } from "../theme.ts";

/** One unit with the inputs that activate it most. */
export interface UnitInputs {
  /** `L0N17` */
  name: string;
  /** Strongest first. */
  inputs: readonly { tokens: ArrayLike<number>; pos: number; activation: number }[];
  /** Activation of random inputs: median and 95 % quantile. */
  usual: { median: number; high: number };
  /** Share of the strongest inputs of one sample whose token and position are also among those of another, in [0, 1]. */
  stability?: number;
  /** Token curve of the unit, [token]: drawn as a tiny strip. */
  tokenCurve?: ArrayLike<number>;
}

/** What {@link topInputs} draws. */
export interface TopInputsData {
  subject: Subject;
  /** Labels of the vocabulary. */
  tokens: readonly string[];
  units: readonly UnitInputs[];
  /** `all 10000 inputs` or `the 5000 inputs of a sample`. */
  searched: string;
}

const rowHeight = 16;
/** Room above the rows: for the strip, and for the positions. */
const stripHeight = 22;
const stripWidth = 150;
const head = stripHeight + 14;
const foot = 18;
const valueRoom = 44;
/** Cells of a token at most and at least, px. */
const widestCell = 40;
const narrowestCell = 16;
/** Room for the position where sequences are cut around it. */
const positionRoom = 26;

/** The part of a sequence that is shown: all of it, or as many tokens as there is room for, the marked one inside. */
function windowOf(length: number, pos: number, room: number): { start: number; end: number } {
  if (length <= room) return { start: 0, end: length };
  const start = Math.max(0, Math.min(length - room, pos - Math.floor(room / 2)));
  return { start, end: start + room };
}

interface TokenCell {
  text: string;
  x: number;
  y: number;
  marked: boolean;
  /** Behind the marked position: a masked network has not seen it. */
  later: boolean;
}

function cellsOf(data: TopInputsData, { inputs }: UnitInputs) {
  const room = panelWidth - valueRoom;
  const used = inputs.flatMap(({ tokens }) =>
    Array.from(tokens, (token) => data.tokens[token] ?? String(token)),
  );
  const wanted = longestLabel(used, fontSize.label) + 8;
  const longest = inputs.reduce((most, { tokens }) => Math.max(most, tokens.length), 1);
  const width = Math.floor(Math.max(narrowestCell, Math.min(widestCell, wanted)));
  const whole = longest * width <= room;
  const count = whole ? longest : Math.max(1, Math.floor((room - positionRoom) / width));
  const cells = inputs.flatMap(({ tokens, pos }, row): TokenCell[] => {
    const { start, end } = windowOf(tokens.length, pos, count);
    return Array.from({ length: end - start }, (_, i) => ({
      text: shortLabel(
        data.tokens[tokens[start + i]] ?? String(tokens[start + i]),
        width - 3,
        fontSize.label,
      ),
      x: i * width + width / 2,
      y: head + rowHeight * (row + 0.5),
      marked: start + i === pos,
      later: start + i > pos,
    }));
  });
  const valuesAt = count * width + (whole ? 0 : positionRoom) + valueRoom - 4;
  return { cells, width, positions: whole ? longest : 0, whole, valuesAt };
}

/** The boxes of the marked tokens. */
function boxesMark(cells: readonly TokenCell[], width: number, color: string): RenderFunction {
  return (_index, _scales, _values, _dimensions, { document }) => {
    const group = svgElement(document, "g", { "aria-label": "marked", fill: color });
    for (const { x, y } of cells.filter(({ marked }) => marked))
      group.append(
        svgElement(document, "rect", {
          x: x - width / 2 + 1,
          y: y - rowHeight / 2 + 1,
          width: width - 2,
          height: rowHeight - 2,
          rx: 2,
        }),
      );
    return group;
  };
}

/** The token curve as a strip of bars about the unit's mean. */
function stripMark(curve: ArrayLike<number>): RenderFunction {
  const mean = meanFinite(curve);
  const values = Array.from(curve, (value) => (Number.isFinite(value) ? value - mean : 0));
  const scale = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const width = Math.min(9, stripWidth / Math.max(1, values.length));
  const middle = stripHeight / 2 - 2;
  return (_index, _scales, _values, _dimensions, { document }) => {
    const group = svgElement(document, "g", { "aria-label": "strip" });
    group.append(svgElement(document, "path", { d: `M0,${middle}h${values.length * width}`, stroke: rule }));
    values.forEach((value, i) => {
      const height = scale > 0 ? (Math.abs(value) / scale) * middle : 0;
      group.append(
        svgElement(document, "rect", {
          x: i * width,
          y: value < 0 ? middle : middle - height,
          width: Math.max(0.5, width - 1),
          height,
          fill: value < 0 ? divergingPoles.below : divergingPoles.above,
        }),
      );
    });
    return group;
  };
}

/** Where sequences are cut, each row says at which position its unit was read. */
function positionLabels({ inputs }: UnitInputs, x: number): PlacedLabel[] {
  const place = { x, anchor: "end" as const, fill: muted };
  return [
    { ...place, text: "pos", y: head - 7 },
    ...inputs.map(({ pos }, row) => ({ ...place, text: String(pos), y: head + rowHeight * (row + 0.5) })),
  ];
}

function panelOf(data: TopInputsData, unit: UnitInputs): Panel {
  const { cells, width, positions, whole, valuesAt } = cellsOf(data, unit);
  const { usual, stability, tokenCurve, inputs } = unit;
  const bottom = head + rowHeight * inputs.length;
  const labels: PlacedLabel[] = [
    ...(tokenCurve === undefined
      ? []
      : [
          {
            text: `mean by token, 0 to ${tokenCurve.length - 1}`,
            x: Math.min(stripWidth, 9 * tokenCurve.length) + 8,
            y: stripHeight / 2 - 2,
            anchor: "start" as const,
            fill: muted,
          },
        ]),
    ...Array.from({ length: positions }, (_, pos) => ({
      text: String(pos),
      x: pos * width + width / 2,
      y: head - 7,
      fill: muted,
    })),
    ...cells.map(({ text, x, y, marked, later }) => ({
      text,
      x,
      y,
      size: fontSize.label,
      strong: marked,
      fill: marked ? paper : later ? muted : ink,
    })),
    ...(whole ? [] : positionLabels(unit, valuesAt - valueRoom)),
    ...inputs.map(({ activation }, row) => ({
      text: fixed(activation),
      x: valuesAt,
      y: head + rowHeight * (row + 0.5),
      anchor: "end" as const,
    })),
    {
      text: `random: median ${fixed(usual.median)}, 95 % below ${fixed(usual.high)}${
        stability === undefined ? "" : `; found again ${percent(stability)}`
      }`,
      x: 0,
      y: bottom + 9,
      anchor: "start",
      fill: muted,
    },
  ];
  return {
    title: unit.name,
    description: `strongest inputs: ${
      inputs
        .map(
          ({ tokens, pos, activation }) =>
            `${Array.from(tokens, (token) => data.tokens[token] ?? String(token)).join(" ")} at position ${pos}, ${fixed(activation)}`,
        )
        .join("; ") || "none"
    }; random inputs: median ${fixed(usual.median)}, 95 % below ${fixed(usual.high)}`,
    options: {
      width: panelWidth,
      height: bottom + foot,
      margin: 0,
      axis: null,
      marks: [
        ...(tokenCurve === undefined ? [] : [stripMark(tokenCurve)]),
        boxesMark(cells, width, subjectColor(data.subject)),
        labelsMark(labels),
      ],
    },
  };
}

/** Figure: a panel a unit, a row an input, the token at the position that counts in a box. */
export function topInputs(data: TopInputsData): FigureSpec {
  const shares = data.units.map((unit) => {
    const first = unit.inputs.map(({ tokens, pos }) => tokens[pos]);
    return first.length > 1 && first.every((token) => token === first[0]);
  });
  const same = shares.filter(Boolean).length;
  const stable = data.units.flatMap(({ stability }) => (stability === undefined ? [] : [stability]));
  return {
    name: subjectSlug("top-inputs", data.subject),
    title: `${data.subject.name}: ${
      data.units.length === 0
        ? "no unit is shown."
        : `${same} of ${counted(data.units.length, "unit")} ${same === 1 ? "has" : "have"} the same token in all strongest inputs${
            stable.length === 0
              ? ""
              : `; ${percent(meanFinite(stable))} of what is strongest in one sample is so in another`
          }.`
    }`,
    question: "Which inputs activate a unit most?",
    seeds: subjectSeeds(data.subject),
    nullModel: "the activation of random inputs, its median and 95 % quantile beneath each table.",
    reading: `The strongest of ${data.searched}, cut around the position where they are long. In a box: the token at the position where the unit was read; in grey what comes after it. Right: activation.${
      data.units.some(({ tokenCurve }) => tokenCurve !== undefined)
        ? " Bars: mean activation by token, about the unit's mean."
        : ""
    }`,
    panels: data.units.map((unit) => panelOf(data, unit)),
  };
}
