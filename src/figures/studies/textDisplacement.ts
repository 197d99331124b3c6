/** Figure of S15: whether text disturbs tuning more or less than other motion of the same size. */
import { seedInterval } from "../../features/seedInterval.ts";
import { dotRowsPanel } from "../dotRows.ts";
import type { FigureSpec } from "../figure.ts";
import { counted, fixed, listed } from "../numberText.ts";
import { meanFinite, spreadOf } from "../spread.ts";
import { nowColor } from "../theme.ts";

/** Tuning r of one layer after displacements of two sizes, [seed]. */
export interface DisplacedLayer {
  readonly layer: number;
  /** As far as the shuffled text's weights moved: it itself, the text's displacement scaled to it, and noise. */
  readonly near: Readonly<Record<"shuffled" | "text" | "noise", readonly number[]>>;
  /** As far as the text's weights moved. */
  readonly far: Readonly<Record<"text" | "noise", readonly number[]>>;
  /** Trained tuning of one initialisation on other windows, and of another initialisation. */
  readonly otherData: readonly number[];
  readonly otherInit: readonly number[];
}

/** What {@link textDisplacement} draws. */
export interface TextDisplacementData {
  readonly seeds: number;
  readonly layers: readonly DisplacedLayer[];
}

/** Figure: tuning r after text, shuffled text and noise that moved every weight equally far, a panel a layer. */
export function textDisplacement({ seeds, layers }: TextDisplacementData): FigureSpec {
  const over = (of: (layer: DisplacedLayer) => readonly number[]) =>
    listed(layers.map((layer) => fixed(meanFinite(of(layer)))));
  return {
    name: "text-persistence-displacement",
    title: `Moved as far as by shuffled text, networks keep r ${over(({ near }) => near.text)} in the direction of the text, ${over(({ near }) => near.shuffled)} in that of the shuffled text and ${over(({ near }) => near.noise)} in a random one (layers ${listed(layers.map(({ layer }) => String(layer)))}).`,
    question: "For the distance that the weights move, does learning a language disturb tuning less?",
    seeds: `${counted(seeds, "seed")}, the same initialisation in all rows.`,
    nullModel:
      "Noise: every weight moved as far as training moved it, in a random direction. Grey bands: trained tuning of another initialisation on the same windows, middle 90 % of seeds, and median.",
    reading:
      "Dots: mean over seeds of tuning r; lines: 95 % t interval, not adjusted. Near: every weight as far as the shuffled text's. Far: as far as the text's. Other windows compares two trained networks: how far the initialisation alone decides what they come to.",
    panels: layers.map(({ layer, near, far, otherData, otherInit }) => {
      const strangers = spreadOf(otherInit);
      const row = (label: string, values: readonly number[], strong = false) => ({
        ...{ label, ...seedInterval(values), strong },
        null: { low: strangers.low, middle: strangers.median, high: strangers.high },
      });
      return dotRowsPanel({
        ...{ title: `layer ${layer}`, axis: "tuning r", color: nowColor, width: 450 },
        ...{ domain: [-0.1, 1.02], reference: 0 },
        rows: [
          row("near: text, scaled", near.text, true),
          row("near: shuffled text", near.shuffled),
          row("near: noise", near.noise),
          row("far: text", far.text, true),
          row("far: noise", far.noise),
          row("other windows", otherData),
        ],
      });
    }),
  };
}
