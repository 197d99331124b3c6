/** `inspect ablate`: what the network's answer loses when a part says nothing, the average thing, noise, or something else. */
import { randomStream } from "../../base/random.ts";
import { type AblationManner, ablate, type Network, taylorImportance } from "../../interp/index.ts";
import { pearson } from "../../stats/correlation.ts";
import { mean } from "../../stats/moments.ts";
import { forestFigure } from "./drawing.ts";
import { type InputChoice, inputsOf } from "./inputs.ts";
import { judgeCells } from "./judged.ts";
import { chosenMetric, type MetricChoice, requireGradient } from "./metricChoice.ts";
import {
  cellPlace,
  checkSweepCost,
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
import { cellRow, type Findings, type Inspection, intervalsOver, nullText, openNull } from "./verb.ts";

/** What is silenced, and what is asked. */
export interface AblateChoice extends InputChoice, MetricChoice, SweepChoice {
  readonly how: AblationManner;
  /** Also by gradient, with the correlation of the two. */
  readonly approximate: boolean;
}

const becomes: Readonly<Record<AblationManner, string>> = {
  zero: "becomes 0",
  mean: "becomes its mean over the sequences and positions",
  random: "becomes normal draws of its mean and spread",
  resample: "becomes what it was in another sequence",
};

/** Silences every part in turn, in every network at once. */
export async function inspectAblate(inspection: Inspection, choice: AblateChoice): Promise<Findings> {
  const { subject, network } = inspection;
  const { config } = subject;
  const inputs = inputsOf(choice, config, { sequences: 16 });
  const metric = chosenMetric(choice, { subject, inputs, standard: "loss" });
  if (choice.approximate) requireGradient(metric, "--approximate");
  const sweep = sweepOf(choice, config);
  const cost = sweepCost(config, sweep, inputs.tokens);
  checkSweepCost(cost, inspection);
  const drawn = openNull(inspection, { cost });

  const options = async (of: Network) => ({
    ...{ ...sweep, how: choice.how, metric: await metric.of(of) },
    maxRows: rowsAtOnce(config, inputs.tokens),
    stream: randomStream("inspect", "ablate"),
  });
  const own = await ablate(network, inputs.tokens, await options(network));
  const measured = measuredOf(own.impacts);
  const random = await drawn?.measured(async (other) =>
    measuredOf((await ablate(other, inputs.tokens, await options(other))).impacts),
  );
  const judged = judgeCells(measured, random ?? null, {
    direction: "two-sided",
    stream: randomStream("inspect", "ablate", "groups"),
  });
  const taylor = choice.approximate
    ? await taylorImportance(network, inputs.tokens, await options(network))
    : null;
  const firstOrder = taylor?.acrossModels.estimate.data;
  const correlation =
    firstOrder === undefined
      ? undefined
      : pearson(
          firstOrder,
          judged.map(({ estimate }) => estimate),
        );
  const place = cellPlace(own.impacts, own.layers);
  const places = placesOf(place);
  const table = sweepTable(place, judged, {
    value: "impact",
    top: choice.top,
    over: intervalsOver(measured),
  });
  const intact = mean(own.intact.data);
  return {
    draws: drawn?.models ?? 0,
    result: {
      ...{ how: choice.how, metric: metric.name, says: metric.says, by: choice.by, sites: sweep.over },
      ...{ inputs: { source: inputs.source, tokens: inputs.tokens }, intact },
      ...(correlation === undefined ? {} : { correlation }),
      cells: judged.map((one, i) => ({
        ...cellRow(places[i], one),
        ...(firstOrder === undefined ? {} : { firstOrder: firstOrder[i] }),
      })),
    },
    text: [
      `Ablation, each part ${becomes[choice.how]}: change of the ${metric.says}; intact ${decimals(intact, 3)}`,
      `sites ${(sweep.over as readonly string[]).join(", ")}; mean over ${inputs.source}`,
      "",
      table.lines,
      ...(correlation === undefined
        ? []
        : [
            "",
            `By gradient instead (Taylor): correlation with the impacts over ${judged.length} parts ${decimals(correlation, 3)}`,
          ]),
      "",
      nullText(subject, drawn, { list: table.list }),
    ],
    figure: () =>
      forestFigure({
        name: "ablation",
        subject,
        question: `What happens to the ${metric.name} when a part ${becomes[choice.how]}?`,
        axis: `change of the ${metric.name}`,
        cells: namedCells(place, judged),
        over: intervalsOver(measured),
        top: choice.top,
      }),
  };
}
