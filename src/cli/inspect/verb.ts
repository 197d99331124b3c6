/** What every verb of `inspect` is given, and what it gives back. */
import type { FigureSpec } from "../../figures/index.ts";
import { sizeOf } from "../../graph/node.ts";
import type { Network } from "../../interp/network.ts";
import type { ModelConfig } from "../../model/config.ts";
import { weightShapes } from "../../model/weights.ts";
import type { JsonValue } from "../../record/canonicalJson.ts";
import type { Subject } from "./inspected.ts";
import { alpha, type Judged, type Measured, marked } from "./judged.ts";
import { mark } from "./tables.ts";

/** An opened subject with its null. */
export interface Inspection {
  readonly subject: Subject;
  readonly network: Network;
  /** Random networks that were asked for; null for as many as suit the verb. */
  readonly draws: number | null;
  /**
   * Networks of the null, number `first` and the following, opened. They are closed with the subject, those of a
   * pretrained model when the next are opened.
   */
  draw(first: number, count: number): Promise<Network>;
}

/** Random networks of a null where no number is asked for: the smallest p is then 1/200. */
const DRAWS = 199;
/** Fewest, if measuring each is costly: the smallest p is then 1/40. */
const FEWEST = 39;
/** Passes of a whole null, of small models. */
const BUDGET = 200_000;

/** Of a pretrained model: fewest that p ≤ 0.05 can be reached with, weights drawn in all, weights times passes in all. */
const [FEWEST_PRETRAINED, DRAWN_WEIGHTS, WEIGHT_PASSES] = [19, 2e8, 3e10];
/** Weights of networks that are open at one time. */
const WEIGHTS_TOGETHER = 2 ** 26;

/** How many numbers a model has. */
export function weightCount(config: ModelConfig): number {
  return [...weightShapes(config).values()].reduce((sum, shape) => sum + sizeOf(shape), 0);
}

/** Networks of a null. */
export interface DrawnNull {
  readonly models: number;
  /** What all of them measure, as many at a time as fit. */
  measured(measure: (network: Network) => Promise<Measured>): Promise<Measured>;
}

/**
 * Networks of a null where no number is asked for. A large pretrained model has none: one such network takes as long as
 * reading the model, and fewer than 19 cannot say anything at 0.05.
 */
function standardDraws({ config, pretrained, seeds }: Subject, cost: number): number {
  if (pretrained === null) {
    const affordable = Math.min(DRAWS, Math.max(FEWEST, Math.floor(BUDGET / cost)));
    // a mean of n networks is held against means of n, so there must be several times as many
    return Math.max(affordable, 2 * seeds.length);
  }
  const weights = weightCount(config);
  const affordable = Math.floor(Math.min(DRAWN_WEIGHTS / weights, WEIGHT_PASSES / (weights * cost)));
  return affordable < FEWEST_PRETRAINED ? 0 : Math.min(DRAWS, affordable);
}

/**
 * The networks of the null: as many as were asked for, else as many as can be afforded; null for none.
 *
 * @param cost  forward passes of one sequence that measuring one network takes
 */
export function openNull(
  { subject, draws, draw }: Inspection,
  { cost = 1 }: { cost?: number } = {},
): DrawnNull | null {
  const models = draws ?? standardDraws(subject, cost);
  if (models === 0) return null;
  const together =
    subject.pretrained === null
      ? models
      : Math.max(1, Math.min(models, Math.floor(WEIGHTS_TOGETHER / weightCount(subject.config))));
  return {
    models,
    measured: async (measure) => {
      const parts: Measured[] = [];
      for (let first = 0; first < models; first += together)
        parts.push(await measure(await draw(first, Math.min(together, models - first))));
      if (parts.length === 1) return parts[0];
      const [{ cells, rows }] = parts;
      const values = new Float64Array(models * cells * rows);
      let at = 0;
      for (const part of parts) {
        values.set(part.values, at);
        at += part.values.length;
      }
      return { models, cells, rows, values };
    },
  };
}

/** What a verb found. */
export interface Findings {
  /** Random networks of the null. */
  readonly draws: number;
  /** Its part of what `--json` prints. */
  readonly result: Readonly<Record<string, unknown>>;
  /** What is printed for a reader: sentences, which are wrapped, and tables, which are lists of lines. */
  readonly text: readonly (string | readonly string[])[];
  /** Made for `--svg` only. */
  figure(): FigureSpec;
}

/** What the intervals of a table are over; null where there is one network and one sequence. */
export function intervalsOver({ models, rows }: Measured): "seeds" | "sequences" | null {
  if (models > 1) return "seeds";
  return rows > 1 ? "sequences" : null;
}

/** What the networks of a null are, in words. */
export function nullSays({ pretrained }: Subject): string {
  if (pretrained === null)
    return "networks of the same config and initialisation, never trained, on the same inputs";
  if (pretrained.nullKind === "shuffled")
    return "the model's own numbers, each weight in a random order, on the same inputs";
  return `networks of the same config as transformers makes fresh ones (normal, standard deviation ${pretrained.initStd}), never trained, on the same inputs`;
}

/**
 * What the mark and the null are, in words.
 *
 * @param list  whether the table has a column for the null
 */
export function nullText(subject: Subject, drawn: DrawnNull | null, { list }: { list: boolean }): string {
  const { seeds, pretrained } = subject;
  if (drawn === null) {
    const weights = weightCount(subject.config);
    if (pretrained === null || FEWEST_PRETRAINED * weights <= DRAWN_WEIGHTS)
      return "Without a null (--draws 0): nothing here says what chance would give.";
    return `Without a null: nothing here says what chance would give. A model of ${weights.toLocaleString("en")} weights has one only if --draws asks for it; ${FEWEST_PRETRAINED} or more can mark something.`;
  }
  const several = seeds.length > 1 ? `, as means of ${seeds.length}` : "";
  const kind = pretrained?.nullKind ?? "random";
  const says = pretrained === null ? "" : ` Null: ${nullSays(subject)}.`;
  const middle = list ? " null: their median and middle 95 %." : "";
  if ((drawn.models + 1) * alpha < 1)
    return `${drawn.models} ${kind} networks: fewer than ${FEWEST_PRETRAINED} cannot mark anything at ${alpha}.${middle}${says}`;
  return `${mark} beyond ${drawn.models} ${kind} networks${several}: p ≤ ${alpha} for the largest cell of the whole table.${middle}${says}`;
}

/** A judged cell as it stands in JSON. */
export function cellRow(
  labels: Readonly<Record<string, JsonValue>>,
  judged: Judged,
): Record<string, unknown> {
  return { ...labels, ...judged, marked: marked(judged) };
}
