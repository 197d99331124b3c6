/** What a figure is: a finding, the question it answers, its seeds, its null, and one or more panels. */
import type { PlotOptions } from "@observablehq/plot";

/** One picture of a figure. */
export interface Panel {
  /** What sets it apart from the other panels, e.g. `original · layer 0`. */
  title: string;
  /** What is drawn, for who cannot see it. */
  description: string;
  /** The specification that Observable Plot draws. `width` and `height` are always given. */
  options: PlotOptions & { width: number; height: number };
}

/** A figure before it is drawn: plain data, besides the functions inside Plot's options. */
export interface FigureSpec {
  /** Kebab-case; the anchor in a report and the name of a file. */
  name: string;
  /** The finding, with its numbers. */
  title: string;
  /** The question that the finding answers. */
  question: string;
  /** How many seeds are shown, and how many were left out and why. */
  seeds: string;
  /** What chance or nothing would look like, and how it is drawn. */
  nullModel: string;
  /** How to read it: what marks, bands and colours are. */
  reading: string;
  panels: readonly Panel[];
}
