/** The tables of the report. */
import { randomStream } from "../../base/random.ts";
import { fixed, intervalText } from "../../figures/numberText.ts";
import { bootstrap } from "../../stats/bootstrap.ts";
import { mean } from "../../stats/moments.ts";
import { overSeeds } from "../protocol/outcome.ts";
import type { StudySize, StudyTable } from "../protocol/study.ts";
import {
  baseWidth,
  noiseArmName,
  outputScales,
  parametrisationNames,
  parametrisations,
  scaleArmName,
  scaledOptimizers,
  scaledRate,
  settingNames,
  settings,
  studyName,
  wideKernels,
  widthArmName,
  widthsOf,
} from "./arms.ts";
import { noiseTitles } from "./kinds.ts";
import { noiseNames, partly, partNames, type Told } from "./measure.ts";
import { layers } from "./plan.ts";
import {
  type AllTold,
  bothLayers,
  linearityBySeed,
  pooledDifference,
  pooledR,
  rBySeed,
  toldOf,
} from "./told.ts";

/** Fewest seeds of which a bootstrap is shown. */
const leastBootstrapped = 15;
/** Twice as many move no end of an interval by a tenth of its width. */
const resamples = 2000;

const finite = (values: readonly number[]) => values.filter(Number.isFinite);
/** Mean over the seeds that have a number. */
const meanOf = (values: readonly number[]) =>
  finite(values).length === 0 ? Number.NaN : mean(finite(values));
const cell = (values: readonly number[], digits = 3) => fixed(meanOf(values), digits);
/** Mean with its 95 % t interval over seeds. */
function cellWithInterval(values: readonly number[], digits = 3): string {
  const { estimate, interval } = overSeeds(values, { name: "", label: "" });
  return `${fixed(estimate, digits)} ${intervalText(interval, digits)}`;
}
const minus = (a: readonly number[], b: readonly number[]) => a.map((value, at) => value - b[at]);

export function tablesOf(told: AllTold, size: StudySize): StudyTable[] {
  return [
    besideNoise(told),
    byKind(told),
    byPart(told),
    byScale(told),
    byWidth(told, size),
    byLinearity(told, size),
  ];
}

function besideNoise(told: AllTold): StudyTable {
  const rows = settingNames.flatMap((setting) =>
    layers.map((layer) => {
      const entries = toldOf(told, noiseArmName(setting));
      const r = (network: string) => rBySeed(entries, network, layer);
      const difference = minus(r("trained"), r("isotropic"));
      const before = (network: string) => entries.map(({ rBefore }) => rBefore[network][layer]);
      return [
        settings[setting],
        layer,
        cell(r("trained")),
        cell(r("isotropic")),
        cellWithInterval(difference),
        bcaText(difference, [setting, layer]),
        `${finite(difference).filter((value) => value < 0).length} of ${finite(difference).length}`,
        cellWithInterval(minus(r("trained"), r("gradient"))),
        cellWithInterval(minus(r("permuted"), r("isotropic"))),
        cellWithInterval(minus(before("trained"), before("isotropic"))),
        cell(entries.map(({ moved }) => moved)),
        cell(entries.map(({ loss }) => loss)),
      ];
    }),
  );
  return {
    title: "Training beside noise of its size",
    columns: [
      "setting",
      "layer",
      "r trained",
      "r isotropic",
      "difference",
      "BCa",
      "seeds below 0",
      "trained − gradient noise",
      "permuted − isotropic",
      "difference before the ReLU",
      "‖D‖ / ‖W₀‖",
      "loss, nats",
    ],
    rows,
    caption:
      "Means over seeds with 95 % t intervals; BCa: bootstrap of the difference over seeds, 2,000 resamples. ‖D‖ / ‖W₀‖ over all weights; loss over the last 16 updates.",
  };
}

function bcaText(values: readonly number[], key: (string | number)[]): string {
  const kept = finite(values);
  if (kept.length < leastBootstrapped) return "too few seeds";
  const { bca } = bootstrap(kept, (sample) => mean(sample), {
    stream: randomStream(studyName, "bootstrap", ...key),
    resamples,
  });
  return intervalText([bca.low, bca.high], 3);
}

function byKind(told: AllTold): StudyTable {
  const all = settingNames.flatMap((setting) => toldOf(told, noiseArmName(setting)));
  const row = (name: string, title: string) => [
    title,
    ...layers.flatMap((layer) => [
      cell(pooledR(told, name, layer)),
      cellWithInterval(pooledDifference(told, name, "isotropic", layer)),
    ]),
    name === "trained"
      ? "1.00"
      : cell(
          all.map(({ overlap }) => overlap[name]),
          2,
        ),
    ...layers.map((layer) =>
      cell(
        all.map(({ alignment }) => alignment[name][layer]),
        2,
      ),
    ),
  ];
  return {
    title: "What noise keeps of training's displacement",
    columns: [
      "kept",
      ...layers.flatMap((layer) => [`r, layer ${layer}`, `− isotropic, layer ${layer}`]),
      "|cosine| with D",
      ...layers.map((layer) => `alignment, layer ${layer}`),
    ],
    rows: [...noiseNames.map((name) => row(name, noiseTitles[name])), row("trained", "all: training itself")],
    caption:
      "Mean of the five settings by seed, then over seeds, with 95 % t intervals; exploratory. Alignment: variance over cells that the change of W_in adds to pre-activations, relative to a change of the same norm in random directions; 1 is no alignment.",
  };
}

function byPart(told: AllTold): StudyTable {
  const rows = partNames.map((part) => [
    part,
    ...layers.flatMap((layer) => {
      const [trained, isotropic] = [partly(part, "trained"), partly(part, "isotropic")];
      return [
        cell(pooledR(told, trained, layer)),
        cell(pooledR(told, isotropic, layer)),
        cellWithInterval(pooledDifference(told, trained, isotropic, layer)),
      ];
    }),
  ]);
  return {
    title: "One part displaced alone",
    columns: [
      "part",
      ...layers.flatMap((layer) => [
        `r trained, layer ${layer}`,
        `r isotropic, layer ${layer}`,
        `difference, layer ${layer}`,
      ]),
    ],
    rows,
    caption: "Mean of the five settings by seed, then over seeds, with 95 % t intervals; exploratory.",
  };
}

const grownCells = (entries: readonly Told[]) => [
  ...layers.map((layer) => cellWithInterval(rBySeed(entries, "trained", layer))),
  cell(entries.map(({ moved }) => moved)),
  cell(entries.map(({ loss }) => loss)),
  entries.length,
];
const grownColumns = [...layers.map((layer) => `r, layer ${layer}`), "‖D‖ / ‖W₀‖", "loss, nats", "seeds"];

function byScale(told: AllTold): StudyTable {
  return {
    title: "Output scale",
    columns: ["optimiser", "scale", "rate", ...grownColumns],
    rows: scaledOptimizers.flatMap((name) =>
      outputScales.map((scale) => [
        name,
        scale,
        scaledRate(name, scale).toPrecision(1),
        ...grownCells(toldOf(told, scaleArmName(name, scale))),
      ]),
    ),
    caption: "Means over seeds with 95 % t intervals; loss over the last 16 updates.",
  };
}

function byWidth(told: AllTold, size: StudySize): StudyTable {
  return {
    title: "Width",
    columns: ["parametrisation", "width", ...grownColumns],
    rows: widthsOf(size).flatMap((width) =>
      parametrisationNames
        .filter((name) => width !== baseWidth || name === "constant")
        .map((name) => [
          width === baseWidth ? "all three" : parametrisations[name],
          width,
          ...grownCells(toldOf(told, widthArmName(name, width))),
        ]),
    ),
    caption: "Means over seeds with 95 % t intervals; loss over the last 16 updates.",
  };
}

function byLinearity(told: AllTold, size: StudySize): StudyTable {
  const cells = (entries: readonly Told[]) => {
    const errors = linearityBySeed(entries, "error");
    return [
      cellWithInterval(errors, 4),
      cellWithInterval(linearityBySeed(entries, "kernel"), 4),
      cellWithInterval(bothLayers(entries.filter(({ linearity }) => linearity !== null))),
      finite(errors).length,
    ];
  };
  const scales = scaledOptimizers.flatMap((name) =>
    outputScales.map((scale) => [
      `output scale, ${name}`,
      scale,
      ...cells(toldOf(told, scaleArmName(name, scale))),
    ]),
  );
  const widths = widthsOf(size).flatMap((width) =>
    parametrisationNames
      .filter((name) => width !== baseWidth || name === "constant")
      .map((name) => [
        `width, ${width === baseWidth ? "all three" : parametrisations[name]}`,
        width,
        ...cells(toldOf(told, widthArmName(name, width))),
      ]),
  );
  return {
    title: "How linear training was",
    columns: ["sweep", "at", "linearisation error", "kernel movement", "r, mean of the layers", "seeds"],
    rows: [...scales, ...widths],
    caption: `Means over seeds with 95 % t intervals; exploratory. Linearisation error: ‖f(θ₁) − f(θ₀) − G(θ₁ − θ₀)‖ / ‖f(θ₁) − f(θ₀)‖ over logits at random places, one a sequence, G their gradients at θ₀. Kernel movement: 1 − CKA of the tangent kernels G Gᵀ before and after. Both are 0 of a lazy network. Widths: the first ${wideKernels} seeds at most.`,
  };
}
