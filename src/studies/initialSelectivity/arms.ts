/** The configurations whose untrained units are compared with the null. */
import { type ModelConfig, presets } from "../../model/config.ts";
import type { InitOptions } from "../../model/init.ts";
import type { Arm, StudySize } from "../protocol/study.ts";

/** Untrained networks of one configuration. */
export interface SelectivityArm extends Arm {
  readonly config: ModelConfig;
  readonly init: InitOptions;
  /** Latin blocks of the probe. */
  readonly blocks: number;
  /** Networks of the null for each seed. */
  readonly nullNetworks: number;
  /** Seeds whose units are screened with permutation tests, which are slow, and the shuffles of each. */
  readonly screened: readonly number[];
  readonly permutations: number;
}

const base = presets.causal;
/** Trained positions of the base configuration. */
const basePositions = base.nCtx - 1;

/** Width of the stream, with heads and hidden units that grow with it as in the original: 2 heads, 4 units a dimension. */
const wide = (dModel: number): ModelConfig => ({ ...base, dModel, dHead: dModel / 2, dMlp: 4 * dModel });
const sized = (dVocab: number, nPos: number): ModelConfig => ({ ...base, dVocab, nCtx: nPos + 1 });

const factorSizes = [4, 8, 16];

interface Setting {
  readonly name: string;
  readonly config: ModelConfig;
  readonly embeddingScale?: number;
}

const settings: readonly Setting[] = [
  { name: "base", config: base },
  { name: "no mask", config: presets.original },
  ...[8, 32, 64, 128].map((dModel) => ({ name: `width ${dModel}`, config: wide(dModel) })),
  ...factorSizes.flatMap((dVocab) =>
    factorSizes.map((nPos) => ({ name: `${dVocab} tokens × ${nPos} pos.`, config: sized(dVocab, nPos) })),
  ),
  ...[0.1, 0.3, 3].map((embeddingScale) => ({
    name: `embeddings × ${embeddingScale}`,
    config: base,
    embeddingScale,
  })),
  { name: "GELU", config: { ...base, actFn: "gelu" } },
  { name: "fixed waves", config: { ...base, positions: "sinusoidal" } },
];

/** Configurations that the selectivity screen of the original study is repeated in. */
const screenedArms = ["base", "no mask"];
/** Networks that are screened, the first of the seeds. */
const screenedSeeds = 20;

/** Every configuration with the same seeds, so that configurations differ in nothing else. */
export function selectivityArms({ seeds, quick }: StudySize): SelectivityArm[] {
  return settings.map(({ name, config, embeddingScale = 1 }) => ({
    ...{ name, seeds, config },
    init: { scheme: "pytorch", embeddingScale },
    blocks: quick ? 4 : 20,
    nullNetworks: quick ? 3 : 8,
    screened: screenedArms.includes(name) ? seeds.slice(0, screenedSeeds) : [],
    permutations: quick ? 39 : 99,
    // cells, and what a cell costs: the square of the width
    cost:
      ((config.dModel / base.dModel) ** 2 * config.dVocab * (config.nCtx - 1)) /
      (base.dVocab * basePositions),
  }));
}
