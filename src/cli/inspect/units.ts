/** `inspect units`: what units are tuned to, the strongest inputs of one, or its answer to a token at a position. */
import { ArgumentError } from "../../base/errors.ts";
import { unitNamed } from "../../features/unitSites.ts";
import { inVocabulary } from "./metricChoice.ts";
import { inspectContrast } from "./unitContrast.ts";
import { inspectCorpus } from "./unitCorpus.ts";
import { inspectPortrait } from "./unitPortrait.ts";
import { inspectShares, type SharesChoice } from "./unitShares.ts";
import type { Findings, Inspection } from "./verb.ts";

/** Which units, and what is asked of them. */
export interface UnitsChoice extends SharesChoice {
  /** `L0N17`; null for all of the kind. */
  readonly unit: string | null;
  /** A cell that is asked about; both or neither. */
  readonly token: number | null;
  readonly position: number | null;
  /** A text file whose strongest positions are asked for; null for the balanced probe. */
  readonly corpus: string | null;
}

/** Most cells, token and position, of a probe that has every token at every position. */
const CELLS = 100_000;

/** Answers what was asked. */
export async function inspectUnits(
  inspection: Inspection,
  choice: UnitsChoice,
  cwd: string,
): Promise<Findings> {
  const { unit, token, position, kind, corpus } = choice;
  const { config, seeds } = inspection.subject;
  if (unit !== null) unitNamed(config, unit);
  else if (config.nLayers === 0 || (kind === "neuron" ? config.attnOnly : kind === "head" && config.mlpOnly))
    throw new ArgumentError({ where: "--kind", rule: "this model has no such units", got: kind });
  if (corpus !== null) {
    const given = token === null ? position : token;
    if (given === null) return inspectCorpus(inspection, { ...choice, corpus }, cwd);
    throw new ArgumentError({
      where: token === null ? "--position" : "--token",
      rule: "asks for a cell of the balanced probe, and --text gives a text",
      got: "both",
      wayOut: "Leave one of them out.",
    });
  }
  if (inspection.subject.pretrained !== null && config.dVocab * config.nCtx > CELLS)
    throw new ArgumentError({
      where: "inspect units",
      rule: `the balanced probe has every token at every position, at most ${CELLS} of both`,
      got: `${config.dVocab} tokens at ${config.nCtx} positions`,
      wayOut: "Give a text: --text FILE.",
    });
  if (token !== null && position !== null) {
    inVocabulary("--token", token, config);
    const nPos = Math.max(1, config.nCtx - 1);
    if (position >= nPos)
      throw new ArgumentError({
        where: "--position",
        rule: `the probe has the positions 0 to ${nPos - 1}`,
        got: String(position),
      });
    return inspectContrast(inspection, { ...choice, token, position });
  }
  if (token !== null || position !== null)
    throw new ArgumentError({
      where: token === null ? "--token" : "--position",
      rule: "a cell is asked about by --token and --position together",
      got: "none",
    });
  if (unit === null) return inspectShares(inspection, choice);
  if (seeds.length > 1)
    throw new ArgumentError({
      where: "--seed",
      rule: "the strongest inputs are those of one network",
      got: `${seeds.length} seeds`,
      wayOut: "With --token and --position, a unit can be asked in many networks.",
    });
  return inspectPortrait(inspection, { ...choice, unit });
}
