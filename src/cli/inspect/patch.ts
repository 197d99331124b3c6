/** `inspect patch`: which part of one run, put into another, makes its answer that of the first. */
import { randomStream } from "../../base/random.ts";
import { patchingMap } from "../../figures/index.ts";
import type { TensorData } from "../../graph/backend.ts";
import {
  attributionPatching,
  type Network,
  type PatchDirection,
  type PatchEffects,
  type PatchSweep,
  patchSweep,
  type Tensor,
} from "../../interp/index.ts";
import { pearson } from "../../stats/correlation.ts";
import { mean } from "../../stats/moments.ts";
import type { MetricName } from "./choiceNames.ts";
import { figureSubject, forestFigure } from "./drawing.ts";
import { type Inputs, type PairChoice, type Pairs, pairsOf } from "./inputs.ts";
import { type Subject, tokenizerOfSubject } from "./inspected.ts";
import { cellMeans, judgeCells, type Measured } from "./judged.ts";
import { chosenMetric, type MetricChoice, requireGradient } from "./metricChoice.ts";
import {
  cellPlace,
  checkSweepCost,
  mapAxes,
  measuredOf,
  namedCells,
  placesOf,
  rowsAtOnce,
  type SweepChoice,
  sweepCost,
  sweepOf,
  sweepTable,
} from "./sweepCells.ts";
import { decimals } from "./tables.ts";
import { tokenShown } from "./tokenText.ts";
import { cellRow, type Findings, type Inspection, intervalsOver, nullText, openNull } from "./verb.ts";

/** What is patched, and what is asked. */
export interface PatchChoice extends PairChoice, MetricChoice, SweepChoice {
  readonly direction: Extract<PatchDirection, "denoising" | "noising">;
  /** Also by gradient, with the correlation of the two. */
  readonly approximate: boolean;
}

const meaning = {
  denoising: "clean parts into the corrupt run: what suffices for the clean answer",
  noising: "corrupt parts into the clean run: what is left of the clean answer",
} as const;

/** Patches every part in turn, in every network at once. */
export async function inspectPatch(inspection: Inspection, choice: PatchChoice): Promise<Findings> {
  const { subject, network } = inspection;
  const { config } = subject;
  const { clean, corrupt } = pairsOf(choice, config, { sequences: 16 });
  const standard = standardMetric(choice);
  const metric = chosenMetric(choice, { subject, inputs: clean, others: corrupt, standard });
  if (choice.approximate) requireGradient(metric, "--approximate");
  const sweep = sweepOf(choice, config);
  const cost = sweepCost(config, sweep, clean.tokens);
  checkSweepCost(cost, inspection);
  const drawn = openNull(inspection, { cost });

  const options = async (of: Network) => ({
    ...{ ...sweep, clean: clean.tokens, corrupt: corrupt.tokens, metric: await metric.of(of) },
    direction: choice.direction,
    maxRows: rowsAtOnce(config, clean.tokens),
  });
  const effects = async (of: Network) => {
    const sweep = await patchSweep(of, await options(of));
    return measuredEffects(sweep, changesOf(sweep));
  };
  const own = await patchSweep(network, await options(network));
  const measured = measuredEffects(own, changesOf(own));
  const judged = judgeCells(measured, (await drawn?.measured(effects)) ?? null, {
    direction: "two-sided",
    stream: randomStream("inspect", "patch", "groups"),
  });
  const gradient = choice.approximate ? await attributionPatching(network, await options(network)) : null;
  const firstOrder = gradient && firstOrderOf(measuredEffects(gradient, gradient.change), measured);
  const place = cellPlace(own.effects, own.layers);
  const places = placesOf(place);
  const { pairs } = own;
  const table = sweepTable(place, judged, {
    value: "effect",
    top: choice.top,
    over: intervalsOver(measured),
  });
  return {
    draws: drawn?.models ?? 0,
    result: {
      ...{ direction: choice.direction, metric: metric.name, says: metric.says, by: choice.by },
      sites: sweep.over,
      ...{ clean: clean.tokens, corrupt: corrupt.tokens, pairs },
      ...(firstOrder === null ? {} : { correlation: firstOrder.correlation }),
      cells: judged.map((one, i) => ({
        ...cellRow(places[i], one),
        ...(firstOrder === null ? {} : { firstOrder: firstOrder.effects[i] }),
      })),
    },
    text: [
      `Activation patching, ${meaning[choice.direction]}`,
      `sites ${(sweep.over as readonly string[]).join(", ")}; effect 0 is the corrupt answer, 1 the clean one; ${metric.says}`,
      pairsLine(subject, { clean, corrupt }, pairs),
      "",
      table.lines,
      ...(firstOrder === null
        ? []
        : ["", correlationText(firstOrder.correlation, subject.seeds, judged.length)]),
      "",
      nullText(subject, drawn, { list: table.list }),
    ],
    figure: () =>
      place.axes.length === 2
        ? patchingMap({
            subject: figureSubject(subject),
            method: "patching",
            metric: metric.says,
            pairs: clean.tokens.length,
            ...mapAxes(place),
            maps: [
              {
                title: choice.sites.length === 0 ? place.axes.join(" and ") : choice.sites.join(", "),
                effects: judged.map(({ estimate }) => estimate),
                low: judged.map(({ interval }) => interval?.[0] ?? Number.NaN),
                high: judged.map(({ interval }) => interval?.[1] ?? Number.NaN),
              },
            ],
          })
        : forestFigure({
            name: "patching",
            subject,
            question: `Which parts carry what decides the ${metric.says}?`,
            axis: "effect",
            cells: namedCells(place, judged),
            over: intervalsOver(measured),
            top: choice.top,
          }),
  };
}

/** A difference of logits where both answers are known, a probability where one is, else the divergence from the clean run. */
function standardMetric({ clean, answer, wrong }: PatchChoice): MetricName {
  if (clean.length === 0 || (answer !== null && wrong !== null)) return "logit-diff";
  return answer === null ? "kl" : "prob";
}

function pairsLine(subject: Subject, { clean, corrupt }: Pairs, told: readonly number[]): string {
  const tokenizer = tokenizerOfSubject(subject);
  const text = (inputs: Inputs) => inputs.tokens[0].map((token) => tokenShown(tokenizer, token)).join(" ");
  const count = clean.tokens.length;
  if (count === 1) return `clean ${text(clean)}; corrupt ${text(corrupt)}`;
  const fewest = Math.min(...told);
  const lost = fewest < count ? `; the metric tells only ${fewest} apart` : "";
  return `${count} pairs, the first clean ${text(clean)}, corrupt ${text(corrupt)}${lost}`;
}

function correlationText(correlation: readonly number[], seeds: readonly number[], cells: number): string {
  const each = correlation.map((r, model) =>
    seeds.length === 1 ? decimals(r, 3) : `seed ${seeds[model]} ${decimals(r, 3)}`,
  );
  return `By gradient instead (attribution patching): correlation with the exact effects over ${cells} parts ${each.join(", ")}`;
}

/** What patches change of the metric, [model, ...by, pair]. */
function changesOf({ patched, corrupt }: PatchSweep): Tensor {
  const [models, batch] = corrupt.shape;
  const perModel = patched.data.length / models;
  const data = Float64Array.from(patched.data, (value, i) => {
    return value - corrupt.data[Math.floor(i / perModel) * batch + (i % batch)];
  });
  return { ...patched, data };
}

/**
 * Changes over the mean distance from corrupt to clean, [model, cell, pair].
 *
 * Their mean over pairs is the mean change over the mean distance. The mean of the pairs' own ratios would be that of the
 * pairs that the metric hardly tells apart, whose ratios are the largest.
 */
function measuredEffects({ clean, corrupt }: PatchEffects, changes: Tensor): Measured {
  const [models, batch] = clean.shape;
  const measured = measuredOf(changes);
  const distance = Array.from({ length: models }, (_, model) => {
    const own = (values: TensorData) => mean(values.subarray(model * batch, (model + 1) * batch));
    return own(clean.data) - own(corrupt.data);
  });
  const perModel = measured.cells * batch;
  return {
    ...measured,
    values: Float64Array.from(measured.values, (change, i) => {
      const apart = distance[Math.floor(i / perModel)];
      if (apart === 0) return Number.NaN;
      return change === 0 ? 0 : change / apart; // 0 over a negative distance is -0
    }),
  };
}

/** Effects by gradient, means over networks, and each network's correlation with its exact ones over cells. */
function firstOrderOf(gradient: Measured, exact: Measured): { effects: number[]; correlation: number[] } {
  const [approximate, whole] = [cellMeans(gradient), cellMeans(exact)]; // [cell][model]
  return {
    effects: approximate.map((ofModels) => mean(ofModels)),
    correlation: Array.from({ length: exact.models }, (_, model) =>
      pearson(
        approximate.map((ofModels) => ofModels[model]),
        whole.map((ofModels) => ofModels[model]),
      ),
    ),
  };
}
