/** What the experiments print for a reader at the terminal. */
import type { PopulationResult } from "../../studies/experiments/result.ts";
import type { Verdict } from "../../studies/experiments/section.ts";
import { sectionNames } from "../../studies/experiments/spec.ts";
import { wrapped } from "../inspect/tables.ts";

/** A decision in a word. */
export const decision = ({ holds }: Verdict): string =>
  holds === null ? "undecided" : holds ? "holds" : "does not hold";

function populationLines({ name, setup, step, init, nullSeeds, sections }: PopulationResult): string[] {
  const trained = step === null ? "pretrained" : `step ${step}`;
  const weights = step === 0 ? `random weights (${init})` : trained;
  return [
    `${name}, ${weights}: ${setup.seeds.length} seed${setup.seeds.length === 1 ? "" : "s"}, ${nullSeeds.length} random networks as null`,
    ...sectionNames.flatMap((section) => {
      const { verdict } = sections[section];
      return [
        `  ${section.padEnd(14)}  ${decision(verdict)}`,
        ...wrapped(`${verdict.statement} ${verdict.evidence}`, 92).map((line) => `      ${line.trim()}`),
      ];
    }),
    "",
  ];
}

/**
 * Verdicts by population and section, and where the report is.
 *
 * @param notes  sentences that stand before all
 */
export function experimentsSummary(
  populations: readonly PopulationResult[],
  report: string,
  notes: readonly string[] = [],
): string {
  return [
    ...notes.flatMap((note) => wrapped(note)),
    ...populations.flatMap(populationLines),
    `Report: ${report}`,
  ].join("\n");
}
